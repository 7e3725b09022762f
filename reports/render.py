"""A report in its three forms."""

import csv
import io
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from reports.model import Report
from reports.words import SIGNS, moment, shown

#: A spreadsheet would run a cell that begins with one of these as a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def render(report: Report, *, made: datetime | None = None) -> dict[str, bytes]:
    """The report as ``{"html", "csv", "json"}``; ``made`` is the time shown (now when None)."""
    at = moment(made or datetime.now(UTC))
    return {"html": _html(report, at), "csv": _csv(report), "json": _json(report, at)}


def _html(report: Report, made: str) -> bytes:
    return _environment().get_template("report.html").render(report=report, made=made).encode()


def _csv(report: Report) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    if report.tables:
        table = report.tables[report.csv_table]
        writer.writerow(table.columns)
        writer.writerows([_cell(value) for value in row] for row in table.rows)
    # The mark tells spreadsheets that the text is UTF-8.
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value


def _json(report: Report, made: str) -> bytes:
    """A row a line, one after another: there may be very many."""
    head = {
        "report": report.name,
        "migration": report.migration,
        "made": made,
        "facts": {fact.label: fact.value for fact in report.facts},
        "notes": {fact.label: fact.note for fact in report.facts if fact.note},
        **report.data,
    }
    out = io.BytesIO()
    out.write(_plain(head)[:-1] + b',"tables":[')
    for number, table in enumerate(report.tables):
        out.write(b",\n" if number else b"\n")
        out.write(_plain({"title": table.title, "note": table.note})[:-1] + b',"rows":[')
        for place, row in enumerate(table.rows):
            out.write(b",\n" if place else b"\n")
            out.write(_plain(dict(zip(table.columns, row, strict=True))))
        out.write(b"]}")
    out.write(b"]}\n")
    return out.getvalue()


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
