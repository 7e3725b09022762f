"""The rules by which actions meet the history."""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from local.host import events
from local.host.episode import Episode, conclude
from local.host.events import Event
from local.host.replay import Names, Replay, ReplayError

NAMES = Names({"work": None, "other": None}, {"child": None})
NOW = 1_800_000_000_000_000
START = [events.make(events.ORCHESTRATOR_STARTED, NOW), events.make(events.EXECUTION_STARTED, NOW, Name="flow")]


def call(name: str = "work") -> dict[str, Any]:
    return {"actionType": 0, "functionName": name, "input": "1"}


def with_retry(attempts: int) -> dict[str, Any]:
    options = {"firstRetryIntervalInMilliseconds": 250, "maxNumberOfAttempts": attempts}
    return {"actionType": 1, "functionName": "work", "input": "1", "retryOptions": options}


def timer(cancelled: bool = False) -> dict[str, Any]:
    return {"actionType": 5, "fireAt": events.stamp(NOW + 5_000_000), "isCanceled": cancelled}


def compound(kind: int, *actions: dict[str, Any]) -> dict[str, Any]:
    return {"actionType": kind, "compoundActions": list(actions)}


def done(task_id: int) -> Event:
    return events.completed(events.TASK_COMPLETED, task_id, NOW, Result="1")


def failed(task_id: int) -> Event:
    return events.completed(events.TASK_FAILED, task_id, NOW, Reason="r", Details="")


def fired(task_id: int) -> Event:
    return events.make(events.TIMER_FIRED, NOW, ref=task_id, TimerId=task_id)


def scheduled(task_id: int, name: str = "work") -> Event:
    return events.make(events.TASK_SCHEDULED, NOW, ref=task_id, name=name)


def replay(actions: Sequence[dict[str, Any]], *history: Event) -> Replay:
    return Replay(list(actions), NAMES).run([*START, *history])


def test_only_the_first_action_starts_until_it_is_done() -> None:
    assert list(replay([call(), call("other")]).decisions) == [0]
    second = replay([call(), call("other")], scheduled(0), done(0))
    assert [(d.task_id, d.name) for d in second.decisions.values()] == [(1, "other")]
    assert not second.finished
    assert replay([call()], scheduled(0), done(0)).finished


def test_when_all_waits_for_every_child_even_after_a_failure() -> None:
    actions = [compound(12, call(), call()), call("other")]
    assert list(replay(actions).decisions) == [0, 1]
    assert list(replay(actions, scheduled(0), scheduled(1), failed(0)).decisions) == []
    assert list(replay(actions, scheduled(0), scheduled(1), failed(0), done(1)).decisions) == [2]


def test_when_any_goes_on_at_the_first_and_stays_open_for_the_rest() -> None:
    actions = [compound(11, call(), call())]
    ended = replay(actions, scheduled(0), scheduled(1), done(1))
    assert not ended.finished
    assert replay(actions, scheduled(0), scheduled(1), done(1), done(0)).finished


def test_a_cancelled_timer_keeps_its_id_and_holds_nothing_up() -> None:
    actions = [compound(11, call(), timer(cancelled=True)), call("other")]
    created = events.make(events.TIMER_CREATED, NOW, ref=1)
    ended = replay(actions, scheduled(0), created, done(0))
    assert list(ended.decisions) == [2]
    assert ended.cancelled == [1]


def test_a_retry_takes_ids_for_its_timers_and_one_more_after_the_last_attempt() -> None:
    history = [scheduled(0), failed(0)]
    first = replay([with_retry(2)], *history)
    assert first.decisions[1].fire_at == NOW + 250_000
    history += [events.make(events.TIMER_CREATED, NOW, ref=1), fired(1)]
    assert list(replay([with_retry(2)], *history).decisions) == [2]
    history += [scheduled(2), failed(2)]
    last = replay([with_retry(2)], *history)
    assert last.decisions[3].fire_at == NOW
    assert not last.finished
    history += [events.make(events.TIMER_CREATED, NOW, ref=3), fired(3)]
    assert replay([with_retry(2), call()], *history).decisions[4].name == "work"


@pytest.mark.parametrize("event", [scheduled(0, "other"), scheduled(1), events.make(events.TIMER_CREATED, NOW, ref=0)])
def test_a_history_that_the_code_does_not_meet(event: Event) -> None:
    with pytest.raises(ReplayError, match="Non-Deterministic"):
        replay([call()], event)


def test_names_are_compared_without_case() -> None:
    assert replay([call("WORK")], scheduled(0), done(0)).finished


def test_unknown_child_and_version_are_named() -> None:
    child = {"actionType": 2, "functionName": "nobody", "input": None, "instanceId": None}
    with pytest.raises(ReplayError, match=r"'nobody' doesn't exist.*'child'"):
        replay([child])
    with pytest.raises(ReplayError, match=r"a version \(child\) is not supported"):
        replay([child | {"functionName": "child", "version": "2"}])


# -- the answer as a whole -------------------------------------------------------------------------

EPISODE = Episode("i", "x", "flow", "null", None, [], START, [1], False)


def answer(**members: Any) -> str:
    state = {"isDone": False, "schemaVersion": 2, "actions": [[]]} | members
    return orjson.dumps(state).decode()


def test_an_error_without_state_fails_at_once() -> None:
    outcome = conclude(EPISODE, False, "bad history", NAMES, NOW)
    assert (outcome.status, outcome.output) == ("Failed", "\"Orchestrator function 'flow' failed: bad history\"")


def test_an_error_with_open_tasks_waits_for_them() -> None:
    text = "boom\n\n$OutOfProcData$:" + answer(actions=[[call()]], error="boom")
    outcome = conclude(EPISODE, False, text, NAMES, NOW)
    assert outcome.status == "Running"
    assert [d.name for d in outcome.activities] == ["work"]


def test_another_schema_is_refused() -> None:
    assert "schema 1" in str(conclude(EPISODE, True, answer(schemaVersion=1), NAMES, NOW).output)


def test_continue_as_new_waits_until_nothing_is_open() -> None:
    again = {"actionType": 4, "input": "[2]"}
    assert conclude(EPISODE, True, answer(isDone=True, actions=[[again]]), NAMES, NOW).continue_with == '"[2]"'
    busy = conclude(EPISODE, True, answer(isDone=True, actions=[[compound(11, call(), timer()), again]]), NAMES, NOW)
    assert busy.continue_with is None


def test_context_marks_what_was_played() -> None:
    later = Episode("i", "x", "flow", '"t"', None, START, [events.make(events.ORCHESTRATOR_STARTED, NOW)], [], False)
    context = orjson.loads(later.context())
    assert [e["IsPlayed"] for e in context["history"]] == [False, True, False]
    assert (context["input"], context["instanceId"], context["upperSchemaVersionNew"]) == ("t", "i", 2)


@pytest.mark.parametrize("text", ["2026-01-02T03:04:05.123456Z", "2026-01-02T03:04:05.1234560Z", "2026-01-02T03:04:05"])
def test_times(text: str) -> None:
    read = events.parse_stamp(text)
    assert events.stamp(read)[:19] == "2026-01-02T03:04:05"
    assert events.parse_stamp(events.stamp(read)) == read
