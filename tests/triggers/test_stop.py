"""A person stops a run: nothing of it begins any more, and it ends by name when what is under way has ended."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from activities import guard, runs
from activities.guard import guarded
from ledger import migrations, paths
from ledger.lease import chunk_lease
from ledger.migrations import begin_run, change, change_run, load, load_run
from ledger.states import Run, now
from ledger.storage import Storage
from services import steps
from tests.support.systems import new_system
from tests.triggers.asking import ask


@pytest.fixture
async def run(store: Storage, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A full run that is under way."""

    async def here() -> Storage:
        return store

    for module in (guard, runs):
        monkeypatch.setattr(module, "storage", here)

    def signed(one: migrations.Migration) -> None:
        one.map_hash = one.confirmed_hash = one.prepared_hash = one.signed_hash = "h1"
        one.state = "signed_off"

    made = await migrations.create(store, new_system())
    await change(store, made.id, signed)
    return await begin_run(store, made.id, "migrate")


class Orchestration:
    """A durable client; ``name`` is what the orchestration is."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def get_status(self, instance: str) -> Any:
        return SimpleNamespace(runtime_status=SimpleNamespace(name=self.name))

    async def start_new(self, name: str, instance: str, payload: Any) -> None:
        self.name = "Running"

    async def terminate(self, instance: str, reason: str) -> None:
        self.name = "Terminated"


async def test_nothing_of_it_begins_any_more_and_it_ends_as_stopped(store: Storage, run: Run) -> None:
    begun = []

    async def load_chunk(job: dict[str, Any]) -> dict[str, Any]:
        begun.append(job["chunk"])
        return {}

    job = {"migration": run.migration, "run": run.id, "epoch": run.epoch}
    assert await guarded(load_chunk)({**job, "chunk": 1}) == {}

    status, _ = await ask("stop_run", {"by": "ana"}, id=run.migration, run=run.id)

    assert status == 202
    refused = await guarded(load_chunk)({**job, "chunk": 2})
    assert (refused["error"]["code"], begun) == ("stopped", [1])
    assert (await load(store, run.migration)).active_run == run.id  # nobody else begins before it has ended
    await runs.finish_run({"migration": run.migration, "run": run.id, "outcome": {"state": "failed", **refused}})
    ended, one = await load_run(store, run.migration, run.id), await load(store, run.migration)
    assert (ended.state, ended.error, one.state, one.active_run) == ("stopped", None, "signed_off", None)
    assert ended.message == "Stopped by ana. What was finished is kept: start run again to go on from there."
    assert (await begin_run(store, run.migration, "retry")).epoch == one.epoch


async def test_asked_twice_it_is_stopped_once(store: Storage, run: Run) -> None:
    for by in ("ana", "bob"):
        await ask("stop_run", {"by": by}, id=run.migration, run=run.id)
    assert (await load(store, run.migration)).epoch == run.epoch + 1
    assert (await load_run(store, run.migration, run.id)).stop_by == "ana"


async def test_a_run_that_came_to_its_end_first_is_done(store: Storage, run: Run) -> None:
    await ask("stop_run", {"by": "ana"}, id=run.migration, run=run.id)
    await runs.finish_run({"migration": run.migration, "run": run.id, "outcome": {"message": "All there."}})
    ended = await load_run(store, run.migration, run.id)
    assert (ended.state, ended.message) == ("done", "All there.")
    status, refused = await ask("stop_run", {"by": "ana"}, id=run.migration, run=run.id)
    assert (status, refused["error"]["code"]) == (409, "run_ended")


async def test_a_run_that_waits_for_the_next_day_ends_now(store: Storage, run: Run) -> None:
    """Its orchestration sleeps until then. A batch that is still under way is waited for."""

    def waits(one: Run) -> None:
        one.waiting_until = now() + timedelta(hours=9)

    await change_run(store, run.migration, run.id, waits)
    client = Orchestration("Running")
    await steps.stop(store, client, run.migration, run.id, "ana")
    assert client.name == "Terminated"
    async with chunk_lease(store, paths.lease(run.migration, run.id, "patient", "00000")):
        assert (await steps.follow(store, client, run.migration, run.id)).state == "running"
    assert (await steps.follow(store, client, run.migration, run.id)).state == "stopped"
    assert (await load(store, run.migration)).active_run is None


@pytest.fixture
async def part(store: Storage, run: Run) -> Run:
    """A sample that is at its first part."""
    await migrations.end_run(store, run.migration, run.id, "failed")
    sample = await begin_run(store, run.migration, "sample")
    return await begin_run(store, run.migration, "sample", parent=sample.id)


async def test_what_a_dead_orchestration_was_at_ends_with_its_run(store: Storage, part: Run) -> None:
    assert part.parent is not None
    ended = await steps.follow(store, Orchestration("Failed"), part.migration, part.parent)
    assert (ended.state, (await load_run(store, part.migration, part.id)).state) == ("failed", "failed")


async def test_what_a_rollback_takes_the_place_of_ends_with_its_parts(store: Storage, part: Run) -> None:
    await steps.start(store, Orchestration("Running"), part.migration, "rollback", "ana", steps.Asked())
    states = [(await load_run(store, part.migration, id or "")).state for id in (part.parent, part.id)]
    assert states == ["stopped", "stopped"]


async def test_a_rollback_that_was_stopped_must_be_finished(store: Storage, run: Run) -> None:
    rollback = await begin_run(store, run.migration, "rollback")
    await ask("stop_run", {"by": "ana"}, id=run.migration, run=rollback.id)
    await migrations.end_run(store, run.migration, rollback.id, "failed")
    one = await load(store, run.migration)
    assert [step.step for step in migrations.next_steps(one)] == ["rollback"]
