"""Verify: every field of every record is read back and compared."""

from typing import Any

from orchestrators.flow import CHUNKS_PER_EXECUTION, Flow, Json, StepFailed, call, child, lanes, run_step
from orchestrators.load import map_all


def verify_all(context: Any, job: Json) -> Flow:
    """Compare every object's rows with the source, mapped anew. Returns ``{}``; findings are in the ledger."""
    for name in job["objects"]:
        context.set_custom_status({"phase": "verify", "object": name})
        yield from child(context, "verify_object", {**job, "object": name, "phase": "verify"}, f"{name}-verify")
    return {}


def verify_object(context: Any) -> Flow:
    """Sub-orchestration: match one object's records with their rows, then compare them chunk by chunk."""
    job = context.get_input()
    try:
        if "chunks" not in job:
            plan = yield from call(context, "plan_object", job)
            job = {**job, "chunks": plan["chunks"]}
        start = job.get("next", 0)
        stop = min(job["chunks"], start + CHUNKS_PER_EXECUTION)
        yield from lanes(context, "verify_chunk", job, range(start, stop))
        if stop < job["chunks"]:
            context.continue_as_new({**job, "next": stop})
        return {}
    except StepFailed as failure:
        return {"error": failure.error}


def verify(context: Any, job: Json) -> Flow:
    """Read back, compare, and write the reconciliation report."""
    yield from map_all(context, job)
    yield from verify_all(context, job)
    return (yield from call(context, "reconcile", job))


def verify_flow(context: Any) -> Flow:
    """The step ``verify``."""
    return (yield from run_step(context, verify))
