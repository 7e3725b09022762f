"""Exceptions grouped by cause, corrections, and documents that have to be uploaded by hand."""

from collections import Counter
from typing import Any, Final

import azure.functions as func

from console import masks
from console.shell import shell
from console.visit import Visit
from ledger.exceptions import ExceptionRow
from reports.reconcile import FIXES
from services import notes
from services.access import StepError
from services.papers import exceptions, report_data

SHOWN: Final = 200  #: records of a cause on the page
#: Kind of note -> where its form leads back to, and what it may say.
NOTES: Final = {
    "correction": ("exceptions", ("Mended in the source", "Mended by hand in the target", "Left behind on purpose")),
    "upload": ("uploads", ("Uploaded by hand", "Not needed")),
    "conflict": (
        "delta",
        ("Keep the row in the target", "Deleted by hand in the target", "Set right by hand in the target"),
    ),
}


async def exceptions_page(visit: Visit) -> func.HttpResponse:
    """What did not land as mapped, by cause."""
    run, rows = await exceptions(visit.store, visit.args["id"])
    name, of, cause = visit.query("object"), visit.query("of"), visit.query("cause")
    groups: dict[str, list[ExceptionRow]] = {}
    for row in rows:
        kind = "field" if row.field else "record"
        if name in ("", row.object) and of in ("", kind):
            groups.setdefault(f"{row.object}/{kind}/{row.code}", []).append(row)
    ordered = sorted(groups.items(), key=lambda one: (one[0].split("/")[1] != "record", -len(one[1])))
    return visit.page(
        "exceptions.html",
        **await shell(visit, "exceptions"),
        run=run,
        total=len(rows),
        records=sum(1 for row in rows if row.field is None),
        groups=ordered,
        most=max((len(some) for _, some in ordered), default=1),
        objects=sorted({row.object for row in rows}),
        name=name,
        of=of,
        cause=cause,
        listed=groups.get(cause, [])[:SHOWN],
        fixes=FIXES,
        drugs=await report_data(visit.store, visit.args["id"], "drugs") if visit.person.may_see_values else None,
        corrections=await notes.notes(visit.store, visit.args["id"], "correction"),
        whats=NOTES["correction"][1],
        answer=f"{visit.home}/notes",
    )


async def uploads_page(visit: Visit) -> func.HttpResponse:
    """Documents that could not go by themselves, to tick off."""
    report = await report_data(visit.store, visit.args["id"], "manual-upload")
    ticked = await notes.notes(visit.store, visit.args["id"], "upload")
    tables: dict[str, Any] = report["tables"] if report else {}
    waiting = [(row["Document"], row) for row in tables.get("To upload", [])]
    look = [(masks.name(visit, row["Document or file"]), row) for row in tables.get("To look at", [])]
    return visit.page(
        "uploads.html",
        **await shell(visit, "uploads"),
        report=report,
        waiting=waiting,
        look=look,
        reasons=Counter(row["Reason"] for _, row in waiting),
        ticked=ticked,
        answer=f"{visit.home}/notes",
    )


async def note(visit: Visit) -> func.HttpResponse:
    """Keep what a person did outside the app."""
    kind, what = visit.form("kind"), visit.form("what")
    if kind not in NOTES or what not in NOTES[kind][1]:
        raise StepError("bad_request", "That is nothing to note.", "Choose one of the answers.")
    about = visit.form("about")[:400]
    await notes.add(visit.store, visit.args["id"], kind, about, what, visit.form("reason"), visit.person.name)  # type: ignore[arg-type]
    return visit.go(f"{visit.home}/{NOTES[kind][0]}")


ROUTES: Final = (
    ("GET", "m/{id}/exceptions", "read", exceptions_page),
    ("GET", "m/{id}/uploads", "read", uploads_page),
    ("POST", "m/{id}/notes", "work", note),
)
