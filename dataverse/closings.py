"""Winning and losing opportunities, each once, and the rows that the platform makes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from dataverse import query
from dataverse.batch import Operation, run_batch
from dataverse.changes import BATCH
from dataverse.client import DataverseClient
from dataverse.errors import AuthRefused, DataverseError, LostReply, systemic
from dataverse.outcomes import CONFLICT, FOUND, RowOutcome
from dataverse.reads import read_rows
from dataverse.states import state_values
from dataverse.together import together
from mapping.schema import SchemaTable

_LOST_TRIES: Final = 4


@dataclass(frozen=True, slots=True)
class Closing:
    """How an opportunity ends. ``revenue`` in the row's currency, ``ended`` an instant or date, ``subject`` no PHI."""

    id: str
    won: bool
    subject: str
    revenue: float | None = None
    ended: str | None = None
    status: int | None = None  #: status reason; 3 Won, 4 Canceled, 5 Out-Sold; None takes 3 or 4


async def close_opportunities(
    client: DataverseClient, table: SchemaTable, closings: Sequence[Closing]
) -> list[RowOutcome]:
    """Win or lose opportunities, each once: their states are read first, and again after an unanswered try.

    One outcome a closing, in order. One that is closed the other way is a "conflict": reopen it with ``set_state``
    first. One that is "unknown" may yet be closed by a try that was never answered: call again after a quiet period.
    The platform makes an opportunityclose row of each; ``closes_of`` finds them. Raises AuthRefused and Unavailable,
    after which the call may be repeated.
    """
    outcomes: dict[int, RowOutcome] = {}
    groups = query.groups(list(enumerate(closings)), BATCH)
    await together(_close(client, table, some, outcomes) for some in groups)
    return [outcomes[i] for i in range(len(closings))]


async def _close(
    client: DataverseClient, table: SchemaTable, todo: Sequence[tuple[int, Closing]], outcomes: dict[int, RowOutcome]
) -> None:
    lost = 0
    while todo := await _still_open(client, table, todo, outcomes):
        if lost == _LOST_TRIES:
            outcomes.update({index: RowOutcome.lost(index) for index, _ in todo})
            return
        try:
            results = await run_batch(client, [_operation(closing) for _, closing in todo])
        except LostReply:
            await client.backoff(lost)
            lost += 1
            continue
        refused: dict[int, DataverseError] = {}
        for (index, _), result in zip(todo, results, strict=True):
            if isinstance(result, AuthRefused) or systemic(result):
                raise result
            if isinstance(result, DataverseError):
                refused[index] = result
            else:
                outcomes[index] = RowOutcome(index, True)
        # "Already closed" may be our own success: a try whose answer was lost committed while the next was on its way. So
        # the state has the last word; and what is still open after a lost try may yet be closed by it.
        doubtful = [(index, closing) for index, closing in todo if index in refused]
        for index, _ in await _still_open(client, table, doubtful, outcomes):
            outcomes[index] = RowOutcome.lost(index) if lost else RowOutcome.failed(index, refused[index])
        return


async def _still_open(
    client: DataverseClient, table: SchemaTable, todo: Sequence[tuple[int, Closing]], outcomes: dict[int, RowOutcome]
) -> list[tuple[int, Closing]]:
    """The opportunities that are to be closed yet; the outcomes of the others are put down."""
    rows = await read_rows(client, table, [closing.id for _, closing in todo], ("statecode", "statuscode"))
    still: list[tuple[int, Closing]] = []
    for index, closing in todo:
        row = rows.get(query.guid(closing.id))
        if row is None:
            outcomes[index] = RowOutcome(index, False, "0x80040217", "The opportunity does not exist.")
        elif row.get("statecode") == _values(closing)[0]:
            outcomes[index] = RowOutcome(index, True, FOUND)
        elif row.get("statecode") != 0:
            outcomes[index] = RowOutcome(index, False, CONFLICT, "The opportunity is closed the other way.")
        else:
            still.append((index, closing))
    return still


def _values(closing: Closing) -> tuple[int, int]:
    state, usual = state_values("opportunity", "won" if closing.won else "lost")
    return state, closing.status or usual


async def closes_of(client: DataverseClient, opportunities: Sequence[str]) -> dict[str, dict[str, str]]:
    """The opportunityclose rows of each opportunity: id of the row → id of the user who made it, all in lower case.

    Opportunities without any are left out.
    """
    found: dict[str, dict[str, str]] = {}
    for some in query.groups(opportunities, 40):
        address = query.path(
            "opportunitycloses",
            select="activityid,_opportunityid_value,_createdby_value",
            filter=query.any_of("_opportunityid_value", some),
        )
        async for page in client.pages(address, table="opportunityclose"):
            for row in page:
                made = found.setdefault(str(row["_opportunityid_value"]).lower(), {})
                made[str(row["activityid"]).lower()] = str(row.get("_createdby_value") or "").lower()
    return found


def _operation(closing: Closing) -> Operation:
    close: dict[str, Any] = {
        "subject": closing.subject,
        "opportunityid@odata.bind": f"/{query.row('opportunities', closing.id)}",
    }
    if closing.revenue is not None:
        close["actualrevenue"] = closing.revenue
    if closing.ended is not None:
        # Of a date, the middle of the day: it is the same day then in (almost) every time zone that users may have.
        close["actualend"] = closing.ended if "T" in closing.ended else f"{closing.ended}T12:00:00Z"
    action = "WinOpportunity" if closing.won else "LoseOpportunity"
    return Operation("POST", action, {"Status": _values(closing)[1], "OpportunityClose": close}, table="opportunity")
