"""A report as a PDF: an archive's (PDF/A-2a) that a screen reader can read, too (PDF/UA-1), with its fonts in it."""

from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson
import typst

from reports.model import Report
from reports.words import SIGNS, moment, shown

_TEMPLATE: Final = Path(__file__).parent / "templates" / "report.typ"


def as_pdf(report: Report, made: datetime) -> bytes:
    """The report, as of ``made``. The same report gives the same bytes."""
    given = {"report": orjson.dumps(_plain(report, made)).decode()}
    try:
        return _compiled(given, made, standard=True)
    except typst.TypstError:
        # A name in a script that the fonts lack: its letters become boxes, which neither standard allows.
        return _compiled(given, made, standard=False)


def _compiled(given: dict[str, str], made: datetime, *, standard: bool) -> bytes:
    content = typst.compile(
        _TEMPLATE,
        format="pdf",
        ignore_system_fonts=True,
        sys_inputs=given,
        timestamp=int(made.timestamp()),
        pdf_standards=["a-2a", "ua-1"] if standard else [],
    )
    assert isinstance(content, bytes)
    return content


def _plain(report: Report, made: datetime) -> dict[str, Any]:
    """What the template reads."""
    return {
        "title": report.title,
        "lead": report.lead,
        "migration": report.migration,
        "made": moment(made),
        "signs": SIGNS,
        "facts": [[one.label, one.value, one.tone, one.note] for one in report.facts],
        "tables": [
            {
                "title": table.title,
                "note": table.note if table.rows else table.empty,
                "columns": table.columns,
                "numeric": table.numeric,
                "rows": [[[shown(cell), _tone(cell, table.marks)] for cell in row] for row in table.rows],
            }
            for table in report.tables
        ],
    }


def _tone(cell: Any, marks: Any) -> str:
    return marks.get(cell, "plain") if isinstance(cell, str) else "plain"
