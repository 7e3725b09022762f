"""The scope: what the source holds, counted and profiled, and the map proposed for it."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import orjson

from activities import jobs
from activities.billing import billing_files
from activities.drift import note_drift
from activities.keep import keep_report
from activities.measures import Measures, add_up
from activities.profiles import profile_of, profiled
from activities.resources import storage
from activities.tally import dataset_accounts
from activities.unstructured import unstructured
from ledger import manifest, map_versions, migrations, paths, transitions
from ledger.states import STATES
from ledger.storage import Storage, bounded
from mapping.carry import carried, only_grown
from mapping.catalog import load_catalog
from mapping.drift import MAPPED, Drift
from mapping.hash import map_hash
from mapping.model import ClinicMap
from mapping.objects import OBJECTS
from mapping.propose import propose
from reports.estimates import Size, clear_fields
from reports.scope import UPLOAD_CANNOT, map_report, rebuild_report, scope_report
from reports.warnings import DAILY_REQUESTS, Seen
from settings import settings
from sources.inventory import PropertyProfile, ValueCounts, merge_properties
from sources.profile import Profile
from sources.readers import kind_of

#: The document that holds the last proposal, as it was before people changed it.
PROPOSAL: Final = "proposal.json"


async def make_scope(job: dict[str, Any]) -> dict[str, Any]:
    """Merge what the buckets counted, propose a map, write the reports; the outcome of the step."""
    store = await storage()
    migration = await migrations.load(store, job["migration"])
    source = await jobs.document(store, migration.id, "source.json")
    profile = await profile_of(store, migration.id, source["profile"])
    records = await _records(store, job)
    found = await merged(store, job)
    # A custom property is one non-empty value of one patient, whatever it is a list of.
    records["custom_property"] = sum(one.patients for one in found["properties"].values())
    accounts = await dataset_accounts(store, migration.id, job["snapshot"])
    proposal = propose(
        {str(name): plain for name, plain in profile.map.items()},
        found["properties"],
        {key: sorted(counts.options or ()) for key, counts in found["values"].items()},
        system=migration.system,
        profile=profile.name,
        title=profile.title,
        prefix=migration.options.get("prefix", "cms"),
        time_zone=migration.options.get("time_zone", profile.time_zone),
        currency=migration.options.get("currency", "USD"),
        lengths=found["lengths"],
        out_of_scope=_out_of_scope(profile, source, accounts),
    )
    current, clinic_map = await _standing(store, migration, proposal)
    changes = await note_drift(store, job, source, found, current, clinic_map)
    stored = await _keep_map(store, migration, current, clinic_map, job)
    await jobs.keep_document(store, migration.id, PROPOSAL, proposal.model_dump(mode="json"))
    catalog = load_catalog()
    tables = {route.table for one in clinic_map.objects.values() for route in one.routes}
    seen = Seen(
        records,
        custom_tables=sum(1 for name in tables if name in catalog.tables and catalog.tables[name].custom),
        daily=settings().daily_requests or DAILY_REQUESTS,
        plan=migration.plan,
        seats=migration.options.get("seats"),
        renewal=renewal_of(migration),
        properties={name: one.patients for name, one in found["properties"].items()},
        documents=source["documents"],
        odd=(await unstructured(store, migration.id, job["snapshot"]))["counts"],
        rebuild={one.title: accounts.get(name, {}).get("rows", 0) for name, one in profile.rebuild.items()},
        billing_files=len(billing_files(source)),
        new_properties=sum(1 for one in changes if one.what == "new custom property"),
        lost_properties=sum(1 for one in changes if one.what == "custom property gone"),
    )
    size = await _size(store, migration.id, source, seen, accounts, clinic_map)
    report = scope_report(
        migration.id,
        profile,
        source,
        seen,
        accounts,
        await profiled(store, migration.id),
        size,
        found,
        clinic_map.out_of_scope,
        changes,
    )
    await keep_report(store, report)
    await keep_report(store, rebuild_report(migration.id, profile, accounts))
    await keep_report(store, map_report(migration.id, clinic_map))
    total = sum(records.values())
    fields = sum(len(route.fields) for one in clinic_map.objects.values() for route in one.routes)
    return {
        "message": (
            f"{profile.title}: {total:,} records; a map of {fields} fields is proposed."
            f"{_since(changes, migration, stored)}"
        ),
        "counts": {name: {"read": rows} for name, rows in records.items()},
    }


def _out_of_scope(
    profile: Profile, source: Mapping[str, Any], accounts: Mapping[str, Mapping[str, int]]
) -> dict[str, str]:
    """Datasets that feed nothing with the profile's reason, or "" where a person has to give one: those with rows."""
    preset = {name: one.out_of_scope for name, one in profile.datasets.items() if one.out_of_scope}
    unmarked = [*(name for name, one in profile.datasets.items() if one.unplaced), *source["strangers"]]
    return preset | {name: "" for name in unmarked if accounts.get(name, {}).get("rows")}


