"""The database: whole transactions, completions that count once, and states that overtake each other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.host import events
from local.host.episode import Episode, Outcome
from local.host.instances import Filter, Instances
from local.host.records import Completion, InstanceExists, StoreBusy
from local.host.replay import Decision
from local.host.store import UNLIMITED, Store

NOW = 1_800_000_000_000_000
SECOND = 1_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "state.db")
    yield made
    made.close()


def load(store: Store, instance_id: str = "a", now: int = NOW, limit: int = UNLIMITED) -> Episode:
    episode = store.load_episode(instance_id, limit, now)
    assert episode is not None
    return episode


def activities(count: int) -> Outcome:
    decisions = [Decision(events.TASK_SCHEDULED, n, "work", "1") for n in range(count)]
    made = [events.make(events.TASK_SCHEDULED, NOW, ref=d.task_id, name=d.name) for d in decisions]
    return Outcome(activities=decisions, events=made)


def begun(store: Store, outcome: Outcome, instance_id: str = "a") -> None:
    """An instance after its first episode."""
    store.create("flow", instance_id, "null", NOW)
    store.commit_episode(load(store, instance_id), outcome, NOW)


def kinds(episode: Episode) -> list[int]:
    return [event.kind for event in episode.arrived]


def test_a_completion_counts_once(store: Store) -> None:
    begun(store, activities(1))
    _, [work] = store.settle([], 8, NOW)
    effects, _ = store.settle([Completion(work.id, True, "1"), Completion(work.id, True, "2")], 0, NOW)
    assert effects.wake == {"a"}
    later, _ = store.settle([Completion(work.id, False, "too late")], 0, NOW)
    assert later.wake == set()
    episode = load(store)
    assert kinds(episode) == [events.ORCHESTRATOR_STARTED, events.TASK_COMPLETED]
    assert '"Result":"1"' in episode.arrived[1].text


def test_a_repeated_message_is_dropped(store: Store) -> None:
    begun(store, activities(1))
    _, [work] = store.settle([], 8, NOW)
    store.settle([Completion(work.id, True, "1")], 0, NOW)
    store.commit_episode(load(store), Outcome(), NOW)
    execution_id = store.db.execute("SELECT execution_id FROM instances").fetchone()[0]
    for execution in (execution_id, "of another life"):
        store.db.execute(
            "INSERT INTO inbox (instance_id, execution_id, visible_at, kind, ref, at, event)"
            " VALUES ('a', ?, 0, ?, 0, 0, '{}')",
            (execution, events.TASK_COMPLETED),
        )
    assert store.load_episode("a", UNLIMITED, NOW) is None
    assert store.db.execute("SELECT count(*) FROM inbox").fetchone()[0] == 0


def test_messages_are_taken_in_portions(store: Store) -> None:
    begun(store, activities(3))
    _, work = store.settle([], 8, NOW)
    store.settle([Completion(w.id, True, "1") for w in work], 0, NOW)
    first = load(store, limit=2)
    assert (len(first.arrived) - 1, first.more) == (2, True)
    store.commit_episode(first, Outcome(), NOW)
    second = load(store, limit=2)
    assert (len(second.arrived) - 1, second.more) == (1, False)


def test_an_episode_is_committed_whole_or_not_at_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.create("flow", "a", "null", NOW)
    episode = load(store)

    def crash(*_: object) -> None:
        raise RuntimeError("out of disk")

    monkeypatch.setattr(store, "_send", crash)  # the last part of the transaction
    with pytest.raises(RuntimeError):
        store.commit_episode(episode, activities(2), NOW)
    monkeypatch.undo()
    assert store.db.execute("SELECT count(*) FROM history").fetchone()[0] == 0
    assert kinds(load(store)) == kinds(episode)


def test_an_episode_that_was_overtaken_changes_nothing(store: Store) -> None:
    store.create("flow", "a", "null", NOW)
    episode = load(store)
    instances = Instances(store)
    instances.terminate("a", "enough", NOW)
    effects = store.commit_episode(episode, activities(2), NOW)
    assert not effects.work
    status = instances.status("a")
    assert status is not None
    assert (status.status, status.output) == ("Terminated", '"enough"')
    assert store.settle([], 8, NOW)[1] == []


def test_a_result_for_an_earlier_execution_is_dropped(store: Store) -> None:
    begun(store, activities(1))
    _, [work] = store.settle([], 8, NOW)
    Instances(store).terminate("a", "", NOW)
    store.create("flow", "a", "null", NOW)  # the same id, another execution
    effects, _ = store.settle([Completion(work.id, True, "1")], 0, NOW)
    assert effects.wake == set()
    assert kinds(load(store)) == [events.ORCHESTRATOR_STARTED, events.EXECUTION_STARTED]


def test_timers_become_visible_and_can_be_cancelled(store: Store) -> None:
    timers = [Decision(events.TIMER_CREATED, n, fire_at=NOW + (n + 1) * SECOND) for n in range(2)]
    begun(store, Outcome(timers=timers))
    assert store.load_episode("a", UNLIMITED, NOW) is None
    assert store.due(NOW, NOW) == ([], NOW + SECOND)
    assert store.due(NOW, NOW + SECOND) == (["a"], NOW + 2 * SECOND)
    episode = load(store, now=NOW + SECOND)
    assert kinds(episode) == [events.ORCHESTRATOR_STARTED, events.TIMER_FIRED]
    store.commit_episode(episode, Outcome(cancelled_timers=[1]), NOW + SECOND)
    assert store.due(NOW, NOW + 9 * SECOND) == ([], None)


def test_a_child_with_the_id_of_a_running_instance_fails_in_its_parent(store: Store) -> None:
    begun(store, activities(1), "taken")
    child = Decision(events.SUB_CREATED, 0, "flow", "null", "taken")
    begun(store, Outcome(children=[child]), "parent")
    episode = load(store, "parent")
    assert kinds(episode)[1:] == [events.SUB_FAILED]
    assert "give sub-orchestrations unique ids" in episode.arrived[1].text


def test_continue_as_new_begins_an_empty_history_and_keeps_the_custom_status(store: Store) -> None:
    store.create("flow", "a", "null", NOW)
    first = load(store)
    store.commit_episode(first, Outcome(continue_with='"2"', custom_status='"busy"'), NOW)
    second = load(store)
    assert (second.history, second.input) == ([], '"2"')
    assert second.execution_id != first.execution_id
    store.commit_episode(second, Outcome(status="Completed", output="1"), NOW)
    status = Instances(store).status("a")
    assert status is not None
    assert status.custom_status == '"busy"'


def test_leases_end_with_the_host_that_held_them(tmp_path: Path) -> None:
    first = Store(tmp_path / "state.db")
    begun(first, activities(1))
    _, [work] = first.settle([], 8, NOW)
    assert first.settle([], 8, NOW)[1] == []
    with pytest.raises(StoreBusy):
        Store(tmp_path / "state.db")
    first.close()
    second = Store(tmp_path / "state.db")
    _, [again] = second.settle([], 8, NOW)
    assert (again.id, again.attempts, again.deaths) == (work.id, 2, 0)
    second.release([again.id])
    _, [third] = second.settle([], 8, NOW)
    assert (third.attempts, third.deaths) == (3, 1)
    second.close()


def test_a_running_id_is_not_taken_again(store: Store) -> None:
    store.create("flow", "a", "null", NOW)
    with pytest.raises(InstanceExists) as refused:
        store.create("flow", "a", "null", NOW)
    assert refused.value.status == "Pending"


def test_filters_and_purge(store: Store) -> None:
    instances = Instances(store)
    for n, name in enumerate(["a-1", "a_2", "b-1"]):
        store.create("flow", name, "null", NOW + n * SECOND)
    store.commit_episode(load(store, "a-1"), Outcome(status="Completed", output="null"), NOW)
    found = [
        [s.id for s in instances.page(which, 0, 100)]
        for which in (
            Filter(prefix="a"),
            Filter(prefix="a_"),
            Filter(since=NOW + SECOND, until=NOW + SECOND),
            Filter(statuses=["Completed", "Failed"]),
        )
    ]
    assert found == [["a-1", "a_2"], ["a_2"], ["a_2"], ["a-1"]]
    assert instances.purge(Filter(since=0)) == 1
    assert [s.id for s in instances.page(Filter(), 0, 100)] == ["a_2", "b-1"]
