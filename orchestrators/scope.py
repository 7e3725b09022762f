"""Scope: read the source, stage it raw, shape it, and say what is there. Nothing is written to the target."""

from typing import Any

from orchestrators.flow import Flow, Json, call, run_step, wave


def read_source(context: Any, job: Json) -> Flow:
    """Stage and shape one snapshot of the source. Returns ``{"snapshot", "buckets", "changed"}``."""
    source = yield from call(context, "read_source", job)
    if not source["changed"]:
        return source
    files = [{**job, "snapshot": source["snapshot"], "file": number} for number in range(source["files"])]
    yield from wave(context, "stage_file", files)
    # The records that hang on no patient are shaped once, beside the buckets: bucket -1.
    buckets = [{**job, "snapshot": source["snapshot"], "bucket": number} for number in range(-1, source["buckets"])]
    yield from wave(context, "shape_bucket", buckets)
    yield from call(context, "close_snapshot", {**job, "snapshot": source["snapshot"]})
    return source


def trim(context: Any, job: Json) -> Flow:
    """Remove from staging what the confirmed map does not use. Returns ``{"anew", "trim"}`` of ``check_staging``."""
    staging = yield from call(context, "check_staging", job)
    if staging["trim"]:
        yield from wave(context, "trim_bucket", [{**job, "bucket": number} for number in range(-1, job["buckets"])])
    return staging


def scope(context: Any, job: Json) -> Flow:
    """Count, profile and propose: ends with the scope report and a proposed map."""
    source = yield from read_source(context, job)
    job = {**job, "snapshot": source["snapshot"], "buckets": source["buckets"]}
    outcome = yield from call(context, "make_scope", job)
    yield from trim(context, job)
    return outcome


def scope_flow(context: Any) -> Flow:
    """The step ``scope``."""
    return (yield from run_step(context, scope))
