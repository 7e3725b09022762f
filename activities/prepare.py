"""Preparing the target: the solution, the owners, and the check of everything the load will rely on."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from activities import jobs
from activities.errors import StepError
from activities.keep import keep_report
from activities.ownership import Deciders, shares
from activities.resources import storage, workplace
from activities.signin import names
from activities.target import app_clients
from dataverse.client import DataverseClient
from dataverse.errors import PrivilegeMissing
from dataverse.install import import_solution
from dataverse.orgs import file_limit, read_organization
from dataverse.owners import owner_findings, unreadable
from dataverse.preflight import PreflightSettings, preflight
from dataverse.solution import build_solution
from dataverse.solution_check import check_solution
from dataverse.users import User, find_teams, find_users
from ledger import manifest, migrations, paths
from ledger.chunks import read_records
from ledger.storage import NotStored, Storage
from mapping.model import ClinicMap
from mapping.objects import ObjectName
from mapping.owners import OwnerMatch, Owners
from mapping.schema import Schema
from reports.prepare import owners_report, preflight_report
from settings import settings


async def install_solution(job: dict[str, Any]) -> dict[str, Any]:
    """Build the solution of the confirmed map, keep it for the client's administrator, and import it."""
    store = await storage()
    migration = await migrations.load(store, job["migration"])
    schema = await jobs.schema(store, job)
    version = f"1.0.0.{migration.map_version}"
    content = await asyncio.to_thread(build_solution, schema, version=version)
    problems = await asyncio.to_thread(check_solution, content)
    if problems:
        raise StepError(
            "bad_solution", f"The solution would not import: {problems[0]}", "Mend the map, then confirm it."
        )
    await store.put("ledger", paths.solution(migration.id, version), content)
    async with app_clients(store) as (client, *_):
        await import_solution(client, content, schema)
    return {"version": version}


async def resolve_owners(job: dict[str, Any]) -> dict[str, Any]:
    """Match the staff with users by e-mail; nobody is created. Everybody who cannot own rows is named."""
    store = await storage()
    migration = await migrations.load(store, job["migration"])
    clinic_map, _ = await jobs.map_and_schema(store, job)
    staff, practitioners = await _shaped(store, job, "staff"), await _shaped(store, job, "practitioner")
    async with app_clients(store) as (client, *_):
        people = await find_users(client, [one["email"] for one in staff if one.get("email")])
        matches = [_match(one, people.get(one.get("email") or "", [])) for one in staff]
        lacking, unchecked = await _lacking(client, await jobs.schema(store, job), [match for match, _ in matches])
        owners = Owners(fallback=await _fallback(client, migration))
    rows: list[dict[str, Any]] = []
    for one, (match, words) in zip(staff, matches, strict=True):
        if lacks := lacking.get(match.owner or ""):
            match = replace(match, match="no_privilege", lacks=lacks)
            words = f"The user may not read {', '.join(lacks)}: rows of these tables go to the next rule."
        excluded = one.get("_excluded")
        rows.append(
            {
                "staff": one.get("_id") or "",
                "name": _called(clinic_map, "staff", one, "fullname"),
                "email": one.get("email") or "",
                "match": match.match,
                "lacks": match.lacks,
                "active": match.status,
                "disposition": "excluded" if excluded else "unchanged" if match.usable else "excepted",
                "reason": excluded or words,
            }
        )
        if one.get("_id") and not excluded:
            owners.staff[one["_id"]] = match
            if one.get("email"):
                owners.by_email[one["email"].strip().lower()] = one["_id"]
    locations = await _shaped(store, job, "location")
    for target, some in ((owners.practitioner, practitioners), (owners.location, locations)):
        target |= {one["_id"]: one["_owner"] for one in some if one.get("_id") and one.get("_owner")}
    whose = await shares(store, job, clinic_map, owners)
    deciders = Deciders(job["operator"], migration.confirmed_by or "", await _fallback_by(store, migration))
    for row in rows:
        row |= deciders.tell(row["disposition"] == "unchanged", whose.pop(("staff", row["staff"]), None))
    found = [_practitioner(clinic_map, one, owners, {row["staff"]: row for row in rows}) for one in practitioners]
    for row in found:
        row |= deciders.tell(row["match"] == "found", whose.pop(("practitioner", row["practitioner"]), None))
    strangers = [{"kind": kind, "id": id, **deciders.tell(False, share)} for (kind, id), share in whose.items()]
    told: dict[str, Any] = {"rows": rows, "practitioners": found, "strangers": strangers}
    await jobs.keep_document(store, job["migration"], "owners.json", owners.to_json())
    await jobs.keep_document(store, job["migration"], "staff.json", {**told, "unchecked": unchecked})
    await keep_report(
        store, owners_report(job["migration"], told, fallback_name(migration), owners.fallback is not None)
    )
    return {"staff": len(rows), "found": sum(1 for row in rows if row["disposition"] == "unchanged")}


async def _lacking(
    client: DataverseClient, schema: Schema, matches: list[OwnerMatch]
) -> tuple[dict[str, tuple[str, ...]], str]:
    """Matched people who may not read some tables, and which; or the privilege for want of which nobody could be asked."""
    tables = {table.logical: table.plain for table in schema.tables.values()}
    try:
        return await unreadable(client, tables, [match.owner for match in matches if match.owner and match.usable]), ""
    except PrivilegeMissing as error:
        return {}, error.privilege or "a privilege"


