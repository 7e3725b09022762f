"""History events of the Durable protocol, as compact rows.

An event is kept as JSON text without its ``IsPlayed`` member (that changes from replay to replay and is
spliced in when a context is built), beside the few columns the engine itself reads.
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

EXECUTION_STARTED = 0
TASK_SCHEDULED = 4
TASK_COMPLETED = 5
TASK_FAILED = 6
SUB_CREATED = 7
SUB_COMPLETED = 8
SUB_FAILED = 9
TIMER_CREATED = 10
TIMER_FIRED = 11
ORCHESTRATOR_STARTED = 12
ORCHESTRATOR_COMPLETED = 13

COMPLETIONS = frozenset({TASK_COMPLETED, TASK_FAILED, SUB_COMPLETED, SUB_FAILED, TIMER_FIRED})
FAILURES = frozenset({TASK_FAILED, SUB_FAILED})
DECISIONS = frozenset({TASK_SCHEDULED, SUB_CREATED, TIMER_CREATED})

MICROSECONDS = 1_000_000


class Event(NamedTuple):
    """One history event: kind, the sequence id it is about (-1: none), function name, time in µs, JSON text."""

    kind: int
    ref: int
    name: str
    at: int
    text: str


def stamp(at: int) -> str:
    """Microseconds since the epoch as .NET writes a UTC time (seven digits)."""
    return datetime.fromtimestamp(at // MICROSECONDS, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % MICROSECONDS:06d}0Z"


def parse_stamp(text: str) -> int:
    """The reverse of `stamp`, for any ISO 8601 time; one without a zone is UTC."""
    head, dot, tail = text.partition(".")
    if dot:  # fromisoformat takes at most six digits
        digits = len(tail) - len(tail.lstrip("0123456789"))
        text = f"{head}.{tail[: min(digits, 6)]}{tail[digits:]}"
    when = datetime.fromisoformat(text)
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    return int(when.replace(microsecond=0).timestamp()) * MICROSECONDS + when.microsecond


def make(kind: int, at: int, *, ref: int = -1, name: str = "", **members: Any) -> Event:
    """An event; `ref` is its EventId where it schedules something, else what its members say."""
    event_id = ref if kind in DECISIONS else -1
    body = {"EventType": kind, "EventId": event_id, "Timestamp": stamp(at), **members}
    return Event(kind, ref, name, at, orjson.dumps(body).decode())


def completed(kind: int, task_id: int, at: int, **members: Any) -> Event:
    """A completion (activity, sub-orchestration) of the task with sequence id `task_id`."""
    return make(kind, at, ref=task_id, TaskScheduledId=task_id, **members)


def with_played(text: str, played: bool) -> str:
    """The event's JSON text with its `IsPlayed` member."""
    return f'{text[:-1]},"IsPlayed":{"true" if played else "false"}}}'
