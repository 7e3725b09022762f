"""One worker a chunk: a blob lease that is renewed in the background for as long as the work goes on.

A worker calls `check()` before each write to the target. The lease counts as lost once its time ran out by this
worker's own clock, measured from before the last renewal was asked for, so that a worker that was frozen or cut off
stops even if no renewal told it so.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.blob.aio import BlobLeaseClient

from ledger import paths
from ledger.storage import Storage

SECONDS: Final = 30  #: Azure allows 15 to 60
_POLL: Final = 2.0


class LeaseHeld(Exception):
    """Another worker has the chunk."""


class LeaseLost(Exception):
    """The lease ran out or was taken: stop before the next write."""


class Lease:
    """A lease that is held."""

    def __init__(self, client: BlobLeaseClient, name: str, seconds: int, asked: float) -> None:
        self._client = client
        self._name = name
        self._seconds = seconds
        self._until = asked + seconds
        self._lost = False

    def check(self) -> None:
        """Raise LeaseLost unless the lease is surely still ours. Costs nothing: no request is made."""
        if self._lost or time.monotonic() >= self._until:
            raise LeaseLost(f"the lease on {self._name} is lost")

    async def renew(self) -> None:
        """Renew now. Raises LeaseLost when the service says that it is not ours any more."""
        asked = time.monotonic()
        try:
            await self._client.renew()
        except HttpResponseError as error:
            if error.status_code in (404, 409, 412):
                self._lost = True
                raise LeaseLost(f"the lease on {self._name} is lost") from None
            raise
        self._until = asked + self._seconds

    async def keep(self) -> None:
        """Renew three times a lease time until cancelled or lost; other errors are tried again until time runs out."""
        while not self._lost:
            await asyncio.sleep(self._seconds / 3)
            with suppress(LeaseLost, AzureError):
                await self.renew()


@asynccontextmanager
async def chunk_lease(
    storage: Storage, name: str, *, seconds: int = SECONDS, wait: float = 0.0
) -> AsyncIterator[Lease]:
    """Hold the lease on blob `name` (see `paths.lease`) in the ledger container while the block runs.

    The blob is made when missing. When another worker has the lease, tries again for `wait` seconds, then raises
    LeaseHeld. Releases at the end; a worker that dies leaves the lease to run out after `seconds` (15 to 60).
    """
    lease, client = await _acquire(storage, name, seconds, wait)
    renewal = asyncio.create_task(lease.keep())
    try:
        yield lease
    finally:
        renewal.cancel()
        with suppress(asyncio.CancelledError):
            await renewal
        with suppress(AzureError):
            await client.release()


async def held_leases(storage: Storage, migration: str) -> list[str]:
    """Names of the chunk leases of a migration that some worker holds now; empty means quiet."""
    return [blob.name for blob in await storage.listing("ledger", paths.leases(migration)) if blob.leased]


async def _acquire(storage: Storage, name: str, seconds: int, wait: float) -> tuple[Lease, BlobLeaseClient]:
    client = BlobLeaseClient(storage.blob("ledger", name))
    give_up = time.monotonic() + wait
    while True:
        asked = time.monotonic()
        try:
            await client.acquire(lease_duration=seconds)
            return Lease(client, name, seconds, asked), client
        except ResourceNotFoundError:
            await storage.put("ledger", name, b"", once=True)
        except HttpResponseError as error:
            if error.status_code != 409:
                raise
            if time.monotonic() + _POLL > give_up:
                raise LeaseHeld(f"another worker holds {name}") from None
            await asyncio.sleep(_POLL)