def _practitioner(
    clinic_map: ClinicMap, one: dict[str, Any], owners: Owners, staff: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """A practitioner as the owners report names one: a user is found through the staff member that the source links."""
    linked = owners.staff_id(one["_owner"]) if one.get("_owner") else ""
    known = staff.get(linked)
    match = owners.staff.get(linked)
    note = "" if linked else "The source links no staff member."
    return {
        "practitioner": one.get("_id") or "",
        "name": _called(clinic_map, "practitioner", one, "firstname", "lastname"),
        "email": known["email"] if known else _called(clinic_map, "practitioner", one, "emailaddress1"),
        "staff": linked,
        "match": match.match if match else "none",
        "reason": one.get("_excluded") or (known["reason"] if known else note),
    }


def _called(clinic_map: ClinicMap, name: ObjectName, one: dict[str, Any], *columns: str) -> str:
    """What a person's record holds for these columns of the map."""
    object_map = clinic_map.objects.get(name)
    sources = {
        field.column: field.source for route in (object_map.routes if object_map else []) for field in route.fields
    }
    return " ".join(str(one[sources[column]]) for column in columns if one.get(sources.get(column, "")))


async def _fallback_by(store: Storage, migration: migrations.Migration) -> str:
    """Who named the fallback owner."""
    if not migration.options.get("fallback_owner"):
        return "the settings"
    named = [entry.by for entry in await manifest.read(store, migration.id) if entry.kind == "fallback-owner"]
    return named[-1] if named else "whoever created the migration"


def _match(one: dict[str, Any], users: list[User]) -> tuple[OwnerMatch, str]:
    """A staff member's match, and what to say of it. Programs are no owners."""
    status = {"true": "Active", "false": "Inactive"}.get(str(one.get("active")), "Unknown")
    found = [user for user in users if not user.application]
    if not one.get("email"):
        return OwnerMatch(None, status, "none", one.get("_id") or ""), "The source has no e-mail for this person."  # type: ignore[arg-type]
    if not found:
        return OwnerMatch(None, status, "none", one["email"]), "No user of the target has this e-mail."  # type: ignore[arg-type]
    if len(found) > 1:
        return OwnerMatch(None, status, "ambiguous", one["email"]), "Several users of the target have this e-mail."  # type: ignore[arg-type]
    user = found[0]
    bind = f"systemusers/{user.id}"
    if user.disabled:
        return OwnerMatch(bind, status, "disabled", one["email"]), "The user is disabled: rows go to the next rule."  # type: ignore[arg-type]
    words = "" if status != "Inactive" else "The person left the clinic; the user is enabled and keeps the rows."
    return OwnerMatch(bind, status, "found", one["email"]), words  # type: ignore[arg-type]


def fallback_name(migration: migrations.Migration) -> str:
    """Who owns what nobody else can: what a person chose for this migration, else the setting. An e-mail, or ``team:…``."""
    return str(migration.options.get("fallback_owner") or settings().fallback_owner)


async def _fallback(client: DataverseClient, migration: migrations.Migration) -> str | None:
    """The bind path of the fallback owner, None when it cannot be used."""
    name = fallback_name(migration)
    if name.startswith("team:"):
        teams = await find_teams(client, name.removeprefix("team:").strip())
        return f"teams/{teams[0].id}" if len(teams) == 1 else None
    users = [user for user in (await find_users(client, [name])).get(name, []) if not user.disabled] if name else []
    return f"systemusers/{users[0].id}" if len(users) == 1 else None


async def _shaped(store: Storage, job: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """All shaped records of a small object (staff, practitioners, locations)."""
    async with workplace("people") as folder:
        try:
            await store.download(
                "staging", paths.shaped_chunk(job["migration"], job["snapshot"], name, "once"), folder / "x"
            )
        except NotStored:
            return []
        return await asyncio.to_thread(lambda: list(read_records(folder / "x")))


async def check_target(job: dict[str, Any]) -> dict[str, Any]:
    """Preflight: every obstacle is found before the first write. Errors end the step; the report names each with its fix."""
    store = await storage()
    migration = await migrations.load(store, job["migration"])
    papers = await jobs.optional_document(store, migration.id, "files.json", {})
    extensions = frozenset(Path(name).suffix.lstrip(".").lower() for name in papers)
    plan = migration.plan if migration.plan in ("sales_professional", "sales_enterprise") else None
    one = settings()
    wanted = PreflightSettings(plan, one.max_file_mb, fallback_name(migration), extensions, one.bypass_logic)  # type: ignore[arg-type]
    staff = await jobs.optional_document(store, migration.id, "staff.json", {"rows": [], "unchecked": ""})
    lacking = {row["email"]: tuple(row["lacks"]) for row in staff["rows"] if row["lacks"]}
    owners = owner_findings(lacking, staff["unchecked"])
    async with app_clients(store) as clients:
        users = dict(zip(names(), clients, strict=True))
        findings = await preflight(users, await jobs.schema(store, job), wanted, owners)
    await keep_report(store, preflight_report(migration.id, findings))
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        more = f" (and {len(errors) - 1} more: see the preflight report)" if len(errors) > 1 else ""
        raise StepError(errors[0].code, errors[0].message + more, errors[0].fix)
    async with app_clients(store) as (client, *_):
        organization = await read_organization(client)
    limit = file_limit(organization, settings().max_file_mb)
    await jobs.keep_document(
        store,
        migration.id,
        "limits.json",
        {"max_bytes": limit.bytes, "words": limit.words(), "blocked": sorted(organization.blocked_extensions),
         "target_name": organization.name, "parallelism": client.limiter.hinted},
    )  # fmt: skip
    warnings = sum(1 for finding in findings if finding.severity == "warning")
    return {"message": f"The target {organization.name} is ready; {warnings} warnings in the preflight report."}
