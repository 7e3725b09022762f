"""May each application user do what the load needs? They work side by side: one without a privilege would have every row
of its chunks refused.
"""

from collections.abc import Mapping
from typing import Final

from dataverse.client import DataverseClient
from dataverse.errors import AuthRefused
from dataverse.metadata import TableInfo
from dataverse.preflight_schema import Finding
from dataverse.users import read_privileges, who_am_i
from mapping.schema import Schema

_ACTIONS: Final = ("create", "read", "write", "delete", "append", "appendto", "assign")
_OVERRIDE: Final = "prvOverrideCreatedOnCreatedBy"
_BYPASS: Final = "prvBypassCustomBusinessLogic"
_SIGN_IN: Final = (
    "Check tenant, client id and secret or certificate, and that the application user exists in the target."
)


async def user_findings(
    users: Mapping[str, DataverseClient], schema: Schema, there: Mapping[str, TableInfo], *, bypass: bool
) -> list[Finding]:
    """What each application user (client id → its client) lacks; a table that is not there yet is a finding itself."""
    needed = _needed(schema, there)
    if bypass:
        needed[_BYPASS] = ["leaving out plug-ins and flows, as CARRYOVER_BYPASS_LOGIC asks"]
    return [finding for name, client in users.items() for finding in await _of_user(name, client, needed)]


def refused(name: str, error: AuthRefused) -> Finding:
    """An application user that is not let in."""
    return Finding(
        "auth_refused", "error", name, f"The application user {name} is not let in: {error.message}", _SIGN_IN
    )


async def _of_user(name: str, client: DataverseClient, needed: Mapping[str, list[str]]) -> list[Finding]:
    try:
        held = await read_privileges(client, (await who_am_i(client)).user_id)
    except AuthRefused as error:
        return [refused(name, error)]
    fix = f"Add the privilege, at organization level, to the security role of the application user {name}."
    return [
        Finding("privilege_missing", "error", missing, f"The application user {name} lacks {missing} ({uses}).", fix)
        for missing, uses in ((one, ", ".join(uses)) for one, uses in sorted(needed.items()) if one.lower() not in held)
    ]


def _needed(schema: Schema, there: Mapping[str, TableInfo]) -> dict[str, list[str]]:
    """Privilege → what it is for."""
    needed: dict[str, list[str]] = {}
    for table in schema.tables.values():
        names = there[table.logical].privileges if table.logical in there else {}
        for action in _ACTIONS:
            if action in names:
                needed.setdefault(names[action], []).append(f"{action} on {table.plain}")
    if any(c.logical == "overriddencreatedon" for t in schema.tables.values() for c in t.columns.values()):
        needed[_OVERRIDE] = ["keeping the original creation time"]
    return needed
