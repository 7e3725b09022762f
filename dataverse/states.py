"""The last phase: rows are closed, won, completed or made inactive, each by reading its state first.

State and status values: Learn's table references and the platform's metadata (contact, account, custom tables 0/1;
task, appointment, opportunity their own).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dataverse import query
from dataverse.changes import Change, change_rows
from dataverse.client import DataverseClient
from dataverse.errors import AuthRefused, LostReply, Refused, Unavailable
from dataverse.outcomes import CONFLICT, FOUND, RowOutcome
from dataverse.reads import read_rows
from mapping.schema import SchemaTable

_OWN: Final[dict[str, dict[str, tuple[int, int]]]] = {
    "task": {"active": (0, 2), "completed": (1, 5), "canceled": (2, 6)},
    "appointment": {"active": (0, 1), "scheduled": (3, 5), "completed": (1, 3), "canceled": (2, 4)},
    "opportunity": {"active": (0, 1), "won": (1, 3), "lost": (2, 4)},
}
_COMMON: Final[dict[str, tuple[int, int]]] = {"active": (0, 1), "inactive": (1, 2)}
_LOST_TRIES: Final = 4


def state_values(table: str, word: str) -> tuple[int, int]:
    """statecode and statuscode of a word on a table (logical name). KeyError when the table has no such state."""
    return _OWN.get(table, _COMMON)[word]


async def set_state(
    client: DataverseClient, table: SchemaTable, wanted: Mapping[str, tuple[int, int]]
) -> dict[str, RowOutcome]:
    """Bring rows (id → statecode, statuscode) into a state; rows that are in it already are left alone ("found").

    Not for winning or losing an opportunity: that is ``close_opportunity``. Reopening one goes through here.
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
        outcomes[change.id] = RowOutcome(
            places[change.id], outcome.ok, outcome.code, outcome.message, outcome.column, outcome.unknown
        )
    return outcomes


@dataclass(frozen=True, slots=True)
class Closing:
    """How an opportunity ends. ``revenue`` in the row's currency, ``ended`` an instant or date, ``subject`` no PHI."""

    id: str
    won: bool
    subject: str
    revenue: float | None = None
    ended: str | None = None
    status: int | None = None  #: status reason; 3 Won, 4 Canceled, 5 Out-Sold; None takes 3 or 4


async def close_opportunity(client: DataverseClient, table: SchemaTable, closing: Closing) -> RowOutcome:
    """Win or lose an opportunity once: its state is read first, and again after an unanswered try.

    One that is closed the other way is a "conflict": reopen it with ``set_state`` first. The platform makes an
    opportunityclose row of its own; ``closes_of`` finds it.
    """
    state, usual = state_values("opportunity", "won" if closing.won else "lost")
    status = closing.status or usual
    for tries in range(_LOST_TRIES):
        row = (await read_rows(client, table, [closing.id], ("statecode", "statuscode"))).get(query.guid(closing.id))
        if row is None:
            return RowOutcome(0, False, "0x80040217", "The opportunity does not exist.")
        if row.get("statecode") == state:
            return RowOutcome(0, True, FOUND)
        if row.get("statecode") != 0:
            return RowOutcome(0, False, CONFLICT, "The opportunity is closed the other way.")
        try:
            await client.post(
                "WinOpportunity" if closing.won else "LoseOpportunity", _body(closing, status), table="opportunity"
            )
            return RowOutcome(0, True)
        except LostReply:
            await client.backoff(tries)
        except (AuthRefused, Unavailable):
            raise
        except Refused as error:
            return RowOutcome.failed(0, error)
    return RowOutcome.lost(0)


async def closes_of(client: DataverseClient, opportunities: Sequence[str]) -> dict[str, list[str]]:
    """The ids of the opportunityclose rows of each opportunity (lower-case ids); ones without are left out."""
    found: dict[str, list[str]] = {}
    for some in query.groups(opportunities, 40):
        address = query.path(
            "opportunitycloses",
            select="activityid,_opportunityid_value",
            filter=query.any_of("_opportunityid_value", some),
        )
        async for page in client.pages(address, table="opportunityclose"):
            for row in page:
                found.setdefault(str(row["_opportunityid_value"]).lower(), []).append(str(row["activityid"]).lower())
    return found


def _body(closing: Closing, status: int) -> dict[str, Any]:
    close: dict[str, Any] = {
        "subject": closing.subject,
        "opportunityid@odata.bind": f"/{query.row('opportunities', closing.id)}",
    }
    if closing.revenue is not None:
        close["actualrevenue"] = closing.revenue
    if closing.ended is not None:
        close["actualend"] = closing.ended
    return {"Status": status, "OpportunityClose": close}
