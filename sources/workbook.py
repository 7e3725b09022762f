"""Rows of an Excel workbook with one sheet of records, as the text a person sees in the cells."""

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from sources.archive import check_expansion
from sources.errors import BadRow, BadSource

_CLOCK = re.compile(r"[hs]", re.IGNORECASE)


def _text(cell: Any) -> str | None:
    """A cell as text. Dates in ISO form; whole numbers without a point; ``00000`` formats keep their zeros."""
    value = cell.value
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case datetime():
            whole_day = value.time() == time() and not _CLOCK.search(cell.number_format or "")
            return value.date().isoformat() if whole_day else value.isoformat()
        case date() | time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case int() | float():
            number = str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)
            zeros = cell.number_format or ""
            return number.zfill(len(zeros)) if zeros and set(zeros) == {"0"} and number.isdigit() else number
        case _:
            return str(value) or None


def workbook_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows under the header row of the only sheet that has any; blank rows do not count.

    Raises:
        BadSource: no workbook, encrypted, or several sheets hold rows.
        BadRow: cells beyond the header, or a cell that holds an error such as #N/A.
    """
    try:
        with ZipFile(path) as archive:
            check_expansion(path.name, archive.infolist())
        book = load_workbook(path, read_only=True, data_only=True)
    except (BadZipFile, InvalidFileException, KeyError, ValueError, OSError):
        raise BadSource(f"{path.name} is not an Excel workbook that can be read") from None
    try:
        filled = []
        for sheet in book.worksheets:
            sheet.reset_dimensions()
            if any(cell.value is not None for row in sheet.iter_rows() for cell in row):
                filled.append(sheet)
        if len(filled) > 1:
            names = ", ".join(sheet.title for sheet in filled)
            raise BadSource(f"{path.name} has {len(filled)} sheets with rows ({names}): save each as a file of its own")
        if filled:
            yield from _sheet_rows(path, filled[0])
    finally:
        book.close()


def _sheet_rows(path: Path, sheet: Any) -> Iterator[dict[str, Any]]:
    names: list[str] = []
    for number, cells in enumerate(sheet.iter_rows(), 1):
        if any(cell.data_type == "e" for cell in cells):
            raise BadRow(path.name, number, "a cell holds an error instead of a value")
        texts = [_text(cell) for cell in cells]
        while texts and texts[-1] is None:
            texts.pop()
        if not texts:
            continue
        if not names:
            names = [(text or "").strip() or f"column_{index}" for index, text in enumerate(texts, 1)]
            if len({name.casefold() for name in names}) < len(names):
                raise BadSource(f"{path.name} has a column twice")
            continue
        if len(texts) > len(names):
            raise BadRow(path.name, number, f"{len(texts)} cells where the header has {len(names)}")
        yield dict(zip(names, texts + [None] * (len(names) - len(texts)), strict=True))
