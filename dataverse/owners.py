"""Who may own rows of which tables: an owner, user or team, must be able to read the table (else 403 0x80040231).

The tables of a new solution are in nobody's security role but the administrator's, so that this is found before the
write, and not by every row of a salesperson.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from dataverse import query
from dataverse.client import DataverseClient
from dataverse.metadata import read_privileges_of
from dataverse.preflight_schema import Finding
from dataverse.together import together

#: What lists a principal's privileges. A user's include those of their teams (Learn: "RetrieveUserPrivileges").
_LISTS: Final = {"systemusers": "RetrieveUserPrivileges", "teams": "RetrieveTeamPrivileges"}
#: People that one finding names; the owners report has all.
_NAMED: Final = 10
_FIX: Final = (
    "Give their security role, or their team's, Read on these tables (the solution's own tables are in no role until an "
    "administrator adds them), then prepare again."
)


async def unreadable(
    client: DataverseClient, tables: Mapping[str, str], owners: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    """Owner (``systemusers/<id>``, ``teams/<id>``) → plain names of the tables it may not read; who lacks none is left out.

    ``tables`` is logical → plain name; one that the target has not got is a finding of its own. Each owner is asked
    for once, as many side by side as the client's limit allows.
    """
    wanted = {
        tables[logical]: privileges["read"]
        for logical, privileges in (await read_privileges_of(client, tables)).items()
        if "read" in privileges
    }

    async def lacking(owner: str) -> tuple[str, ...]:
        kind, _, id = owner.partition("/")
        rows = (await client.get(f"{query.row(kind, id)}/Microsoft.Dynamics.CRM.{_LISTS[kind]}()")).json()
        # Older versions answer with ids only.
        held = {str(row.get(key)).lower() for row in rows["RolePrivileges"] for key in ("PrivilegeName", "PrivilegeId")}
        return tuple(plain for plain, (name, id) in wanted.items() if held.isdisjoint((name.lower(), id.lower())))

    asked = list(dict.fromkeys(owners))
    found = await together(lacking(owner) for owner in asked)
    return {owner: lacks for owner, lacks in zip(asked, found, strict=True) if lacks}


def owner_findings(lacking: Mapping[str, tuple[str, ...]], unchecked: str) -> list[Finding]:
    """Who cannot own rows of which tables. ``lacking``: a person's e-mail → tables; ``unchecked``: the privilege for want
    of which nobody could be looked up, "" when all were.
    """
    if unchecked:
        message = f"Whether the owners may read the tables was not checked: the application user lacks {unchecked}."
        fix = "Add the privilege to the application user's security role, then prepare again."
        return [Finding("owners_unchecked", "warning", unchecked, message, fix)]
    found = []
    for tables in sorted(set(lacking.values())):
        people = sorted(email for email, lacks in lacking.items() if lacks == tables)
        more = f" and {len(people) - _NAMED} more" if len(people) > _NAMED else ""
        message = (
            f"{', '.join(people[:_NAMED])}{more} may not read {', '.join(tables)}: their rows go to the next rule."
        )
        found.append(Finding("owner_no_privilege", "warning", ", ".join(tables), message, _FIX))
    return found
