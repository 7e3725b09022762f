"""Telling people that a run ended or stopped, and what is needed of them now: ids, states and counts, never a record."""

import logging
from typing import Any, Final

import httpx

from activities.cutover import conflicts
from ledger import migrations
from ledger.gates import gate, next_steps
from ledger.migrations import Migration, Run
from ledger.states import STEP_OF
from ledger.storage import Storage
from settings import settings

log = logging.getLogger("carryover")

#: What is needed of people: a code for programs, and words.
Next = dict[str, str]

_PAUSED: Final = "Read the exceptions, mend the map or the source, then run again; or run again with a higher limit."
_DIFFERENCES: Final = "Read the reconciliation: mend and verify again, or an approver accepts the differences."
_WAITS: Final = {"code": "none", "words": "Nothing needs to be done: it goes on by itself."}


async def tell_end(store: Storage, run: Run, error: dict[str, str] | None = None) -> None:
    """Tell that a run has ended or was stopped. ``error``: why it failed, and what helps."""
    if not settings().webhook:
        return
    migration = await migrations.load(store, run.migration)
    open_conflicts = 0
    if run.kind == "delta" and run.state == "done":
        open_conflicts = len(await conflicts(store, run.migration, await migrations.list_runs(store, run.migration)))
    await _post(run, run.message, what_next(migration, run, error, open_conflicts))


async def tell_wait(run: Run, words: str) -> None:
    """Tell that a run waits and goes on by itself."""
    if settings().webhook:
        await _post(run, words, _WAITS)


def what_next(migration: Migration, run: Run, error: dict[str, str] | None, open_conflicts: int = 0) -> Next | None:
    """What is needed after the end of a run: a step, or a decision (``accept``, ``conflicts``); None when nothing is."""
    step = STEP_OF.get(run.kind, "sample")
    if run.state == "failed":
        return {"code": step, "words": (error or {}).get("next") or "Start the step again: finished work is kept."}
    if run.state == "paused":
        return {"code": step, "words": _PAUSED}
    if open_conflicts:
        many = f"{open_conflicts:,} records" if open_conflicts > 1 else "One record"
        words = f"{many} are gone from the source or were changed in the target: decide what becomes of them, on the page Delta."
        return {"code": "conflicts", "words": words}
    if run.kind == "verify" and migration.reconciliation == "differences":
        return {"code": "accept", "words": _DIFFERENCES}
    if run.kind == "verify" and (refusal := gate(migration, "close")) is not None:
        return {"code": "close", "words": f"An approver closes it when all is well. Not yet: {refusal.reason}"}
    following = next_steps(migration)
    return {"code": following[0].step, "words": following[0].why} if following else None


async def _post(run: Run, message: str, following: Next | None) -> None:
    """Post to the webhook of the settings. Nobody hearing it does not fail the run."""
    content: dict[str, Any] = {
        "migration": run.migration,
        "run": run.id,
        "kind": run.kind,
        "state": run.state,
        "message": message,
        "next": following,
        "counts": run.counts,
    }
    try:
        async with httpx.AsyncClient(timeout=10) as client:
            (await client.post(settings().webhook, json=content)).raise_for_status()
    except httpx.HTTPError as error:
        log.warning("webhook was not told of %s %s: %s", run.migration, run.id, type(error).__name__)
