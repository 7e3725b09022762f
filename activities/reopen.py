"""A closed row takes no changes: it is opened, written, and closed again in the last phase.

Opening gives the row a new version. The change may replace that one only if the row still holds what the before-image
says: else somebody has changed it since, and the change would take that away unseen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from activities.rows import Op
from dataverse.afterimage import same
from dataverse.client import DataverseClient
from dataverse.outcomes import FOUND
from dataverse.rows import CONFLICT, Change, RowOutcome, change_rows, read_rows
from dataverse.settle import send_settled
from mapping.parties import MASKS
from mapping.schema import SchemaTable
from settings import settings

#: Tables whose closed rows take no changes, and the state that opens them.
OPEN: Final = {"opportunity": (0, 1), "task": (0, 2), "appointment": (0, 1)}
#: What the platform itself changes when it closes and opens rows.
_BY_STATE: Final = {"statecode", "statuscode", "actualclosedate", "actualvalue", "actualend", "actualdurationminutes"}


async def reopened(
    client: DataverseClient,
    table: SchemaTable,
    todo: Sequence[tuple[Op, Change]],
    images: Mapping[str, dict[str, Any]],
) -> list[Change | RowOutcome]:
    """The changes as they may be sent once the closed rows among theirs are open; for a row that may not be changed, why.

    One for each of ``todo``, in order. A row is opened only in the version of its before-image.
    """
    closed = [op for op, _ in todo if table.logical in OPEN and images[op.row_id].get("statecode")]
    if not closed:
        return [change for _, change in todo]
    state, status = OPEN[table.logical]
    openings = [
        Change("PATCH", table, op.row_id, {"statecode": state, "statuscode": status}, images[op.row_id]["@odata.etag"])
        for op in closed
    ]
    outcomes = await send_settled(client, openings, lambda some: change_rows(client, some), settings().quiet_seconds)
    opened = {op.row_id: outcome for op, outcome in zip(closed, outcomes, strict=True)}
    names = sorted({name for op in closed for name in _ours(op)})
    rows = await read_rows(client, table, [id for id, outcome in opened.items() if outcome.ok], names)

    def ready(op: Op, change: Change) -> Change | RowOutcome:
        outcome = opened.get(op.row_id)
        if outcome is None:
            return change
        if not outcome.ok:
            return outcome
        row = rows.get(op.row_id)
        if row is None or not _as_known(op, images[op.row_id], row):
            return RowOutcome(
                0, False, CONFLICT, "The row was closed, and has changed since it was read; it is open now."
            )
        if _as_set(op, change, row):
            return RowOutcome(0, True, FOUND)
        return replace(change, etag=row["@odata.etag"])

    return [ready(op, change) for op, change in todo]


def _ours(op: Op) -> set[str]:
    """The columns that are our business, by read name."""
    return {*op.columns, *op.written} - _BY_STATE


def _as_known(op: Op, image: dict[str, Any], row: dict[str, Any]) -> bool:
    """Whether our columns are as before, or (an earlier attempt has landed) as we set them."""
    return all(
        same(row.get(name), image.get(name)) or (name in op.columns and same(row.get(name), op.columns[name]))
        for name in _ours(op)
    )


def _as_set(op: Op, change: Change, row: dict[str, Any]) -> bool:
    """Whether an earlier attempt has landed. Parties are no columns of the row: they are set again."""
    if MASKS.keys() & (change.body or {}).keys():
        return False
    return all(same(row.get(name), op.columns[name]) for name in op.columns.keys() - _BY_STATE)
