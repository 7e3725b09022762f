"""The last phase: rows are closed, won, completed or made inactive, each by reading its state first.

State and status values: Learn's table references and the platform's metadata (contact, account, custom tables 0/1;
task, appointment, opportunity their own).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from dataverse import query
from dataverse.changes import Change, change_rows
from dataverse.client import DataverseClient
from dataverse.outcomes import FOUND, RowOutcome
from dataverse.reads import read_rows
from mapping.schema import SchemaTable

_OWN: Final[dict[str, dict[str, tuple[int, int]]]] = {
    "task": {"active": (0, 2), "completed": (1, 5), "canceled": (2, 6)},
    "appointment": {"active": (0, 1), "scheduled": (3, 5), "completed": (1, 3), "canceled": (2, 4)},
    "opportunity": {"active": (0, 1), "won": (1, 3), "lost": (2, 4)},
}
_COMMON: Final[dict[str, tuple[int, int]]] = {"active": (0, 1), "inactive": (1, 2)}


def state_values(table: str, word: str) -> tuple[int, int]:
    """statecode and statuscode of a word on a table (logical name). KeyError when the table has no such state."""
    return _OWN.get(table, _COMMON)[word]


async def set_state(
    client: DataverseClient, table: SchemaTable, wanted: Mapping[str, tuple[int, int]]
) -> dict[str, RowOutcome]:
    """Bring rows (id → statecode, statuscode) into a state; rows that are in it already are left alone ("found").

    Not for winning or losing an opportunity: that is ``close_opportunities``. Reopening one goes through here.
    """
    wanted = {query.guid(i): values for i, values in wanted.items()}
    rows = await read_rows(client, table, list(wanted), ("statecode", "statuscode"))
    outcomes: dict[str, RowOutcome] = {}
    changes: list[Change] = []
    for index, (row_id, (state, status)) in enumerate(wanted.items()):
        row = rows.get(row_id)
        if row is None:
            outcomes[row_id] = RowOutcome(index, False, "0x80040217", "The row does not exist.")
        elif (row.get("statecode"), row.get("statuscode")) == (state, status):
            outcomes[row_id] = RowOutcome(index, True, FOUND)
        else:
            body = {"statecode": state, "statuscode": status}
            changes.append(Change("PATCH", table, row_id, body, row.get("@odata.etag")))
    places = {row_id: index for index, row_id in enumerate(wanted)}
    for change, outcome in zip(changes, await change_rows(client, changes), strict=True):
        outcomes[change.id] = replace(outcome, index=places[change.id])
    # A refusal may be our own success: a try whose answer was lost committed while the next was on its way.
    refused = [row_id for row_id, outcome in outcomes.items() if not outcome.ok and not outcome.unknown]
    rows = await read_rows(client, table, refused, ("statecode", "statuscode"))
    for row_id, row in rows.items():
        if (row.get("statecode"), row.get("statuscode")) == wanted[row_id]:
            outcomes[row_id] = RowOutcome(places[row_id], True, FOUND)
    return outcomes
