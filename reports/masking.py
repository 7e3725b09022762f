"""Reports for those who may not see patients' values: the same tables, with the shape of a value in the value's place."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from reports.model import Report, Streamed, Table

#: Reports with tables that hold values of records, or names of files, which are often named after patients.
HOLDING_VALUES: Final = ("diff", "drugs", "manual-upload", "scope")

_LETTER, _DIGIT = re.compile(r"[^\W\d_]"), re.compile(r"\d")


def mask(value: Any) -> str:
    """The shape of a value without the value: letters become x, digits 0."""
    if value in (None, "", []):
        return ""
    return _DIGIT.sub("0", _LETTER.sub("x", worded(value)[:60]))


def worded(value: Any) -> str:
    """A value as people read it: of a list its members, of nothing ""."""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(worded, value))
    return "" if value is None else str(value)


def masked(report: Report) -> Report | None:
    """The report with every value masked; None when it holds none."""
    if not any(table.values for table in report.tables):
        return None
    lead = f"{report.lead} Values are masked: letters as x, digits as 0."
    return replace(report, lead=lead, tables=[_masked(table) for table in report.tables])


def _masked(table: Table) -> Table:
    hidden = [name in table.values for name in table.columns]

    def rows() -> Iterator[list[Any]]:
        for row in table.rows:
            yield [mask(cell) if hide else cell for cell, hide in zip(row, hidden, strict=True)]

    return replace(table, rows=Streamed(rows, len(table.rows))) if any(hidden) else table
