"""One worker a chunk, and a worker that lost its lease knows it before its next write."""

import asyncio
import time

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.storage.blob.aio import BlobLeaseClient

from ledger import lease as leases
from ledger import paths
from ledger.lease import Lease, LeaseHeld, LeaseLost, chunk_lease, held_leases
from ledger.storage import Storage


def name_of(migration: str) -> str:
    """The lease of some chunk."""
    return paths.lease(migration, "migrate-0001", "patient", "00000")


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return _real() + self.ahead


_real = time.monotonic


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The worker's own clock."""
    moved = Clock()
    monkeypatch.setattr("ledger.lease.time.monotonic", moved)
    return moved


async def test_a_second_worker_is_told_that_the_chunk_is_held(storage: Storage, migration: str) -> None:
    """And may have it once the first is done."""
    async with chunk_lease(storage, name_of(migration)) as lease:
        lease.check()
        with pytest.raises(LeaseHeld):
            async with chunk_lease(storage, name_of(migration)):
                pass
        assert await held_leases(storage, migration) == [name_of(migration)]

    assert await held_leases(storage, migration) == []
    async with chunk_lease(storage, name_of(migration)) as lease:
        lease.check()


async def test_a_worker_may_wait_for_the_chunk(
    storage: Storage, migration: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tries again until the other lets go."""
    monkeypatch.setattr(leases, "_POLL", 0.01)
    order: list[str] = []

    async def second() -> None:
        async with chunk_lease(storage, name_of(migration), wait=60):
            order.append("second")

    async with chunk_lease(storage, name_of(migration)):
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0)
        order.append("first")
    await waiting

    assert order == ["first", "second"]


async def test_of_racing_workers_one_gets_the_chunk(storage: Storage, migration: str) -> None:
    """Also when the blob is not there yet."""
    done = asyncio.Event()

    async def work() -> bool:
        try:
            async with chunk_lease(storage, name_of(migration)):
                await done.wait()
                return True
        except LeaseHeld:
            return False

    tasks = [asyncio.create_task(work()) for _ in range(4)]
    while sum(task.done() for task in tasks) < 3:
        await asyncio.wait([task for task in tasks if not task.done()], return_when=asyncio.FIRST_COMPLETED)
    done.set()

    assert sorted(await asyncio.gather(*tasks)) == [False, False, False, True]


async def test_a_lease_taken_by_another_is_lost(storage: Storage, migration: str) -> None:
    """The renewal is refused, and every check from then on."""
    async with chunk_lease(storage, name_of(migration)) as lease:
        await BlobLeaseClient(storage.blob("ledger", name_of(migration))).break_lease(lease_break_period=0)
        async with chunk_lease(storage, name_of(migration)) as other:
            with pytest.raises(LeaseLost):
                await lease.renew()
            with pytest.raises(LeaseLost, match="migrate-0001/patient/00000"):
                lease.check()
            other.check()


async def test_a_worker_that_was_frozen_stops(storage: Storage, migration: str, clock: Clock) -> None:
    """Its own clock says so, without asking anybody."""
    async with chunk_lease(storage, name_of(migration), seconds=30) as lease:
        clock.ahead = 29
        lease.check()
        clock.ahead = 30
        with pytest.raises(LeaseLost):
            lease.check()


async def test_a_renewal_makes_it_last(storage: Storage, migration: str, clock: Clock) -> None:
    """Counted from the renewal."""
    async with chunk_lease(storage, name_of(migration), seconds=30) as lease:
        clock.ahead = 20
        await lease.renew()
        clock.ahead = 49
        lease.check()
        clock.ahead = 50.1
        with pytest.raises(LeaseLost):
            lease.check()


class Service:
    """A lease service that answers as told."""

    def __init__(self, answers: list[Exception | None]) -> None:
        self.answers = answers
        self.asked = 0

    async def renew(self) -> None:
        self.asked += 1
        answer = self.answers.pop(0)
        if answer is not None:
            raise answer


def refused(status: int) -> HttpResponseError:
    """An answer with this status."""
    error = HttpResponseError()
    error.status_code = status
    return error


async def test_renewal_goes_on_through_errors_until_the_lease_is_lost() -> None:
    """A network error or a 503 is tried again; a 409 ends it."""
    service = Service([None, ServiceRequestError("no route"), refused(503), None, refused(409)])
    lease = Lease(service, "name", 0, time.monotonic())  # type: ignore[arg-type]

    await lease.keep()

    assert service.asked == 5
    with pytest.raises(LeaseLost):
        lease.check()


async def test_an_error_of_the_service_is_not_taken_for_a_held_lease(storage: Storage, migration: str) -> None:
    """A lease time the service refuses is a mistake of the caller."""
    with pytest.raises(HttpResponseError):
        async with chunk_lease(storage, name_of(migration), seconds=5):
            pass
