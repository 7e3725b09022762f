"""What the Durable extension does with an orchestrator's answer: walk the actions against the history.

Sequence ids are not in the answer. They are given, one counter per execution, in the order in which tasks
start, and a retry takes new ids at the moment an attempt fails; so the actions have to be run, not compared.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.host import events
from local.host.events import Event

ACTIVITY, ACTIVITY_RETRY, SUB, SUB_RETRY, CONTINUE_AS_NEW, TIMER = 0, 1, 2, 3, 4, 5
WHEN_ANY, WHEN_ALL = 11, 12
UNSUPPORTED = {
    6: ("wait_for_external_event", "externalEventName"),
    7: ("call_entity", "instanceId"),
    8: ("call_http", ""),
    9: ("signal_entity", "instanceId"),
    10: ("signal_entity (scheduled)", "instanceId"),
}


class ReplayError(Exception):
    """The orchestration cannot go on: its message becomes the reason of its failure."""


@dataclass(slots=True)
class Decision:
    """Something to schedule: an activity, a sub-orchestration or a timer, with its sequence id."""

    kind: int
    task_id: int
    name: str = ""
    input: str | None = None
    instance_id: str | None = None
    fire_at: int = 0
    cancelled: bool = False


class Task:
    """A task of the replay; tells those who wait when it is done."""

    __slots__ = ("_waiting", "done", "failed")

    def __init__(self) -> None:
        self.done = False
        self.failed = False
        self._waiting: list[Callable[[Task], None]] = []

    def finish(self, failed: bool = False) -> None:
        if self.done:
            return
        self.done, self.failed = True, failed
        for tell in self._waiting:
            tell(self)

    def then(self, tell: Callable[["Task"], None]) -> None:
        if self.done:
            tell(self)
        else:
            self._waiting.append(tell)


@dataclass(slots=True)
class Names:
    """The functions an orchestrator may call, by lower-case name."""

    activities: Mapping[str, object]
    orchestrators: Mapping[str, object]

    def check(self, kind: int, name: str) -> None:
        known, what = (
            (self.activities, "activity") if kind == events.TASK_SCHEDULED else (self.orchestrators, "orchestrator")
        )
        if name.lower() not in known:
            listed = ", ".join(f"'{n}'" for n in sorted(known)) or "none"
            raise ReplayError(
                f"The function '{name}' doesn't exist, is disabled, or is not an {what} function. "
                f"Additional info: the known {what} functions are: {listed}."
            )


@dataclass
class Replay:
    """Runs one execution's actions over its history; afterwards `decisions` holds what is new.

    Raises `ReplayError` for an unknown function, an unsupported action, and history that the actions
    do not meet (code that is not deterministic).
    """

    actions: list[dict[str, Any]]
    names: Names
    decisions: dict[int, Decision] = field(default_factory=dict)
    cancelled: list[int] = field(default_factory=list)
    count: int = 0
    _open: dict[int, Task] = field(default_factory=dict)
    _position: int = 0
    _current: Task | None = None
    _now: int = 0

    @property
    def finished(self) -> bool:
        """True when every action is done and nothing is left open: only then may an instance end."""
        return self._position >= len(self.actions) and not self._open

    def run(self, history: Iterable[Event]) -> "Replay":
        for event in history:
            kind = event.kind
            if kind == events.ORCHESTRATOR_STARTED:
                self._now = event.at
            elif kind in events.DECISIONS:
                self._meet(event)
            elif kind in events.COMPLETIONS:
                task = self._open.pop(event.ref, None)
                if task is not None:
                    task.finish(kind in events.FAILURES)
                self._advance()
            elif kind == events.EXECUTION_STARTED:
                self._advance()
        return self

    def _meet(self, event: Event) -> None:
        decision = self.decisions.pop(event.ref, None)
        if decision is None or decision.kind != event.kind or decision.name.lower() != event.name.lower():
            raise ReplayError(
                f"Non-Deterministic workflow detected: the history has {event.name or 'a timer'} with sequence id "
                f"{event.ref}, which the orchestrator code did not schedule there. Was the code changed while the "
                "orchestration ran, or does it use time, randomness or I/O?"
            )

    def _advance(self) -> None:
        while self._position < len(self.actions):
            if self._current is None:
                self._current = self._start(self.actions[self._position])
            if not self._current.done:
                return
            self._position, self._current = self._position + 1, None

    def _new(self, decision: Decision) -> Task:
        task = self._open[self.count] = Task()
        self.decisions[self.count] = decision
        self.count += 1
        return task

    def _start(self, action: dict[str, Any]) -> Task:
        kind = action["actionType"]
        if kind in (ACTIVITY, SUB):
            return self._call(action)
        if kind in (ACTIVITY_RETRY, SUB_RETRY):
            task = Task()
            self._attempt(action, task, 1)
            return task
        if kind == TIMER:
            return self._timer(events.parse_stamp(action["fireAt"]), bool(action.get("isCanceled")))
        if kind in (WHEN_ANY, WHEN_ALL):
            return self._compound(kind, action["compoundActions"])
        if kind == CONTINUE_AS_NEW:
            task = Task()
            task.finish()
            return task
        api, member = UNSUPPORTED.get(kind, (f"action {kind}", ""))
        detail = f" ({action[member]})" if member and member in action else ""
        raise ReplayError(f"{api}{detail} is not supported by the local Functions host.")

    def _call(self, action: dict[str, Any]) -> Task:
        kind = events.TASK_SCHEDULED if action["actionType"] in (ACTIVITY, ACTIVITY_RETRY) else events.SUB_CREATED
        name = action["functionName"]
        self.names.check(kind, name)
        if action.get("version"):
            raise ReplayError(f"a version ({name}) is not supported by the local Functions host.")
        return self._new(Decision(kind, self.count, name, action.get("input"), action.get("instanceId")))

    def _timer(self, fire_at: int, cancelled: bool = False) -> Task:
        task_id = self.count
        task = self._new(Decision(events.TIMER_CREATED, task_id, fire_at=fire_at, cancelled=cancelled))
        if cancelled:  # it keeps its id, and nobody waits for it any more
            del self._open[task_id]
            self.cancelled.append(task_id)
            task.finish(True)
        return task

    def _compound(self, kind: int, actions: list[dict[str, Any]]) -> Task:
        whole, children = Task(), [self._start(a) for a in actions]
        left = len(children) if kind == WHEN_ALL else min(1, len(children))

        def count_down(_: Task) -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                whole.finish()

        for child in children:
            child.then(count_down)
        if not children:
            whole.finish()
        return whole

    def _attempt(self, action: dict[str, Any], whole: Task, attempt: int) -> None:
        options = action["retryOptions"]
        last = attempt >= options["maxNumberOfAttempts"]

        def after(call: Task) -> None:
            if not call.failed:
                whole.finish()
                return
            # After the last attempt too: DTFx makes one more timer, without delay, and the SDK counts it.
            wait = 0 if last else int(options["firstRetryIntervalInMilliseconds"]) * 1000
            self._timer(self._now + wait).then(retry)

        def retry(_: Task) -> None:
            if last:
                whole.finish(True)
            else:
                self._attempt(action, whole, attempt + 1)

        self._call(action).then(after)
