"""A rollback that begins while a worker waits: the wait ends, the lease is let go, and the rollback goes on."""

import itertools
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from activities import guard, rollback
from activities.errors import StepError
from activities.fence import Fence
from activities.guard import guarded
from dataverse.client import DataverseClient
from dataverse.settle import settle
from ledger import migrations, paths
from ledger.lease import chunk_lease, held_leases
from ledger.storage import Storage
from tests.dataverse.fake import FakeClock, FakeTarget, answer, error, row_ids
from tests.dataverse.samples import VISIT

_real = time.monotonic
_clinics = itertools.count()
Wait = Callable[[DataverseClient], Awaitable[Any]]


class Clock(FakeClock):
    """Passes by being slept, for the fence too; once ``after`` seconds have passed, something happens."""

    def __init__(self, after: float, happens: Callable[[], Awaitable[Any]]) -> None:
        super().__init__()
        self._after, self._happens, self.happened = after, happens, False

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        if self.time >= self._after and not self.happened:
            self.happened = True
            await self._happens()


async def begun(storage: Storage) -> dict[str, Any]:
    """The job of a run that has begun."""
    made = await migrations.create(storage, f"clinic{next(_clinics)}")

    def signed_off(migration: migrations.Migration) -> None:
        migration.state, migration.written = "migrated", True
        migration.map_hash = migration.confirmed_hash = migration.signed_hash = "h1"

    await migrations.change(storage, made.id, signed_off)
    run = await migrations.begin_run(storage, made.id, "migrate")
    return {"migration": made.id, "run": run.id, "epoch": run.epoch}


async def settling(client: DataverseClient) -> None:
    await settle(client, VISIT, row_ids(1), 150)


async def throttled(client: DataverseClient) -> None:
    await client.post("visits", {}, table="visit")


async def waiting_its_turn(client: DataverseClient) -> None:
    client.limiter.throttled(300)
    await client.get("visits")


@pytest.mark.parametrize("wait", [settling, throttled, waiting_its_turn])
async def test_a_worker_in_a_long_wait_hears_of_the_rollback(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, wait: Wait
) -> None:
    job = await begun(storage)
    clock = Clock(20, lambda: migrations.begin_run(storage, job["migration"], "rollback"))
    monkeypatch.setattr("activities.fence.time.monotonic", lambda: _real() + clock.time)
    target = FakeTarget(VISIT, faults=[answer(error(429, "0x80072322", Retry_After="300"))])

    async with chunk_lease(storage, paths.lease(job["migration"], job["run"], "patient", "00000")) as lease:
        monkeypatch.setattr(lease, "check", lambda: None)  # it is renewed meanwhile, as it would be in real time
        async with target.client(clock, before_write=Fence(storage, job, lease)) as client:
            with pytest.raises(StepError) as stopped:
                await wait(client)

    assert stopped.value.value["code"] == "stopped"
    assert 20 <= clock.time < 40
    assert await held_leases(storage, job["migration"]) == []


async def test_a_rollback_waits_as_long_as_a_chunk_is_held(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that gets no answer is only given up after minutes: that is no fault of the rollback."""
    job = await begun(storage)
    started = await migrations.begin_run(storage, job["migration"], "rollback")
    undo = {
        **job,
        "run": started.id,
        "epoch": started.epoch,
        "number": started.number,
        "undo": "all",
        "later": False,
        "force": False,
    }

    async def storage_of_test() -> Storage:
        return storage

    monkeypatch.setattr(guard, "storage", storage_of_test)
    monkeypatch.setattr(rollback, "storage", storage_of_test)
    monkeypatch.setattr(rollback, "_POLL", 0.0)
    async with chunk_lease(storage, paths.lease(job["migration"], job["run"], "patient", "00000")):
        busy = await guarded(rollback.plan_rollback)(undo)
    assert busy["error"]["code"] == "busy"
    assert await guarded(rollback.plan_rollback)(undo) == {"steps": []}
