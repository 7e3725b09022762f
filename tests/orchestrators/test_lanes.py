"""How an object's chunks are shared out over lanes, and how a lane goes on until all of its chunks are done."""

from collections.abc import Generator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from activities.guard import guarded
from ledger.lease import LeaseHeld
from orchestrators.flow import call, lane, shared_out


@pytest.mark.parametrize("parallelism", [1, 2, 5, 8, 52])
@pytest.mark.parametrize("users", [1, 2, 3])
@pytest.mark.parametrize("chunks", [1, 2, 3, 14, 400])
def test_no_user_has_more_slots_than_it_is_advised(chunks: int, users: int, parallelism: int) -> None:
    made = shared_out(range(chunks), users, parallelism)
    assert sorted(chunk for one in made for chunk in one["lane"]) == list(range(chunks))
    assert all(one["lane"] and one["slots"] > 0 for one in made)
    for user in range(users):
        own = [one["slots"] for one in made if one["user"] == user]
        assert sum(own) == (parallelism if own else 0)


def test_every_user_works_as_soon_as_there_is_a_chunk_for_each() -> None:
    assert [one["user"] for one in shared_out(range(3), 3, 5)] == [0, 1, 2]


def test_a_lane_has_as_many_chunks_as_it_has_slots_for() -> None:
    made = shared_out(range(50), 1, 5)
    assert [(one["slots"], len(one["lane"])) for one in made] == [(3, 30), (2, 20)]


def test_where_nothing_is_advised_the_lanes_share_what_the_service_will_say() -> None:
    assert [(one["slots"], one["lane"]) for one in shared_out(range(4), 1, 0)] == [(0, [0, 2]), (0, [1, 3])]


class Context:
    """Answers a lane's calls from a list, and keeps what it was asked."""

    current_utc_datetime = datetime(2024, 5, 1, tzinfo=UTC)

    def __init__(self, *results: dict[str, Any]) -> None:
        self._results = list(results)
        self.called: list[tuple[str, Any]] = []

    def get_input(self) -> dict[str, Any]:
        job = {"migration": "m-1", "run": "migrate-0001", "activity": "load_chunk"}
        return {**job, "lane": [3, 5, 7], "user": 1, "slots": 2}

    def call_activity(self, name: str, payload: dict[str, Any]) -> dict[str, Any]:
        self.called.append((name, payload.get("lane")))
        return {} if name == "note_wait" else self._results.pop(0)

    def create_timer(self, until: datetime) -> SimpleNamespace:
        self.called.append(("timer", (until - self.current_utc_datetime).total_seconds()))
        return SimpleNamespace()


def ended(flow: Generator[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """Runs a flow to its end; every task is done at once with what it stands for."""
    result = None
    while True:
        try:
            result = flow.send(result)
        except StopIteration as end:
            return dict(end.value)


def test_a_lane_is_called_again_with_what_it_did_not_take_up() -> None:
    context = Context({"excepted": 2, "left": [7]}, {"excepted": 1, "left": []})
    assert ended(lane(context)) == {"excepted": 3}
    assert context.called == [("load_chunk", [3, 5, 7]), ("load_chunk", [7])]


def test_a_lane_waits_for_another_day_and_asks_for_all_of_its_chunks_again() -> None:
    spent = {"error": {"code": "budget_spent", "until": "2024-05-01T09:00:00+00:00"}}
    context = Context(spent, {"excepted": 0, "left": []})
    assert ended(lane(context)) == {"excepted": 0}
    assert context.called == [
        ("load_chunk", [3, 5, 7]),
        ("note_wait", None),
        ("timer", 32_400),
        ("load_chunk", [3, 5, 7]),
    ]


async def test_a_lane_whose_chunk_another_worker_holds_asks_for_it_again() -> None:
    """The same activity was delivered twice, and the worker that found the chunk taken answered first."""

    async def load_chunk(job: dict[str, Any]) -> dict[str, Any]:
        raise LeaseHeld("another worker holds 3")

    busy = await guarded(load_chunk)({})
    context = Context(busy, busy, {"excepted": 1, "left": []})
    assert ended(lane(context)) == {"excepted": 1}
    assert [what for what, _ in context.called] == ["load_chunk", "timer", "load_chunk", "timer", "load_chunk"]
    assert all(chunks == [3, 5, 7] for what, chunks in context.called if what == "load_chunk")


def test_a_step_waits_as_a_lane_does() -> None:
    """A rollback finds the chunks of the run that it replaced still held."""
    context = Context({"error": {"code": "busy", "until": "2024-05-01T00:00:30+00:00"}}, {"steps": []})
    assert ended(call(context, "plan_rollback", {})) == {"steps": []}
    assert context.called == [("plan_rollback", None), ("timer", 30.0), ("plan_rollback", None)]


def test_a_failure_ends_the_lane_as_a_value() -> None:
    assert ended(lane(Context({"error": {"code": "stopped"}}))) == {"error": {"code": "stopped"}}
