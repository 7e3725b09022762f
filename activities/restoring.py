"""What it takes to put a changed row back to its before-image, column by column. Nothing here does I/O."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from dataverse.afterimage import same

Row = Mapping[str, Any]
"""Columns by read name, with annotations and ``@odata.etag``."""

#: Columns of a before-image that an update never writes: creation is once, and states belong to the last phase.
_NOT_OURS: Final = frozenset({"createdon", "statecode", "statuscode"})


def columns_of(images: Iterable[Row]) -> set[str]:
    """The columns that before-images hold."""
    return {name for image in images for name in image if "@" not in name}


def way_back(image: Row, row: Row, after: Row | None, *, force: bool) -> dict[str, Any] | None:
    """The columns to set, and to what, so that ``row`` is as ``image`` again; empty when it is.

    ``after`` is what we last wrote; None when the run ended before its receipt, and what differs from the image counts as
    ours. A column that the image does not hold was not touched by this write, but by a second pass. None is returned when
    somebody else has changed one of our columns since; with ``force`` that is put back, too.
    """
    written = {name: row.get(name) for name in columns_of([image])} if after is None else after
    ours = [
        name
        for name, value in written.items()
        if name in image and name not in _NOT_OURS and not same(value, image[name])
    ]
    changed = [name for name in ours if not same(row.get(name), image[name])]
    if not force and any(not same(row.get(name), written[name]) for name in changed):
        return None
    return {name: image[name] for name in changed}


def as_before(image: Row, row: Row | None, columns: Iterable[str]) -> bool:
    """Whether these columns of a row that was read back hold what the image holds."""
    return row is not None and all(same(row.get(name), image[name]) for name in columns)
