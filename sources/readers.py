"""Reads a file of records row by row: CSV, TSV, JSON, NDJSON, XLSX, Parquet. Never holds a file in memory.

Every value comes out as text exactly as it stands in the file (numbers of JSON too: ``1.50`` stays ``1.50``);
an empty cell is None; lists and objects of JSON stay lists and dicts, with text inside.
"""

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sources.errors import BadRow, BadSource
from sources.json_rows import json_rows, ndjson_rows
from sources.parquet_rows import parquet_rows
from sources.text import delimiter_of, encoding_of
from sources.workbook import workbook_rows

Row = dict[str, Any]

#: File name endings that can hold records, and what reads them.
KINDS: Final = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson",
    ".xlsx": "xlsx", ".xlsm": "xlsx", ".parquet": "parquet",
}  # fmt: skip

#: Longest cell that is taken for one: a broken quote would otherwise swallow the rest of the file.
MAX_CELL: Final = 8 * 1024 * 1024

_HEADER_BYTES: Final = 256 * 1024
_HEADER_ROWS: Final = 200  #: JSON rows may leave keys out, so several are looked at


def kind_of(path: Path) -> str:
    """The reader for that file name, ``other`` when there is none."""
    return KINDS.get(path.suffix.lower(), "other")


def open_rows(path: Path, kind: str) -> Iterator[Row]:
    """The rows of a file, in file order.

    Raises:
        BadRow: while iterating, for a row that cannot be read; names file and line, never the content.
        BadSource: the file as a whole cannot be read.
    """
    match kind:
        case "csv" | "tsv":
            return _delimited_rows(path, kind)
        case "json":
            return json_rows(path)
        case "ndjson":
            return ndjson_rows(path)
        case "xlsx":
            return workbook_rows(path)
        case "parquet":
            return parquet_rows(path)
        case _:
            raise BadSource(f"{path.name} is of no kind that holds records ({', '.join(sorted(KINDS))})")


def header(path: Path) -> list[str]:
    """The column names of a file; of JSON, every key of its first rows; empty when the file is empty."""
    kind = kind_of(path)
    if kind in ("csv", "tsv"):
        with path.open(encoding=encoding_of(path, _HEADER_BYTES), newline="", errors="replace") as file:
            return _names(path, next(_cells(path, file, kind), (0, []))[1])
    rows = islice(open_rows(path, kind), _HEADER_ROWS)
    return list(dict.fromkeys(name for row in rows for name in row))


def _cells(path: Path, file: Any, kind: str) -> Iterator[tuple[int, list[str]]]:
    """Every row that is not blank with the number of its first line. Quotes are taken strictly."""
    csv.field_size_limit(MAX_CELL)
    first = file.readline()
    reader = csv.reader(_again(first, file), delimiter="\t" if kind == "tsv" else delimiter_of(first), strict=True)
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reason = "a quote is opened and not closed" if "end of data" in str(error) else str(error)
            raise BadRow(path.name, line, reason) from None
        if cells:
            yield line, cells
        line = reader.line_num + 1


def _again(first: str, file: Any) -> Iterator[str]:
    if first:
        yield first
    yield from file


def _names(path: Path, cells: list[str]) -> list[str]:
    """Header cells as column names: trimmed, unnamed ones numbered, none twice."""
    names = [cell.strip() or f"column_{index}" for index, cell in enumerate(cells, 1)]
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            raise BadSource(f"{path.name} has the column {name} twice")
        seen.add(name.casefold())
    return names


def _delimited_rows(path: Path, kind: str) -> Iterator[Row]:
    with path.open(encoding=encoding_of(path), newline="") as file:
        rows = _cells(path, file, kind)
        names = _names(path, next(rows, (0, []))[1])
        width = len(names)
        for line, cells in rows:
            if len(cells) != width:
                raise BadRow(path.name, line, f"{len(cells)} cells where the header has {width}")
            yield {name: cell or None for name, cell in zip(names, cells, strict=True)}
