"""The full run, the plan before it, and the delta pickups after it."""

from typing import Any

from orchestrators.flow import Flow, Json, call, run_step, wave
from orchestrators.load import load_all, map_all, planned
from orchestrators.scope import read_source, trim


def plan(context: Any, job: Json) -> Flow:
    """A plan without writes: what would be created, changed and left, and the forecast."""
    yield from map_all(context, job)
    for name in job["objects"]:
        yield from planned(context, {**job, "object": name, "phase": "plan"})
    return (yield from call(context, "make_forecast", job))


def load_and_export(context: Any, job: Json) -> Flow:
    """Map, load, export the claims, and add up the dispositions."""
    yield from map_all(context, job)
    loaded = yield from load_all(context, job)
    if loaded["paused"]:
        return (yield from call(context, "tally", {**job, "paused": loaded["paused"]}))
    yield from wave(context, "export_claims", [{**job, "bucket": number} for number in range(job["buckets"])])
    yield from call(context, "finish_claims", job)
    return (yield from call(context, "tally", job))


def delta(context: Any, job: Json) -> Flow:
    """Read the source again and bring what changed; nothing when no file did."""
    source = yield from read_source(context, job)
    job = {**job, "snapshot": source["snapshot"], "buckets": source["buckets"]}
    job = yield from call(context, "open_run", job)
    yield from trim(context, job)
    outcome = yield from load_and_export(context, job)
    yield from call(context, "make_delta_report", job)
    return outcome


def plan_flow(context: Any) -> Flow:
    """The step ``plan``."""
    return (yield from run_step(context, plan))


def migrate_flow(context: Any) -> Flow:
    """The step ``run``."""
    return (yield from run_step(context, load_and_export))


def delta_flow(context: Any) -> Flow:
    """The step ``delta``, by hand or by the timer."""
    return (yield from run_step(context, delta))
