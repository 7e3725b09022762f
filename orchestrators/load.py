"""The load: map every bucket, then each object in dependency order, chunk by chunk."""

from typing import Any

from orchestrators.flow import CHUNKS_PER_EXECUTION, FIRST_CHUNKS, Flow, Json, StepFailed, call, child, lanes, wave


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
        if plans[name]["too_many"]:
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


def _too_many(job: Json) -> bool:
    """Whether more of an object is excepted than the run may go on with."""
    return bool(job["phase"] == "load" and 100.0 * job["excepted"] > job["pause_percent"] * job["read"])


def load_object(context: Any) -> Flow:
    """Sub-orchestration: plan one object, then its chunks in waves, as long as not too many of its records are excepted.

    Errors are returned as values.
    """
    job = context.get_input()
    try:
        if "chunks" not in job:
            plan = yield from planned(context, job)
            job = {**job, **{key: plan[key] for key in ("chunks", "links", "states", "read", "excepted")}}
        if not _too_many(job):  # the plan's exceptions are known before the first write
            start = job.get("next", 0)
            stop = min(job["chunks"], start + (CHUNKS_PER_EXECUTION if start else FIRST_CHUNKS))
            done = yield from lanes(context, "load_chunk", job, range(start, stop))
            job["excepted"] = job.get("excepted", 0) + done["excepted"]
            if stop < job["chunks"] and not _too_many(job):
                context.continue_as_new({**job, "next": stop})
                return {}
        if job["phase"] == "load":
            yield from call(context, "fold_receipts", job)
        return {"chunks": job["chunks"], "links": job.get("links", 0), "states": job.get("states", 0),
                "too_many": _too_many(job)}  # fmt: skip
    except StepFailed as failure:
        return {"error": failure.error}
