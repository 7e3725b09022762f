"""What every orchestration shares: calling activities that return failures as values, waves, and the end of a run.

Everything here is deterministic and does no I/O. Payloads are references and counts, never records.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any

Json = dict[str, Any]
Flow = Generator[Any, Any, Json]

#: Activities in flight at once in one orchestration (design: waves of at most 100 under ``task_all``).
WAVE = 100

#: Lanes of one application user at most: as many worker processes can work for it side by side.
LANES = 2

#: Chunks that one execution of an object's orchestration starts before it continues as new: keeps its history short.
CHUNKS_PER_EXECUTION = 400

#: Chunks of an object that are loaded first: where the target refuses every row, the run pauses after these.
FIRST_CHUNKS = 20


class StepFailed(Exception):
    """An activity returned ``{"error": {code, message, next}}``; the run ends with it."""

    def __init__(self, error: Json) -> None:
        super().__init__(error.get("code", "internal"))
        self.error = error


def unwrap(result: Json) -> Json:
    """The activity's result, or StepFailed when it is an error value."""
    if result.get("error"):
        raise StepFailed(result["error"])
    return result


def call(context: Any, activity: str, payload: Json) -> Flow:
    """Run one activity; raises StepFailed.

    It is called again, on a durable timer, when another worker is at the same work (the platform may deliver an activity
    twice), and when the day's requests are used up: neither is a fault.
    """
    while True:
        result = yield context.call_activity(activity, payload)
        error = result.get("error") or {}
        if error.get("code") not in ("busy", "budget_spent"):
            return unwrap(result)
        if error["code"] == "budget_spent":
            wait = {"migration": payload["migration"], "run": payload["run"], "until": error["until"]}
            unwrap((yield context.call_activity("note_wait", wait)))
        yield context.create_timer(context.current_utc_datetime.fromisoformat(error["until"]))


def wave(context: Any, activity: str, payloads: Sequence[Json]) -> Generator[Any, Any, list[Json]]:
    """Run an activity over many payloads, at most WAVE at once; raises StepFailed for the first error after its wave."""
    results: list[Json] = []
    for start in range(0, len(payloads), WAVE):
        tasks = [context.call_activity(activity, payload) for payload in payloads[start : start + WAVE]]
        results += [unwrap(result) for result in (yield context.task_all(tasks))]
    return results


def lanes(context: Any, activity: str, job: Json, chunks: Sequence[int]) -> Flow:
    """Run a chunk activity over many chunks, side by side in lanes that each work one chunk after another.

    Returns the sum of what was excepted.
    """
    tasks = [
        context.call_sub_orchestrator(
            "lane",
            {**job, "activity": activity, **one},
            f"{context.instance_id}-{activity.removesuffix('_chunk')}-{chunks[0]}-{number}",
        )
        for number, one in enumerate(shared_out(chunks, job["users"], job["parallelism"]))
    ]
    done = [unwrap(result) for result in (yield context.task_all(tasks))] if tasks else []
    return {"excepted": sum(result["excepted"] for result in done)}


def shared_out(chunks: Sequence[int], users: int, parallelism: int) -> list[Json]:
    """The chunks by lane: ``{"user", "slots", "lane"}``.

    A lane is one application user with its share of the ``parallelism`` that the service advises for that user (0: it
    advised none); so there are never more requests under way, however many instances work. Of the chunks it has as
    many as it has slots for.
    """
    of_user = max(1, min(LANES, parallelism or LANES))
    made: list[Json] = []
    for number in range(min(len(chunks), users * of_user, WAVE)):
        made.append({"user": number % users, "slots": 0, "lane": []})
    for user in range(users):
        own = [one for one in made if one["user"] == user]
        for number, one in enumerate(own):
            one["slots"] = parallelism // len(own) + (number < parallelism % len(own))
    for chunk in chunks:
        # One for each lane first: slots of a lane without chunks would be nobody's.
        place = min(made, key=lambda one: (bool(one["lane"]), (len(one["lane"]) + 1) / max(1, one["slots"])))
        place["lane"].append(chunk)
    return made


def lane(context: Any) -> Flow:
    """Sub-orchestration: the chunks of one lane, turn by turn."""
    job = context.get_input()
    work = {key: value for key, value in job.items() if key not in ("activity", "lane")}
    left = job["lane"]
    excepted = 0
    try:
        while left:
            done = yield from call(context, job["activity"], {**work, "lane": left})
            excepted, left = excepted + done["excepted"], done["left"]
    except StepFailed as failure:
        return {"error": failure.error}
    return {"excepted": excepted}


def child(context: Any, name: str, payload: Json, suffix: str) -> Flow:
    """Run a sub-orchestration under the run's name and a suffix; raises StepFailed when it returns an error.

    A name is never used twice: what Azure does with a finished child's name is not documented.
    """
    instance = f"{payload['migration']}-{payload['run']}-{suffix}"
    return unwrap((yield context.call_sub_orchestrator(name, payload, instance)))


def run_step(context: Any, body: Callable[[Any, Json], Flow]) -> Flow:
    """A whole step: open the run, do the body, and record its named end whatever happens.

    ``body(context, job)`` returns the outcome: ``{"counts": …, "message": …}``; ``"state"`` only when it is not "done".
    """
    start = context.get_input()
    try:
        job = yield from call(context, "open_run", start)
        outcome = yield from body(context, job)
    except StepFailed as failure:
        outcome = {"state": "failed", "error": failure.error}
    except Exception:
        # The SDK hands over activity crashes as bare exceptions whose text may hold anything: say where to look only.
        outcome = {
            "state": "failed",
            "error": {
                "code": "internal",
                "message": f"The orchestration {context.instance_id} stopped on an unexpected fault.",
                "next": "Look for this instance id in the app's log, then start the step again: finished work is kept.",
            },
        }
    yield context.call_activity("finish_run", {**start, "outcome": outcome})
    return outcome