async def _size(
    store: Storage,
    migration: str,
    source: dict[str, Any],
    seen: Seen,
    accounts: dict[str, dict[str, int]],
    clinic_map: ClinicMap,
) -> Size:
    """What the estimates are made from."""
    papers = await jobs.optional_document(store, migration, "files.json", {})
    fields = [
        (field.status, field.confidence, field.reason)
        for one in clinic_map.objects.values()
        for route in one.routes
        for field in route.fields
    ]
    rows = sum(one["rows"] for one in accounts.values())
    source_bytes, document_bytes = uploaded_bytes(source, papers)
    return Size(
        records=seen.records,
        rows=rows,
        rows_used=rows - sum(one["rows"] for name, one in accounts.items() if name in clinic_map.out_of_scope),
        fields=len(fields),
        clear_fields=clear_fields(fields),
        cannot=UPLOAD_CANNOT,
        documents=seen.records.get("document", 0),
        source_bytes=source_bytes,
        document_bytes=document_bytes,
        users=len(orjson.loads(settings().application_users or "[1]")),
        daily=seen.daily,
    )


def uploaded_bytes(source: dict[str, Any], papers: dict[str, Any]) -> tuple[int, int]:
    """Bytes of the data files, and of the documents. ``papers``: the files of the upload."""
    documents = sum(one["size"] for name, one in papers.items() if kind_of(Path(name)) == "other")
    return sum(one["size"] for one in source["files"]), documents


def renewal_of(migration: migrations.Migration) -> date | None:
    """When the contract for the target renews; None while nobody has said."""
    renewal = migration.options.get("renewal")
    return date.fromisoformat(renewal) if renewal else None


async def _records(store: Storage, job: dict[str, Any]) -> dict[str, int]:
    total: dict[str, int] = dict.fromkeys(OBJECTS, 0)
    for blob in await store.names("staging", paths.accounts(job["migration"], job["snapshot"], "bucket-")):
        for name, rows in orjson.loads(await store.get("staging", blob))["objects"].items():
            total[name] += rows
    return total


async def merged(store: Storage, job: dict[str, Any]) -> dict[str, Any]:
    """The inventories of all buckets as one: custom properties, values of choices, lengths of texts, and measures."""
    properties: list[dict[str, PropertyProfile]] = []
    values: dict[str, ValueCounts] = {}
    measures: list[Measures] = []
    names = await store.names("staging", paths.accounts(job["migration"], job["snapshot"], "inventory-"))
    for text in await bounded(lambda name: store.get("staging", name), names):
        part = orjson.loads(text)
        properties.append({name: PropertyProfile.model_validate(one) for name, one in part["properties"].items()})
        for name, fields in part["values"].items():
            for field, counts in fields.items():
                values.setdefault(f"{name}.{field}", ValueCounts()).merge(ValueCounts.model_validate(counts))
        measures.append(part["measures"])
    total = add_up(measures)
    lengths = {f"{name}.{field}": length for name, one in total.items() for field, length in one["lengths"].items()}
    return {"properties": merge_properties(properties), "values": values, "lengths": lengths, "measures": total}


async def _standing(
    store: Storage, migration: migrations.Migration, proposal: ClinicMap
) -> tuple[ClinicMap | None, ClinicMap]:
    """The map as it is, None when there is none, and as it will be: the proposal with what people changed since the last."""
    last = await jobs.optional_document(store, migration.id, PROPOSAL, None)
    if not migration.map_version or last is None:
        return None, proposal
    current = await jobs.current_map(store, migration)
    return current, carried(current, ClinicMap.model_validate(last), proposal)


async def _keep_map(
    store: Storage,
    migration: migrations.Migration,
    current: ClinicMap | None,
    changed: ClinicMap,
    job: dict[str, Any],
) -> migrations.Migration:
    """The map becomes the next version; unless nothing changes. What was confirmed stands while fields go where they went."""
    if changed == current:
        return migration
    number, cause = migration.map_version + 1, f"proposed by {job['run']}"
    await map_versions.keep(store, migration.id, number, changed, by=job["operator"], cause=cause)
    grown = current is not None and only_grown(current, changed)
    if grown and migration.confirmed_hash == migration.map_hash:
        entry = manifest.ManifestEntry(kind="map-extended", by="scope", map_hash=map_hash(changed))
        await manifest.append(store, migration.id, entry)

    def put(one: migrations.Migration) -> None:
        # The scope's own run is active, so the gate for people does not apply: it is this run that brings the map.
        one.map_version += 1
        if one.map_hash == map_hash(changed):
            return
        if grown and one.confirmed_hash == one.map_hash:
            transitions.extended(one, map_hash(changed))
            return
        one.map_hash = map_hash(changed)
        transitions.void_confirmation(one)
        if STATES.index(one.state) < STATES.index("mapped"):
            one.state = "mapped"

    return await migrations.change(store, migration.id, put)


def _since(changes: Sequence[Drift], before: migrations.Migration, after: migrations.Migration) -> str:
    """What the run's message says of what changed, and of the confirmation."""
    if not changes:
        return ""
    many = sum(1 for one in changes if one.what != MAPPED)
    words = f" {many:,} {'thing has' if many == 1 else 'things have'} changed since the last source, see the report"
    if before.confirmed_hash is None:
        return f"{words}."
    stands = after.confirmed_hash is not None
    return f"{words}; {'what was confirmed stands' if stands else 'the map needs a new confirmation'}."
