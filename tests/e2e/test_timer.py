"""The delta timer: which migrations it wakes, on real storage and with a durable client that only takes notes."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ledger import migrations, transitions
from ledger.migrations import Migration
from ledger.states import now
from ledger.storage import Storage
from tests.support.azurite import start_azurite
from tests.support.systems import new_system
from triggers import timer


@dataclass
class Client:
    """A durable client: what was started, and what it says of an instance."""

    started: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)

    async def start_new(self, name: str, instance: str, given: dict[str, Any]) -> str:
        self.started.append((name, instance, given))
        self.states[instance] = "Running"
        return instance

    async def get_status(self, instance: str) -> Any:
        name = self.states.get(instance)
        return SimpleNamespace(runtime_status=SimpleNamespace(name=name) if name else None)


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of a running Azurite."""
    with start_azurite(tmp_path_factory.mktemp("azurite")) as connection:
        yield connection


@pytest.fixture
async def store(azurite: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Storage]:
    """Storage without migrations, as the timer finds it."""
    async with Storage.open(azurite) as opened:
        await opened.ensure()
        for one in await migrations.list_all(opened):
            await opened.table("migrations").delete_entity("migration", one.id)

        async def here() -> Storage:
            return opened

        monkeypatch.setattr(timer, "storage", here)
        yield opened


async def migrated(store: Storage, hours: float) -> str:
    """A migration that was migrated and whose delta window ends in so many hours."""

    def move(one: Migration) -> None:
        one.map_hash = one.confirmed_hash = one.prepared_hash = one.signed_hash = "h1"
        one.state = "migrated"
        transitions.open_delta_window(one, "migrate", now() + timedelta(hours=hours))

    made = await migrations.create(store, new_system())
    await migrations.change(store, made.id, move)
    return made.id


async def tick(client: Client) -> None:
    """The timer fires."""
    await timer.delta_timer(cast("Any", SimpleNamespace(past_due=False)), cast("Any", client))


async def test_it_starts_a_delta_while_the_window_is_open(store: Storage) -> None:
    id, client = await migrated(store, 1), Client()
    await tick(client)
    [run] = await migrations.list_runs(store, id)
    assert (run.kind, run.by, run.state) == ("delta", "timer", "running")
    assert client.started == [("delta_flow", f"{id}-{run.id}", {"migration": id, "run": run.id})]
    assert (await migrations.load(store, id)).active_run == run.id


async def test_it_leaves_a_busy_migration_alone(store: Storage) -> None:
    """Two ticks do not start two deltas, and none starts beside a run that a person started."""
    id, client = await migrated(store, 1), Client()
    await tick(client)
    await tick(client)
    assert len(client.started) == 1
    assert len(await migrations.list_runs(store, id)) == 1


async def test_it_starts_the_next_one_when_the_last_has_ended(store: Storage) -> None:
    id, client = await migrated(store, 1), Client()
    await tick(client)
    await migrations.end_run(store, id, (await migrations.list_runs(store, id))[0].id, "done", changed=False)
    await tick(client)
    assert [given["run"] for _, _, given in client.started] == ["delta-0001", "delta-0002"]


async def test_it_does_nothing_once_the_window_is_shut_or_before_it_opens(store: Storage) -> None:
    shut, client = await migrated(store, -0.1), Client()
    fresh = await migrations.create(store, new_system())
    await tick(client)
    assert client.started == []
    for id in (shut, fresh.id):
        assert await migrations.list_runs(store, id) == []


async def test_it_wakes_each_of_several(store: Storage) -> None:
    ids = {await migrated(store, 1) for _ in range(3)}
    client = Client()
    await tick(client)
    assert {given["migration"] for _, _, given in client.started} == ids


async def test_a_run_whose_start_was_lost_is_started_by_the_next_tick(store: Storage) -> None:
    """The app died after the run began and before its orchestration did."""
    id, client = await migrated(store, 1), Client()
    run = await migrations.begin_run(store, id, "delta", by="timer")
    await tick(client)
    assert client.started == [("delta_flow", f"{id}-{run.id}", {"migration": id, "run": run.id})]


@pytest.mark.parametrize("state", ["Terminated", "Failed", "Completed"])
async def test_a_run_whose_orchestration_is_over_is_ended_by_name(store: Storage, state: str) -> None:
    """So that the tick after it can start anew: also where the orchestration could not say that the run had ended."""
    id, client = await migrated(store, 1), Client()
    await tick(client)
    client.states[client.started[0][1]] = state
    await tick(client)
    [run] = await migrations.list_runs(store, id)
    assert run.state == "failed"
    await tick(client)
    assert len(client.started) == 2
