"""Is the target ready? Every obstacle is found before the first write, named, and said how to remove.

Findings carry names of tables, columns, privileges and users' addresses, never values of records.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from dataverse.client import DataverseClient
from dataverse.errors import AuthRefused, DataverseError, PrivilegeMissing, Transient
from dataverse.metadata import bulk_tables, custom_tables, read_metadata
from dataverse.orgs import file_limit, read_organization
from dataverse.owners import unreadable
from dataverse.preflight_schema import Finding, Severity, schema_findings
from dataverse.preflight_users import refused, user_findings
from dataverse.users import find_teams, find_users
from mapping.schema import Schema

PROFESSIONAL_TABLES: Final = 15

Plan = Literal["sales_professional", "sales_enterprise"]

__all__ = ["Finding", "PreflightSettings", "preflight"]


@dataclass(frozen=True, slots=True)
class PreflightSettings:
    """What the checks are held against. ``fallback_owner`` is an e-mail or ``team:<name>``, "" when none is set.

    ``extensions``: those of the documents to come, lower case without dot. ``bypass``: the load leaves out the target's
    custom plug-ins and flows.
    """

    plan: Plan | None = None
    max_file_mb: float = 25.0
    fallback_owner: str = ""
    extensions: frozenset[str] = field(default_factory=frozenset)
    bypass: bool = False


async def preflight(
    users: Mapping[str, DataverseClient], schema: Schema, settings: PreflightSettings, known: Sequence[Finding] = ()
) -> list[Finding]:
    """All findings, those that are ``known`` before among them; errors first.

    ``users`` are the application users: client id → its client. A target that cannot be reached, or refuses the first of
    them, ends the checks there.
    """
    name, client = next(iter(users.items()))
    try:
        organization = await read_organization(client)
        tables = {t.logical: t for t in schema.tables.values()}
        there = await read_metadata(client, tables)
        bulk = await bulk_tables(client, [name for name, t in tables.items() if t.bulk and name in there])
        found = [
            Finding("organization", "info", organization.name, f"The target is the organization {organization.name}."),
            *schema_findings(schema, there, bulk),
            *await user_findings(users, schema, there, bypass=settings.bypass),
            *await _tables(client, schema, settings.plan),
            *await _owner(client, schema, settings.fallback_owner),
            *_invitations(schema),
            *known,
        ]
    except AuthRefused as error:
        return [refused(name, error)]
    except PrivilegeMissing as error:
        fix = "Give the application user's role this privilege."
        return [Finding("privilege_missing", "error", getattr(error, "privilege", "") or "", error.message, fix)]
    except Transient as error:
        fix = "Check DATAVERSE_URL, the network, and the environment's state in the admin center."
        return [Finding("target_unreachable", "error", client.url, error.message, fix)]
    except DataverseError as error:
        fix = (
            "Check that DATAVERSE_URL is the address of a Dataverse environment of version 9.2 with Dynamics 365 Sales."
        )
        subject = error.table or client.url
        return [Finding("target_unexpected", "error", subject, f"{error.message} {error.code}".strip(), fix)]
    limit = file_limit(organization, settings.max_file_mb)
    binding: Severity = "warning" if limit.binding == "organization" else "info"
    found.append(Finding("file_limit", binding, limit.binding, f"Files may have {limit.words()}"))
    found.extend(_blocked(organization.blocked_extensions, settings.extensions))
    order = {"error": 0, "warning": 1, "info": 2}
    return sorted(found, key=lambda f: order[f.severity])


async def _tables(client: DataverseClient, schema: Schema, plan: Plan | None) -> list[Finding]:
    existing = set(await custom_tables(client))
    ours = {t.logical for t in schema.tables.values() if t.custom}
    total = len(existing | ours)
    words = f"{len(existing - ours)} custom tables in the target and {len(ours)} of this migration make {total}"
    if plan == "sales_enterprise":
        return [Finding("custom_tables", "info", str(total), f"{words}; Sales Enterprise sets no limit.")]
    if total <= PROFESSIONAL_TABLES:
        message = f"{words}, within the {PROFESSIONAL_TABLES} of Sales Professional."
        return [Finding("custom_tables", "info", str(total), message)]
    fix = (
        "Fold tables (appointments into the Appointment activity, specializations into one choice, referrals into "
        "opportunities), remove unused tables from the target, or use Sales Enterprise."
    )
    severity: Severity = "error" if plan == "sales_professional" else "warning"
    message = f"{words}; Sales Professional allows {PROFESSIONAL_TABLES}."
    return [Finding("fifteen_tables", severity, str(total), message, fix)]


def _invitations(schema: Schema) -> list[Finding]:
    """Appointment activities with attendees are what server-side synchronization sends out."""
    if "appointment" not in schema.tables:
        return []
    message = (
        "The map writes Appointment activities with their attendees. Where an owner's mailbox has server-side "
        "synchronization of appointments, Exchange may send invitations and cancellations for them, past ones included."
    )
    fix = (
        "Before the run set Appointments, Contacts, and Tasks to None in the owners' mailboxes (or deactivate the mailboxes), "
        "and back afterwards; or choose ClinicAppointment or Task for appointments."
    )
    return [Finding("appointment_invitations", "warning", "appointment", message, fix)]


async def _owner(client: DataverseClient, schema: Schema, owner: str) -> list[Finding]:
    if not owner:
        message = "No fallback owner is set: a record whose owner is not found is an exception."
        return [Finding("fallback_owner_none", "warning", "", message, "Set CARRYOVER_FALLBACK_OWNER.")]
    fix = "Set CARRYOVER_FALLBACK_OWNER to the e-mail of an enabled user, or to team:<name> of one owner team."
    if owner.startswith("team:"):
        found = [f"teams/{team.id}" for team in await find_teams(client, owner.removeprefix("team:").strip())]
        what, many = "a team of the target", "teams have this name"
    else:
        users = (await find_users(client, [owner])).get(owner, [])
        found = [f"systemusers/{user.id}" for user in users if not user.disabled]
        what, many = "an enabled user of the target", "users have this e-mail"
        if users and not found:
            return [Finding("fallback_owner_disabled", "error", owner, "The fallback owner is disabled.", fix)]
    if len(found) != 1:
        return [Finding("fallback_owner_missing", "error", owner, f"{len(found)} {many}.", fix)]
    tables = {table.logical: table.plain for table in schema.tables.values()}
    if lacks := (await unreadable(client, tables, found)).get(found[0]):
        message = f"The fallback owner may not read {', '.join(lacks)}: rows without another owner would be refused."
        fix = "Give the fallback owner's security role Read on these tables."
        return [Finding("fallback_owner_no_privilege", "error", owner, message, fix)]
    return [Finding("fallback_owner", "info", owner, f"The fallback owner is {what}.")]


def _blocked(blocked: Iterable[str], coming: frozenset[str]) -> list[Finding]:
    listed = sorted(blocked)
    found = [
        Finding("blocked_extensions", "info", str(len(listed)), f"The target blocks files of type {', '.join(listed)}.")
    ]
    if hit := sorted(coming.intersection(listed)):
        message = f"Documents of type {', '.join(hit)} are blocked in the target and will be listed for manual upload."
        fix = "An administrator may unblock a type under Settings, General, or the documents are uploaded elsewhere."
        found.append(Finding("documents_blocked", "warning", ", ".join(hit), message, fix))
    return found
