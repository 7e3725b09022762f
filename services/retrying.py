"""A retry of chosen causes: which of the exceptions that hold now it takes up, decided before its run begins."""

from collections.abc import Sequence
from typing import Any, Final

from activities.errors import StepError
from activities.standing import last_load
from ledger import migrations
from ledger.states import Run
from ledger.storage import Storage
from mapping.objects import LOAD_ORDER, OBJECTS, ObjectName
from reports.reconcile import FIXES, UNKNOWN_FIX
from services import papers

#: Why exceptions of these objects cannot be chosen: a retry never writes them by themselves.
NOT_WRITTEN: Final[dict[ObjectName, str]] = {
    "staff": "Staff are matched with users, never written: mend the user, then prepare again.",
    "custom_property": "Custom properties go with their patients: choose the patients' cause.",
    "claim": "Claims leave as files, all of them with every run: mend them in the source, then run a delta.",
}


def retriable(object_name: str) -> bool:
    """Whether records of this object can be chosen: those that are written to the target as rows of their own."""
    return object_name in LOAD_ORDER


async def choice(store: Storage, id: str) -> dict[str, Any]:
    """``run`` and ``causes`` of the exceptions that hold now: what there is to choose from, and what to do about each."""
    run = await papers.run_of_exceptions(store, id)
    found = await papers.causes(store, id, run) if run else {}
    causes = [
        {
            "cause": cause,
            "object": one.example.object,
            "of": one.example.kind,
            "code": one.example.code,
            "count": one.count,
            "message": one.example.message,
            "example": one.example.source_id,
            "fix": FIXES.get(one.example.code, UNKNOWN_FIX),
            "retry": retriable(one.example.object),
        }
        for cause, one in papers.by_weight(found)
    ]
    return {"run": run, "causes": causes}


async def chosen(store: Storage, migration: str, objects: Sequence[str], causes: Sequence[str]) -> dict[str, Any]:
    """The options of a retry of these objects, of these causes, or (where both are named) of these causes of these objects.

    ``causes``: groups of exceptions, as ``services.papers.causes`` finds them. By them, and by the run whose list they
    were chosen from (``listed_by``), the run decides about every record. It does not pause: what it takes up is excepted
    already. Raises StepError for names that are not known, and when nothing fits.
    """
    _known("object", objects, [*OBJECTS, *(name for name in LOAD_ORDER if name not in OBJECTS)])
    run = await _whole_list(store, migration)
    listed = await papers.causes(store, migration, run.id)
    _known("cause", causes, sorted(listed))
    named = {*objects, *(cause.partition("/")[0] for cause in causes)}
    for name, why in NOT_WRITTEN.items():
        if name in named:
            raise StepError("bad_request", f"Exceptions of {name} cannot be retried by themselves.", why)
    fitting = [
        cause
        for cause, one in sorted(listed.items())
        if (not causes or cause in causes) and (not objects or one.example.object in objects)
    ]
    if not fitting:
        raise StepError(
            "nothing_to_retry",
            f"{run.id} lists no exception of {' and '.join((*objects, *causes))}.",
            "Look at what it lists: ./carryover exceptions",
        )
    return {"causes": fitting, "listed_by": run.id, "pause_percent": 100.0}


async def _whole_list(store: Storage, migration: str) -> Run:
    """The run whose list holds now, if it was written to its end."""
    run = last_load(await migrations.list_runs(store, migration))
    if run is None:
        why = "Nothing has been migrated yet, so nothing is excepted."
    elif run.undone_by:
        why = f"{run.id} was taken back, so its exceptions hold no more."
    elif run.state not in ("done", "paused"):
        why = f"{run.id} has not listed every exception: it is {run.state}."
    else:
        return run
    raise StepError("no_list", why, "Retry without choosing: that takes up everything.")


def _known(what: str, given: Sequence[str], known: Sequence[str]) -> None:
    strangers = [one for one in given if one not in known]
    if strangers:
        raise StepError(
            "bad_request",
            f"There is no {what} {', '.join(map(repr, strangers))} to retry.",
            f"Known: {', '.join(known) or 'none'}.",
        )
