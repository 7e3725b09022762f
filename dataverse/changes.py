"""Changing and deleting rows, each guarded by the version it was read at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from dataverse import query
from dataverse.afterimage import holds, read_names
from dataverse.batch import Operation, Part, run_batch
from dataverse.client import DataverseClient
from dataverse.errors import AuthRefused, DataverseError, LostReply, NotFound, VersionMismatch, systemic
from dataverse.outcomes import CONFLICT, FOUND, RowOutcome
from dataverse.reads import read_rows
from dataverse.together import together
from mapping.schema import SchemaTable

#: Operations a request: enough to spare round trips, few enough that a lost answer leaves little to read again.
BATCH: Final = 100
LOST_TRIES: Final = 4
MISSING: Final = "0x80040217"


@dataclass(frozen=True, slots=True)
class Change:
    """One guarded write. ``etag`` is the version it may replace; None: any version, but the row must be there."""

    method: Literal["PATCH", "DELETE"]
    table: SchemaTable
    id: str
    body: Mapping[str, Any] | None = None
    etag: str | None = None


async def change_rows(client: DataverseClient, changes: Sequence[Change], *, batch: int = BATCH) -> list[RowOutcome]:
    """Apply changes through ``$batch``, going on after errors; one outcome a change, in order.

    A change whose row already holds what it would write is landed ("found"), and so is a delete that finds no row; a
    row that somebody else has changed is "conflict"; one to change that is missing is 0x80040217. Within a batch the
    changes run in order; batches run side by side, so a row may occur once per call.
    Raises AuthRefused and Unavailable, after which the call may be repeated.
    """
    keys = [(change.table.logical, query.guid(change.id)) for change in changes]
    if len(set(keys)) != len(keys):
        raise ValueError("the same row twice in one call")
    outcomes: dict[int, RowOutcome] = {}
    groups = query.groups(list(enumerate(changes)), batch)
    await together(_batch(client, some, outcomes) for some in groups)
    return [outcomes[i] for i in range(len(changes))]


async def _batch(
    client: DataverseClient, changes: Sequence[tuple[int, Change]], outcomes: dict[int, RowOutcome]
) -> None:
    todo = list(changes)
    lost = 0
    while todo:
        try:
            results = await run_batch(client, [_operation(change) for _, change in todo])
        except LostReply:
            lost += 1
            await client.backoff(lost)
            todo = await _after_silence(client, todo, outcomes, lost)
            continue
        unsure = [
            (index, change)
            for (index, change), result in zip(todo, results, strict=True)
            if not _settle(index, change, result, outcomes, lost)
        ]
        await _mine_or_conflict(client, unsure, outcomes)
        return


def _operation(change: Change) -> Operation:
    address = query.row(change.table.set_name, change.id)
    headers = {"If-Match": change.etag or "*"}
    body = dict(change.body or {}) if change.method == "PATCH" else None
    return Operation(change.method, address, body, headers, change.table.logical)


def _settle(
    index: int, change: Change, result: Part | DataverseError, outcomes: dict[int, RowOutcome], lost: int
) -> bool:
    """Put the outcome of one answered change down; False when the row must be read to tell."""
    if isinstance(result, AuthRefused) or systemic(result):
        raise result
    if not isinstance(result, DataverseError):
        outcomes[index] = RowOutcome(index, True)
    elif isinstance(result, NotFound) and result.code == MISSING and change.method == "DELETE":
        outcomes[index] = RowOutcome(index, True, FOUND)
    elif isinstance(result, VersionMismatch):
        return False
    else:
        outcomes[index] = RowOutcome.of(index, result, lost)
    return True


async def _after_silence(
    client: DataverseClient, todo: Sequence[tuple[int, Change]], outcomes: dict[int, RowOutcome], lost: int
) -> list[tuple[int, Change]]:
    """Read the rows of an unanswered batch: what has landed is done, what has not is returned to be sent again."""
    rows = await _read(client, todo)
    again: list[tuple[int, Change]] = []
    for index, change in todo:
        row = rows.get((change.table.logical, query.guid(change.id)))
        if _done(change, row):
            outcomes[index] = RowOutcome(index, True, FOUND)
        elif lost >= LOST_TRIES:
            outcomes[index] = RowOutcome.lost(index)
        else:
            again.append((index, change))
    return again


async def _mine_or_conflict(
    client: DataverseClient, unsure: Sequence[tuple[int, Change]], outcomes: dict[int, RowOutcome]
) -> None:
    rows = await _read(client, unsure) if unsure else {}
    for index, change in unsure:
        row = rows.get((change.table.logical, query.guid(change.id)))
        if _done(change, row):
            outcomes[index] = RowOutcome(index, True, FOUND)
        else:
            outcomes[index] = RowOutcome(index, False, CONFLICT, "The row has changed since it was read.")


def _done(change: Change, row: Mapping[str, Any] | None) -> bool:
    if change.method == "DELETE":
        return row is None
    return row is not None and holds(change.table, row, change.body or {})


async def _read(
    client: DataverseClient, changes: Sequence[tuple[int, Change]]
) -> dict[tuple[str, str], dict[str, Any]]:
    by_table: dict[str, list[Change]] = {}
    for _, change in changes:
        by_table.setdefault(change.table.logical, []).append(change)
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for logical, some in by_table.items():
        table = some[0].table
        columns = {name for change in some for name in read_names(table, change.body or {}).values()}
        found = await read_rows(client, table, [change.id for change in some], sorted(columns))
        rows.update({(logical, row_id): row for row_id, row in found.items()})
    return rows
