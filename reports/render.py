"""A report in its three forms, written row by row, and read again."""

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from reports.model import Report
from reports.words import SIGNS, moment, shown

#: The forms that every report comes in.
FORMS: Final = ("html", "csv", "json")
#: How the line of the JSON ends that opens the tables, and each that opens the rows of one.
_TABLES: Final = b',"tables":['
_ROWS: Final = b',"rows":['
#: A spreadsheet would run a cell that begins with one of these as a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def write(report: Report, form: str, out: BinaryIO, *, made: datetime | None = None) -> None:
    """Write the report as html, csv or json, row by row: there may be very many. ``made`` is the time shown (now when None)."""
    at = moment(made or datetime.now(UTC))
    match form:
        case "html":
            out.write(_environment().get_template("report.html").render(report=report, made=at).encode())
        case "csv":
            _csv(report, out)
        case "json":
            _json(report, at, out)


def render(report: Report, form: str, *, made: datetime | None = None) -> bytes:
    """A report that is known to be small, in one form, as ``write`` writes it."""
    out = io.BytesIO()
    write(report, form, out, made=made)
    return out.getvalue()


def read(lines: Iterable[bytes], most: int | None = None) -> dict[str, Any]:
    """A report's JSON as ``write`` wrote it, with at most so many rows of each table, and ``counts`` of all by title."""
    found: dict[str, Any] = {"counts": {}}
    table: dict[str, Any] = {}
    for line in lines:
        text = line.strip().lstrip(b",")
        if text.endswith(_TABLES):
            found |= orjson.loads(text.removesuffix(_TABLES) + b"}") | {"tables": []}
        elif text.endswith(_ROWS):
            table = orjson.loads(text.removesuffix(_ROWS) + b"}") | {"rows": []}
            found["tables"].append(table)
            found["counts"][table["title"]] = 0
        elif text.startswith(b"{"):
            found["counts"][table["title"]] += 1
            if most is None or len(table["rows"]) < most:
                table["rows"].append(orjson.loads(text))
    return found


def _csv(report: Report, out: BinaryIO) -> None:
    out.write(b"\xef\xbb\xbf")  # tells spreadsheets that the text is UTF-8
    text = io.TextIOWrapper(out, "utf-8", newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    if report.tables:
        table = report.tables[report.csv_table]
        writer.writerow(table.columns)
        writer.writerows([_cell(value) for value in row] for row in table.rows)
    text.detach()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value


def _json(report: Report, made: str, out: BinaryIO) -> None:
    """Each table and each row on a line of its own, so that ``read`` need not hold them all."""
    head = {
        "report": report.name,
        "migration": report.migration,
        "made": made,
        "facts": {fact.label: fact.value for fact in report.facts},
        "notes": {fact.label: fact.note for fact in report.facts if fact.note},
        **report.data,
    }
    out.write(_plain(head)[:-1] + _TABLES + b"\n")
    for number, table in enumerate(report.tables):
        out.write(b"," * bool(number) + _plain({"title": table.title, "note": table.note})[:-1] + _ROWS + b"\n")
        for place, row in enumerate(table.rows):
            out.write(b"," * bool(place) + _plain(dict(zip(table.columns, row, strict=True))) + b"\n")
        out.write(b"]}\n")
    out.write(b"]}\n")


def _plain(value: Any) -> bytes:
    return orjson.dumps(value, default=str)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = shown
    environment.globals["signs"] = SIGNS
    return environment
