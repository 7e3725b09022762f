"""A run stops before it writes more of an object of which too many records are excepted."""

from collections.abc import Generator
from typing import Any

import pytest

from orchestrators.flow import CHUNKS_PER_EXECUTION, FIRST_CHUNKS
from orchestrators.load import load_all, load_object

JOB: dict[str, Any] = {
    "migration": "m-1", "run": "migrate-0001", "objects": ["location", "patient"], "adopting": [], "users": 1,
    "parallelism": 1, "pause_percent": 5.0, "phase": "load", "object": "patient",
}  # fmt: skip


class Context:
    """Runs an object's orchestration over made-up chunks; each excepts as many records as it is told."""

    instance_id = "m-1-migrate-0001-patient"

    def __init__(self, job: dict[str, Any], plan: dict[str, Any], excepted: int = 0) -> None:
        self._job, self._plan, self._excepted = job, plan, excepted
        self.loaded: list[int] = []
        self.called: list[str] = []
        self.next: dict[str, Any] | None = None

    def get_input(self) -> dict[str, Any]:
        return dict(self._job)

    def call_activity(self, name: str, payload: dict[str, Any]) -> dict[str, Any]:
        self.called.append(name)
        return self._plan if name == "plan_object" else {}

    def call_sub_orchestrator(self, name: str, payload: dict[str, Any], instance: str) -> dict[str, Any]:
        self.loaded += payload["lane"]
        return {"excepted": len(payload["lane"]) * self._excepted}

    def task_all(self, tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return tasks

    def continue_as_new(self, job: dict[str, Any]) -> None:
        self.next = job


def run(flow: Generator[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """The end of a flow; every task is done at once with what it stands for."""
    result = None
    while True:
        try:
            result = flow.send(result)
        except StopIteration as end:
            return dict(end.value)


def plan(chunks: int, excepted: int = 0) -> dict[str, Any]:
    return {"chunks": chunks, "links": 0, "states": 0, "read": chunks * 1000, "excepted": excepted}


def test_nothing_is_written_when_the_plan_alone_says_enough() -> None:
    context = Context(JOB, plan(30, excepted=1501))
    assert run(load_object(context))["too_many"] is True
    assert (context.loaded, context.next) == ([], None)


def test_as_many_as_are_allowed_are_no_reason_to_stop() -> None:
    context = Context(JOB, plan(10, excepted=500))
    assert run(load_object(context))["too_many"] is False
    assert sorted(context.loaded) == list(range(10))


def test_what_the_target_refuses_shows_after_the_first_chunks() -> None:
    """What was loaded has receipts: the way back, and the next run, need them."""
    context = Context(JOB, plan(100), excepted=1000)
    assert run(load_object(context))["too_many"] is True
    assert (sorted(context.loaded), context.next) == (list(range(FIRST_CHUNKS)), None)
    assert "fold_receipts" in context.called


@pytest.mark.parametrize(("excepted", "stops"), [(200, False), (201, True)])
def test_it_is_looked_at_between_waves(excepted: int, stops: bool) -> None:
    """All that was excepted so far, of all that was read."""
    job = {**JOB, **plan(2000, excepted=20_000), "next": FIRST_CHUNKS}
    context = Context(job, {}, excepted)
    run(load_object(context))
    assert sorted(context.loaded) == list(range(FIRST_CHUNKS, FIRST_CHUNKS + CHUNKS_PER_EXECUTION))
    assert (context.next is None) is stops


def test_later_passes_go_to_the_end() -> None:
    context = Context({**JOB, "phase": "state", "chunks": 3}, {}, excepted=1000)
    assert run(load_object(context))["too_many"] is False


def test_no_object_is_begun_after_one_that_stopped() -> None:
    class Run(Context):
        def call_sub_orchestrator(self, name: str, payload: dict[str, Any], instance: str) -> dict[str, Any]:
            self.called.append(payload["object"])
            return {"too_many": True, "links": 1, "states": 1, "chunks": 1}

        def set_custom_status(self, status: dict[str, Any]) -> None:
            """Shown to people."""

    context = Run(JOB, {})
    assert run(load_all(context, JOB)) == {"paused": "location"}
    assert context.called == ["location"]
