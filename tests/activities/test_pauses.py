"""What is told of a pause while it lasts: once, never in the way of the load, and forgotten by itself."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from azure.core.exceptions import ServiceRequestError

from activities import pauses, target
from dataverse.auth import StaticToken
from dataverse.client import TOLD
from dataverse.pool import ClientPool
from dataverse.rows import create_rows
from ledger import migrations
from ledger.states import Run
from ledger.storage import Storage
from tests.dataverse.fake import FakeClock, FakeTarget, answer, error, row_ids, visits
from tests.dataverse.samples import VISIT
from tests.support.systems import new_system

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
async def run(storage: Storage) -> Run:
    """A run that is under way."""
    return await migrations.begin_run(storage, (await migrations.create(storage, new_system())).id, "scope")


def job_of(run: Run, **more: Any) -> dict[str, Any]:
    return {"migration": run.migration, "run": run.id, "user": 0, "bypass": False, **more}


async def waits(storage: Storage, run: Run, at: datetime = NOON) -> list[float]:
    """Seconds that the users of a run still wait."""
    return [(until - at).total_seconds() for until in await pauses.pauses(storage, run)]


class Together(FakeClock):
    """Its time passes once two sleep."""

    def __init__(self) -> None:
        super().__init__()
        self.both = asyncio.Barrier(2)

    async def sleep(self, seconds: float) -> None:
        until = self.time + seconds
        await self.both.wait()
        self.time = until


class Watch:
    """The time of day as the test sets it."""

    def __init__(self) -> None:
        self.moment = NOON

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture(autouse=True)
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    made = Watch()
    monkeypatch.setattr(pauses, "now", made)
    return made


class Puts:
    """Counts what is written; each write fails once ``broken`` is set."""

    def __init__(self, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count, self.broken = 0, False
        put = storage.put

        async def counted(*given: Any, **more: Any) -> bool:
            self.count += 1
            if self.broken:
                raise ServiceRequestError("no connection")
            return await put(*given, **more)

        monkeypatch.setattr(storage, "put", counted)


@pytest.fixture
def puts(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> Puts:
    return Puts(storage, monkeypatch)


@pytest.mark.parametrize("broken", [False, True])
async def test_two_chunks_of_one_user_wait_and_it_is_told_once(
    storage: Storage, run: Run, puts: Puts, monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    """And when the storage does not take it, their rows land all the same."""
    puts.broken = broken
    busy = FakeTarget(VISIT, faults=[answer(error(429, "0x80072322", Retry_After="90"))])
    transport = httpx.MockTransport(busy.handle)
    clients = ClientPool("https://target.example", [StaticToken("t")], transport=transport, clock=Together().clock())

    async def pool() -> ClientPool:
        return clients

    monkeypatch.setattr(target, "pool", pool)

    async def chunk(rows: list[dict[str, Any]]) -> None:
        async with target.chunk_client(storage, job_of(run)) as client:
            assert all(made.ok for made in await create_rows(client, VISIT, rows))

    rows = visits(row_ids(20))
    await asyncio.gather(chunk(rows[:10]), chunk(rows[10:]))

    assert (len(busy.rows), puts.count) == (20, 1)
    assert await waits(storage, run) == ([] if broken else [90])
    await clients.close()


async def test_each_user_says_its_own_and_a_part_of_a_run_says_it_for_the_whole(storage: Storage, run: Run) -> None:
    part = run.model_copy(update={"id": "undo-0007", "parent": run.id})
    await pauses.tell_pause(storage, job_of(run), 60)
    await pauses.tell_pause(storage, job_of(part, root=run.id, user=1), 120)
    assert await waits(storage, run) == await waits(storage, part) == [60, 120]


async def test_a_pause_that_gets_longer_is_told_again(storage: Storage, run: Run, puts: Puts) -> None:
    for seconds in (60, 60 + TOLD / 2, 90):
        await pauses.tell_pause(storage, job_of(run), seconds)
    assert puts.count == 2
    assert await waits(storage, run) == [90]


async def test_a_pause_is_over_when_its_time_or_its_run_is(storage: Storage, run: Run, watch: Watch) -> None:
    await pauses.tell_pause(storage, job_of(run), 60)
    assert await waits(storage, run) == [60]
    assert await waits(storage, run.model_copy(update={"state": "stopped"})) == []
    watch.moment += timedelta(seconds=60)
    assert await waits(storage, run) == []
    await pauses.tell_pause(storage, job_of(run), 30)
    assert await waits(storage, run, watch.moment) == [30]


async def test_a_storage_that_hangs_does_not_keep_the_load_waiting(
    storage: Storage, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(*given: Any, **more: Any) -> bool:
        await asyncio.Event().wait()
        return True

    monkeypatch.setattr(storage, "put", hangs)
    monkeypatch.setattr(pauses, "_PATIENCE", 0.0)
    await pauses.tell_pause(storage, job_of(run), 60)
    assert await waits(storage, run) == []
