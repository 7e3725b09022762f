"""Exceptions grouped by cause, corrections, and documents that have to be uploaded by hand."""

from collections import Counter
from typing import Any, Final

import azure.functions as func

from console import masks
from console.shell import shell
from console.visit import Visit
from ledger import notes
from reports.reconcile import FIXES, UNKNOWN_FIX
from services import papers
from services.access import StepError
from services.notes import add
from services.reports import report_data
from services.retrying import retriable

SHOWN: Final = 200  #: records of a cause on the page
#: Kind of note -> where its form leads back to, and what it may say.
NOTES: Final = {
    "correction": ("exceptions", ("Mended in the source", "Mended by hand in the target", "Left behind on purpose")),
    "upload": ("uploads", ("Uploaded by hand", "Not needed")),
    "cutover": ("close", ("Done", "Not applicable")),
    "conflict": (
        "delta",
        ("Keep the row in the target", "Deleted by hand in the target", "Set right by hand in the target"),
    ),
}


async def exceptions_page(visit: Visit) -> func.HttpResponse:
    """What did not land as mapped, by cause."""
    id = visit.args["id"]
    name, of, cause = visit.query("object"), visit.query("of"), visit.query("cause")
    run = await papers.run_of_exceptions(visit.store, id)
    found = await papers.causes(visit.store, id, run) if run else {}
    shown = {
        group: one for group, one in found.items() if name in ("", one.example.object) and of in ("", one.example.kind)
    }
    ordered = papers.by_weight(shown)
    kinds = Counter[str]()
    for one in found.values():
        kinds[one.example.kind] += one.count
    return visit.page(
        "exceptions.html",
        **await shell(visit, "exceptions"),
        run=run,
        total=kinds.total(),
        kinds={kind: kinds[kind] for kind in ("record", "field", "row")},
        groups=ordered,
        most=max((one.count for _, one in ordered), default=1),
        objects=sorted({one.example.object for one in found.values()}),
        name=name,
        of=of,
        cause=cause,
        listed=await papers.of_cause(visit.store, id, run, cause, SHOWN) if run and cause in shown else [],
        fixes=FIXES,
        unknown_fix=UNKNOWN_FIX,
        retriable=retriable,
        drugs=await report_data(visit.store, id, "drugs") if visit.person.may_see_values else None,
        corrections=await notes.read(visit.store, id, "correction"),
        whats=NOTES["correction"][1],
        answer=f"{visit.home}/notes",
    )


async def uploads_page(visit: Visit) -> func.HttpResponse:
    """Documents that could not go by themselves, to tick off."""
    report = await report_data(visit.store, visit.args["id"], "manual-upload")
    ticked = await notes.read(visit.store, visit.args["id"], "upload")
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
    await add(visit.store, visit.args["id"], kind, about, what, visit.form("reason"), visit.person.name)  # type: ignore[arg-type]
    return visit.go(f"{visit.home}/{NOTES[kind][0]}")


ROUTES: Final = (
    ("GET", "m/{id}/exceptions", "read", exceptions_page),
    ("GET", "m/{id}/uploads", "read", uploads_page),
    ("POST", "m/{id}/notes", "work", note),
)
