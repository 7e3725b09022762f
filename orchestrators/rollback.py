"""Rollback: the audit log in reverse, child before parent, ended by a read-back that proves it."""

from typing import Any

from orchestrators.flow import CHUNKS_PER_EXECUTION, Flow, Json, StepFailed, call, child, lanes, run_step


def undo_runs(context: Any, job: Json) -> Flow:
    """Undo the runs that ``job["undo"]`` names. Returns the counts the read-back proved."""
    plan = yield from call(context, "plan_rollback", job)
    for number, step in enumerate(plan["steps"]):
        context.set_custom_status(
            {"phase": "rollback", "object": step["object"], "step": number, "of": len(plan["steps"])}
        )
        yield from child(context, "undo_object", {**job, **step}, f"undo-{number}")
    return (yield from call(context, "prove_undone", job))


def undo_object(context: Any) -> Flow:
    """Sub-orchestration: undo one object's chunks of one run and phase, last chunk first."""
    job = context.get_input()
    try:
        last = job.get("next", job["chunks"])
        stop = max(0, last - CHUNKS_PER_EXECUTION)
        yield from lanes(context, "undo_chunk", job, range(last - 1, stop - 1, -1))
        if stop > 0:
            context.continue_as_new({**job, "next": stop})
        return {}
    except StepFailed as failure:
        return {"error": failure.error}


def rollback(context: Any, job: Json) -> Flow:
    """Undo, prove, take the solution out where that was asked for, report."""
    proved = yield from undo_runs(context, job)
    if job["remove_solution"]:
        context.set_custom_status({"phase": "solution"})
        yield from call(context, "remove_solution", job)
    return (yield from call(context, "make_rollback_report", {**job, "undone": proved["undone"]}))


def rollback_flow(context: Any) -> Flow:
    """The step ``rollback``."""
    return (yield from run_step(context, rollback))
