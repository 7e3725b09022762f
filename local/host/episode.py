"""One episode of an orchestration, without I/O: the context for the SDK, and what its answer means."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from local.host import events
from local.host.events import Event
from local.host.replay import CONTINUE_AS_NEW, Decision, Names, Replay, ReplayError

MARKER = "\n\n$OutOfProcData$:"
SCHEMA_V3 = 2
MAX_ACTIONS = 1_000  # more in one orchestration is too slow on Azure: partition it
MAX_PAYLOAD = 45 * 1024  # Azure Storage moves a larger message to a blob
MAX_CUSTOM_STATUS = 16 * 1024  # UTF-16; Azure refuses more


@dataclass(frozen=True, slots=True)
class Parent:
    """Where a sub-orchestration's result goes."""

    instance_id: str
    execution_id: str
    task_id: int


@dataclass(frozen=True, slots=True)
class Episode:
    """An instance as loaded for one replay: its history, and the messages this replay consumes."""

    instance_id: str
    execution_id: str
    name: str
    input: str  # JSON text of the token the orchestrator was started with
    parent: Parent | None
    history: Sequence[Event]
    arrived: Sequence[Event]  # begins with OrchestratorStarted
    consumed: Sequence[int]  # inbox rows, dropped ones included
    more: bool  # messages that are due but left for the next episode

    def context(self) -> bytes:
        """The JSON document the SDK's handle takes (schema V3; timer limits of Azure Storage)."""
        lines = [events.with_played(e.text, e.kind != events.ORCHESTRATOR_STARTED) for e in self.history]
        lines += [events.with_played(e.text, False) for e in self.arrived]
        rest = orjson.dumps(
            {
                "instanceId": self.instance_id,
                "isReplaying": False,
                "parentInstanceId": self.parent.instance_id if self.parent else None,
                "upperSchemaVersion": 1,
                "upperSchemaVersionNew": SCHEMA_V3,
                "maximumShortTimerDuration": "6.00:00:00",
                "longRunningTimerIntervalDuration": "3.00:00:00",
                "defaultHttpAsyncRequestSleepTimeMillseconds": 30000,
            }
        ).decode()
        return f'{{"history":[{",".join(lines)}],"input":{self.input},{rest[1:]}'.encode()


@dataclass(slots=True)
class Outcome:
    """What an episode changes: all of it goes into one transaction."""

    status: str = "Running"
    output: str | None = None  # JSON text
    error: str | None = None
    custom_status: str | None = None  # JSON text; None leaves the old one
    events: list[Event] = field(default_factory=list)
    activities: list[Decision] = field(default_factory=list)
    children: list[Decision] = field(default_factory=list)
    timers: list[Decision] = field(default_factory=list)
    cancelled_timers: list[int] = field(default_factory=list)
    continue_with: str | None = None  # JSON text of the next execution's input token
    warnings: list[str] = field(default_factory=list)


def failure(episode: Episode, error: str) -> Outcome:
    """The outcome of an orchestration that fails now, whatever is still open."""
    text = f"Orchestrator function '{episode.name}' failed: {error}"
    return Outcome(status="Failed", output=orjson.dumps(text).decode(), error=error)


def conclude(episode: Episode, ok: bool, answer: str, names: Names, now: int) -> Outcome:
    """Reads the SDK's answer: `ok` with its JSON, or the text of the exception that the handle raised."""
    state_text = answer
    if not ok:
        head, marker, state_text = answer.partition(MARKER)
        if not marker:  # the SDK itself failed, so there is no state to go by
            return failure(episode, head)
    state: dict[str, Any] = orjson.loads(state_text)
    if state.get("schemaVersion") != SCHEMA_V3:
        return failure(episode, f"the SDK answered with schema {state.get('schemaVersion')}; the local host speaks V3")
    actions: list[dict[str, Any]] = state["actions"][0] if state["actions"] else []
    try:
        replay = Replay(actions, names).run([*episode.history, *episode.arrived])
    except ReplayError as problem:
        return failure(episode, str(problem))

    outcome = Outcome(cancelled_timers=replay.cancelled)
    if "customStatus" in state:
        outcome.custom_status = orjson.dumps(state["customStatus"]).decode()
    for decision in replay.decisions.values():
        _schedule(episode, decision, outcome, now)
    outcome.events.append(events.make(events.ORCHESTRATOR_COMPLETED, now))
    _warn(episode, replay, outcome)
    if not replay.finished:
        if state["isDone"]:
            outcome.warnings.append(
                f"orchestration {episode.name} has returned, but stays Running while tasks are open: "
                "cancel timers that nobody waits for"
            )
        return outcome
    next_inputs = [a["input"] for a in actions if a["actionType"] == CONTINUE_AS_NEW]
    if not ok:
        ended = failure(episode, str(state.get("error")))
        outcome.status, outcome.output, outcome.error = ended.status, ended.output, ended.error
    elif state["isDone"] and next_inputs:
        outcome.continue_with = orjson.dumps(next_inputs[-1]).decode()
    elif state["isDone"]:
        outcome.status, outcome.output = "Completed", orjson.dumps(state.get("output")).decode()
    return outcome


def _schedule(episode: Episode, decision: Decision, outcome: Outcome, now: int) -> None:
    task_id = decision.task_id
    if decision.kind == events.TASK_SCHEDULED:
        outcome.activities.append(decision)
        members: dict[str, Any] = {"Name": decision.name, "Version": "", "Input": None}
    elif decision.kind == events.SUB_CREATED:
        # DTFx's own rule for a child without an id.
        decision.instance_id = decision.instance_id or f"{episode.execution_id}:{task_id}"
        outcome.children.append(decision)
        members = {"Name": decision.name, "Version": "", "InstanceId": decision.instance_id, "Input": None}
    else:
        if not decision.cancelled:
            outcome.timers.append(decision)
        members = {"FireAt": events.stamp(decision.fire_at)}
    outcome.events.append(events.make(decision.kind, now, ref=task_id, name=decision.name, **members))


def _warn(episode: Episode, replay: Replay, outcome: Outcome) -> None:
    before = sum(1 for e in episode.history if e.kind in events.DECISIONS)
    if replay.count > MAX_ACTIONS >= before:
        outcome.warnings.append(
            f"orchestration {episode.name} has scheduled {replay.count} tasks; over {MAX_ACTIONS} replays get slow on "
            "Azure: split it into sub-orchestrations"
        )
    for decision in (*outcome.activities, *outcome.children):
        if decision.input is not None and len(decision.input) > MAX_PAYLOAD:
            outcome.warnings.append(
                f"orchestration {episode.name} sends {len(decision.input)} characters to {decision.name}; "
                f"over {MAX_PAYLOAD} bytes go through a blob on Azure: pass references"
            )
    if outcome.custom_status is not None and 2 * len(outcome.custom_status) > MAX_CUSTOM_STATUS:
        outcome.warnings.append(
            f"custom status of orchestration {episode.name} is over {MAX_CUSTOM_STATUS} bytes: Azure refuses it"
        )
