"""Steps started from any page, and the live progress of a run."""

from typing import Final

import azure.functions as func

from console.shell import shell
from console.visit import Visit
from console.words import PLACES
from ledger.states import STEP_OF, Kind, now
from services import reports, steps
from services.access import StepError, admit, need_of
from services.papers import run_error
from services.preview import planned
from services.progress import progress_of

#: Kind of run -> the report it leaves.
REPORTS: Final = {
    "scope": "scope", "prepare": "preflight", "sample": "diff", "plan": "forecast", "migrate": "exceptions",
    "retry": "exceptions", "delta": "delta", "verify": "reconciliation", "rollback": "rollback",
}  # fmt: skip


async def start(visit: Visit) -> func.HttpResponse:
    """Start a step, with what the form says, and go to where it is watched."""
    step = visit.args["step"]
    if step not in PLACES:
        raise StepError("not_found", "There is no such step.", "Go to the overview.")
    admit(visit.person, need_of(step))
    if step == "rollback":
        one = await visit.migration()
        if visit.form("typed") != one.system:
            raise StepError("not_acknowledged", "That is not the name of the clinic's system.", f"Type {one.system}.")
        await _as_shown(visit)
    asked = steps.Asked(
        target=visit.form("target") or None,
        runs=visit.form("runs") or "all",
        force=visit.form("force") == "yes",
        later=step == "rollback",  # the page says which runs go with the chosen one
        pause_percent=_percent(visit.form("pause")),
        remove_solution=visit.form("solution") == "remove",
        patients=50 if visit.form("size") == "small" else None,
        causes=(cause,) if (cause := visit.form("cause")) else (),
    )
    run = await steps.start(visit.store, visit.client, visit.args["id"], step, visit.person.name, asked)
    return visit.go(f"{visit.home}/runs/{run.id}")


async def _as_shown(visit: Visit) -> None:
    """What is taken back is what the person was shown. Raises StepError when a run has begun or gone since."""
    force = visit.form("force") == "yes"
    found = await planned(visit.store, visit.args["id"], visit.form("runs") or "all", force=force)
    if visit.form("shown") != " ".join(found["runs"]):
        words = "The runs that would be taken back are not those of the page any more."
        raise StepError("runs_changed", words, "Look at the preview again.")


def _percent(text: str) -> float | None:
    if not text:
        return None
    try:
        given = float(text)
    except ValueError:
        given = -1.0
    if not 0 <= given <= 100:
        raise StepError("bad_request", "The share of exceptions is a percentage.", "Give a number from 0 to 100.")
    return given


async def run_page(visit: Visit) -> func.HttpResponse:
    """A run as it stands; htmx asks for it again until it has ended."""
    run = await steps.follow(visit.store, visit.client, visit.args["id"], visit.args["run"])
    context = {
        "progress": await progress_of(visit.store, visit.client, run),
        "lasted": ((run.ended or now()) - run.started).total_seconds(),
        "error": await run_error(visit.store, run),
        "waiting": run.waiting_until if run.waiting_until and run.waiting_until > now() else None,
        "report": None,
        "home": visit.home,
    }
    name = REPORTS.get(run.kind)
    if run.state != "running" and run.parent is None and name in await reports.names(visit.store, run.migration):
        context["report"] = name
    if visit.fragment and run.state == "running":
        return visit.page("run_part.html", **context)
    if visit.fragment:
        return visit.anew()
    return visit.page("run.html", **{**await shell(visit, _place(run.kind)), **context})


async def stop(visit: Visit) -> func.HttpResponse:
    """Ask a run to stop, and go on watching it."""
    run = await steps.stop(visit.store, visit.client, visit.args["id"], visit.args["run"], visit.person.name)
    return visit.go(f"{visit.home}/runs/{run.id}")


def _place(kind: Kind) -> str:
    """The page that a run belongs to; an undo is a part of a sample."""
    return PLACES[STEP_OF[kind]] if kind in STEP_OF else "sample"


ROUTES: Final = (
    ("POST", "m/{id}/steps/{step}", "work", start),
    ("GET", "m/{id}/runs/{run}", "read", run_page),
    ("POST", "m/{id}/runs/{run}/stop", "work", stop),
)
