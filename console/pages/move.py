"""Planning and starting the full run, the delta, verification, rollback and the close."""

import os
from typing import Any, Final

import azure.functions as func

from console import schedule
from console.shell import shell
from console.visit import Visit
from ledger import migrations, notes
from ledger.gates import window_open
from ledger.states import Run, now
from services import cutover, decisions
from services.preview import preview
from services.reports import report_data

#: Rows of a table on a page.
ROWS: Final = 500
#: Columns of the plan -> class of their colour.
PLANNED: Final = {"Create": "c1", "Change": "c3", "Unchanged": "c2", "Excepted": "c4", "Excluded": "c5"}


async def run_page(visit: Visit) -> func.HttpResponse:
    """The plan and its forecast, and the start of the full run."""
    report = await report_data(visit.store, visit.args["id"], "forecast")
    rows = report["tables"]["By object"] if report else []
    charted = [[(tone, row[key]) for key, tone in PLANNED.items()] for row in rows]
    return visit.page(
        "plan.html",
        **await shell(visit, "run"),
        report=report,
        tones=PLANNED,
        charted=charted,
        most=max((sum(count for _, count in parts) for parts in charted), default=0) or 1,
        runs=await _runs(visit, "plan", "migrate", "retry"),
    )


async def delta_page(visit: Visit) -> func.HttpResponse:
    """The delta window, the last pickup, what it brought, and what a person has to decide."""
    report = await report_data(visit.store, visit.args["id"], "delta", ROWS)
    runs = await _runs(visit, "delta")
    one = await visit.migration()
    turn = schedule.following(os.environ.get("CARRYOVER_DELTA_CRON", ""), now())
    return visit.page(
        "delta.html",
        **await shell(visit, "delta"),
        report=report,
        runs=runs,
        turn=turn if one.delta_until and turn and turn < one.delta_until else None,
        open=window_open(one),
        decided=await notes.read(visit.store, one.id, "conflict"),
        conflicts=await cutover.conflicts(visit.store, one.id),
        answer=f"{visit.home}/notes",
    )


async def shut(visit: Visit) -> func.HttpResponse:
    """A person ends the delta window before its time."""
    await decisions.shut_delta(visit.store, visit.args["id"], visit.person.name)
    return visit.go(f"{visit.home}/delta")


async def verification_page(visit: Visit) -> func.HttpResponse:
    """The reconciliation, and accepting what differs."""
    report = await report_data(visit.store, visit.args["id"], "reconciliation", ROWS)
    return visit.page(
        "verification.html",
        **await shell(visit, "verification"),
        report=report,
        most=max((row["Fields verified"] for row in report["tables"]["By object"]), default=0) or 1 if report else 1,
        runs=await _runs(visit, "verify"),
    )


async def accept(visit: Visit) -> func.HttpResponse:
    """A person accepts the differences of the latest reconciliation."""
    await decisions.accept(visit.store, visit.args["id"], visit.person.name)
    return visit.go(f"{visit.home}/verification")


async def rollback_page(visit: Visit) -> func.HttpResponse:
    """The runs that can be taken back, what a rollback of the chosen ones would do, exactly, and the form that starts it."""
    context = await shell(visit, "rollback")
    force = visit.query("force") == "yes"
    which = visit.query("runs") or "all"
    shown: dict[str, Any] = {"runs": [], "undoable": [], "objects": {}}
    if context["gate"]("rollback") is None:
        shown = await preview(visit.store, visit.args["id"], which, force=force, later=True)
    choices = shown["undoable"]
    if which == "last" and choices:
        which = choices[0]["id"]
    # A part of a sample is told by the sample's name, as it is offered.
    names = {run["id"]: run["parent"] or run["id"] for run in context["m"]["runs"]}
    return visit.page(
        "rollback.html",
        **context,
        which=which,
        choices=choices,
        chosen=next((one for one in choices if one["id"] == which), None),
        force=force,
        preview=shown,
        undone=list(dict.fromkeys(names[run] for run in shown["runs"])),
        deletes=sum(one["delete"] for one in shown["objects"].values()),
        restores=sum(one["restore"] for one in shown["objects"].values()),
        report=await report_data(visit.store, visit.args["id"], "rollback", ROWS),
        runs=await _runs(visit, "rollback"),
    )


async def close_page(visit: Visit) -> func.HttpResponse:
    """What has to hold before the end, and the form that ends it."""
    items = await cutover.items(visit.store, visit.args["id"])
    tones = cutover.TONES
    return visit.page(
        "close.html", **await shell(visit, "close"), items=items, tones=tones, answer=f"{visit.home}/notes"
    )


async def close(visit: Visit) -> func.HttpResponse:
    """End the migration, and rollback with it."""
    await decisions.close(visit.store, visit.args["id"], visit.person.name, visit.form("typed"))
    return visit.go(visit.home)


async def _runs(visit: Visit, *kinds: str) -> list[Run]:
    """Runs of these kinds, latest first."""
    return [one for one in reversed(await migrations.list_runs(visit.store, visit.args["id"])) if one.kind in kinds]


ROUTES: Final = (
    ("GET", "m/{id}/run", "read", run_page),
    ("GET", "m/{id}/delta", "read", delta_page),
    ("POST", "m/{id}/delta/shut", "work", shut),
    ("GET", "m/{id}/verification", "read", verification_page),
    ("POST", "m/{id}/accept", "approve", accept),
    ("GET", "m/{id}/rollback", "read", rollback_page),
    ("GET", "m/{id}/close", "read", close_page),
    ("POST", "m/{id}/close", "approve", close),
)
