"""Changes of rows that may be closed. A closed row takes none: it is opened, written, and closed again in the last phase.

Opening gives the row a new version. The change may replace that one only if the row still holds what the before-image
says: else somebody has changed it since, and the change would take that away unseen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from activities.rows import Op
from dataverse.afterimage import same
from dataverse.client import DataverseClient
from dataverse.party_changes import change_with_parties
from dataverse.rows import CONFLICT, Change, RowOutcome, change_rows, read_rows
from dataverse.settle import send_settled
from mapping.schema import SchemaTable
from settings import settings

#: Tables whose closed rows take no changes, and the state that opens them.
OPEN: Final = {"opportunity": (0, 1), "task": (0, 2), "appointment": (0, 1)}
#: What the platform itself changes when it closes and opens rows.
_BY_STATE: Final = {"statecode", "statuscode", "actualclosedate", "actualvalue", "actualend", "actualdurationminutes"}


async def change_reopened(
    client: DataverseClient,
    table: SchemaTable,
    todo: Sequence[tuple[Op, Change]],
    images: Mapping[str, dict[str, Any]],
) -> list[RowOutcome]:
    """Make guarded changes; rows that were closed in their before-images (by row id) are opened first.

    One outcome for each of ``todo``, in order. A row that was opened and then not changed is "unknown": it is not as it
    was, and a rollback has to look at it.
    """
    quiet = settings().quiet_seconds
    opened = await _opened(client, table, todo, images)
    ready = [opened.get(op.row_id, change) for op, change in todo]
    sent = [one for one in ready if isinstance(one, Change)]
    answers = iter(await send_settled(client, sent, lambda some: change_with_parties(client, some), quiet))
    outcomes = [one if isinstance(one, RowOutcome) else next(answers) for one in ready]
    return [
        replace(outcome, unknown=True) if not outcome.ok and isinstance(opened.get(op.row_id), Change) else outcome
        for (op, _), outcome in zip(todo, outcomes, strict=True)
    ]


async def _opened(
    client: DataverseClient,
    table: SchemaTable,
    todo: Sequence[tuple[Op, Change]],
    images: Mapping[str, dict[str, Any]],
) -> dict[str, Change | RowOutcome]:
    """The closed rows among them, by id: the change in the version that the opened row has, or why it may not be made.

    A row is opened only in the version of its before-image.
    """
    closed = [(op, change) for op, change in todo if table.logical in OPEN and images[op.row_id].get("statecode")]
    if not closed:
        return {}
    state, status = OPEN[table.logical]
    body = {"statecode": state, "statuscode": status}
    openings = [Change("PATCH", table, op.row_id, body, images[op.row_id]["@odata.etag"]) for op, _ in closed]
    outcomes = await send_settled(client, openings, lambda some: change_rows(client, some), settings().quiet_seconds)
    names = sorted({name for op, _ in closed for name in _ours(op)})
    rows = await read_rows(client, table, [op.row_id for op, _ in closed], names)
    ready: dict[str, Change | RowOutcome] = {}
    for (op, change), outcome in zip(closed, outcomes, strict=True):
        row = rows.get(op.row_id)
        if not outcome.ok:
            ready[op.row_id] = outcome
        elif row is None or not _as_known(op, images[op.row_id], row):
            words = "The row was closed, and has changed since it was read; it is open now."
            ready[op.row_id] = RowOutcome(0, False, CONFLICT, words, unknown=True)
        else:
            ready[op.row_id] = replace(change, etag=row["@odata.etag"])
    return ready


def _ours(op: Op) -> set[str]:
    """The columns that are our business, by read name."""
    return {*op.columns, *op.written} - _BY_STATE


def _as_known(op: Op, image: dict[str, Any], row: dict[str, Any]) -> bool:
    """Whether our columns are as before, or (an earlier attempt has landed) as we set them."""
    return all(
        same(row.get(name), image.get(name)) or (name in op.columns and same(row.get(name), op.columns[name]))
        for name in _ours(op)
    )
