"""The load: map every bucket, then each object in dependency order, chunk by chunk."""

from typing import Any

from orchestrators.flow import CHUNKS_PER_EXECUTION, Flow, Json, StepFailed, call, child, lanes, unwrap, wave


def map_all(context: Any, job: Json) -> Flow:
    """Put every shaped bucket through the map. Returns ``{}``."""
    yield from wave(context, "map_bucket", [{**job, "bucket": number} for number in range(-1, job["buckets"])])
    return {}


def load_all(context: Any, job: Json) -> Flow:
    """Load every object in dependency order; states come last, after the documents.

    Returns ``{"paused": object or None}``; what happened to each record is in the ledger.
    """
    plans: dict[str, Json] = {}
    for name in job["objects"]:
        context.set_custom_status({"phase": "load", "object": name})
        plans[name] = yield from child(context, "load_object", {**job, "object": name, "phase": "load"}, name)
        if plans[name]["excepted_percent"] > job["pause_percent"]:
            return {"paused": name}
        if plans[name]["links"]:
            again = {**job, "object": name, "phase": "link", "chunks": plans[name]["chunks"]}
            yield from child(context, "load_object", again, f"{name}-link")
    for name in job["objects"]:
        if plans[name]["states"]:
            context.set_custom_status({"phase": "state", "object": name})
            last = {**job, "object": name, "phase": "state", "chunks": plans[name]["chunks"]}
            yield from child(context, "load_object", last, f"{name}-state")
    return {"paused": None}


def planned(context: Any, job: Json) -> Flow:
    """Plan one object; before that its records are looked for in the target, where the map says so."""
    if job["object"] in job["adopting"]:
        yield from child(context, "match_object", job, f"{job['object']}-match")
    return (yield from call(context, "plan_object", job))


def match_object(context: Any) -> Flow:
    """Sub-orchestration: the match rules of one object, bucket by bucket. Errors are returned as values."""
    job = context.get_input()
    try:
        yield from lanes(context, "match_chunk", job, range(job["buckets"] + 1))
        return {}
    except StepFailed as failure:
        return {"error": failure.error}


def load_object(context: Any) -> Flow:
    """Sub-orchestration: plan one object, then its chunks in waves. Errors are returned as values."""
    job = context.get_input()
    try:
        if "chunks" not in job:
            plan = yield from planned(context, job)
            job = {**job, **{key: plan[key] for key in ("chunks", "links", "states", "read", "excepted")}}
        start = job.get("next", 0)
        stop = min(job["chunks"], start + CHUNKS_PER_EXECUTION)
        done = yield from lanes(context, "load_chunk", job, range(start, stop))
        job["excepted"] = job.get("excepted", 0) + done["excepted"]
        if stop < job["chunks"]:
            context.continue_as_new({**job, "next": stop})
            return {}
        if job["phase"] == "load":
            unwrap((yield context.call_activity("fold_receipts", job)))
        read = job.get("read", 0)
        percent = 100.0 * job["excepted"] / read if read else 0.0
        return {"chunks": job["chunks"], "links": job.get("links", 0), "states": job.get("states", 0),
                "excepted_percent": percent}  # fmt: skip
    except StepFailed as failure:
        return {"error": failure.error}
