"""The sample: migrated, read back, undone, proved undone, and migrated again, so the way back is rehearsed."""

from typing import Any

from orchestrators.flow import Flow, Json, call, run_step
from orchestrators.load import load_all, map_all
from orchestrators.rollback import undo_runs
from orchestrators.verify import verify_all


def part(context: Any, job: Json, kind: str, number: int) -> Flow:
    """The ``number``-th run inside the sample's, with a number of its own: its log and receipts stand alone."""
    return (yield from call(context, "open_part", {**job, "part": kind, "part_number": number}))


def close_part(context: Any, job: Json, undone: Any = None) -> Flow:
    """Record the end of a part."""
    end = {"migration": job["migration"], "run": job["run"], "outcome": {"undone": undone}}
    return (yield from call(context, "finish_run", end))


def sample(context: Any, job: Json) -> Flow:
    """Undo an earlier sample, choose, rehearse, load for good, and make the field-level diff."""
    job = {**job, "root": job["run"]}
    first = 0
    if job["undoable"]:
        earlier = yield from part(context, job, "undo", 0)
        undone = yield from undo_runs(context, earlier)
        yield from close_part(context, earlier, undone["undone"])
        first = 1

    yield from map_all(context, job)
    chosen = yield from call(context, "choose_sample", job)
    job = {**job, "sample": chosen["sample"], "pause_percent": 100.0}

    rehearsal = yield from part(context, job, "sample", first)
    yield from load_all(context, rehearsal)
    yield from verify_all(context, rehearsal)

    yield from close_part(context, rehearsal)

    undo = yield from part(context, job, "undo", first + 1)
    undone = yield from undo_runs(context, undo)
    yield from close_part(context, undo, undone["undone"])

    final = yield from part(context, job, "sample", first + 2)
    yield from load_all(context, final)
    yield from verify_all(context, {**final, "diff": True})
    outcome = yield from call(context, "make_diff", {**final, "rehearsal": undone["counts"]})
    yield from close_part(context, final)
    return outcome


def sample_flow(context: Any) -> Flow:
    """The step ``sample``."""
    return (yield from run_step(context, sample))
