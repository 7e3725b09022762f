"""Rows whose write was never answered: there, or not there, once the target has had time to finish.

One read that finds nothing proves nothing, since a server may commit after its client gave up. Read again after the
longest time that the target gives a request, absence is proof: nobody else writes these ids.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, Literal, TypeVar

from dataverse import query
from dataverse.client import DataverseClient
from dataverse.outcomes import RowOutcome
from dataverse.reads import existing_ids
from mapping.schema import SchemaTable

Fate = Literal["landed", "absent"]
T = TypeVar("T")

#: Longer than the two minutes in which the database and plug-ins of the service must finish.
QUIET_SECONDS: Final = 150.0


async def settle(
    client: DataverseClient, table: SchemaTable, unknown: Sequence[str], quiet_seconds: float = QUIET_SECONDS
) -> dict[str, Fate]:
    """What became of created rows; id (lower case) → fate. Waits, by the client's clock, only if some are not there.

    ``quiet_seconds`` begin now: call it when nothing that may write these ids is under way. For creates only; what else
    may be settled by sending it again goes through ``send_settled``.
    """
    wanted = list(dict.fromkeys(query.guid(i) for i in unknown))
    there = await existing_ids(client, table, wanted)
    if missing := [i for i in wanted if i not in there]:
        await client.pause(quiet_seconds)
        there |= await existing_ids(client, table, missing)
    return {i: "landed" if i in there else "absent" for i in wanted}


async def send_settled(
    client: DataverseClient,
    todo: Sequence[T],
    send: Callable[[Sequence[T]], Awaitable[list[RowOutcome]]],
    quiet_seconds: float = QUIET_SECONDS,
) -> list[RowOutcome]:
    """Send ``todo``; what stayed unanswered is sent once more after the quiet period. One outcome each, in order.

    ``send`` gives one outcome each, and finds what it has written before: a change by its version and after-image, a
    state by reading it first, a note by its id and file. What is unknown even then is an exception of its record.
    """
    outcomes = await send(todo)
    doubtful = [number for number, outcome in enumerate(outcomes) if outcome.unknown]
    if doubtful:
        await client.pause(quiet_seconds)
        again = await send([todo[number] for number in doubtful])
        for number, outcome in zip(doubtful, again, strict=True):
            outcomes[number] = replace(outcome, index=number)
    return outcomes
