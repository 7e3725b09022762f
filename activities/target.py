"""The way to Dataverse: clients that a worker process keeps, the part of them that a lane has, and a chunk is lent."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator
from typing import Any

from activities.allowance import allowance
from activities.errors import StepError
from activities.fence import Fence
from activities.pauses import tell_pause
from activities.signin import credentials_of
from dataverse.client import DataverseClient
from dataverse.pool import ClientPool
from ledger.lease import Lease
from ledger.storage import Storage
from settings import settings

_pools: dict[int, ClientPool] = {}


async def pool() -> ClientPool:
    """The process's Dataverse clients, one an application user, opened on first use and kept (one pool per event loop)."""
    key = id(asyncio.get_running_loop())
    if key not in _pools:
        one = settings()
        if not one.dataverse_url:
            raise StepError("no_target", "DATAVERSE_URL is not set.", "Set it to the environment's address.")
        _pools[key] = ClientPool(one.dataverse_url, credentials_of(one), slots=one.slots)
    return _pools[key]


@contextlib.asynccontextmanager
async def app_clients(store: Storage) -> AsyncIterator[list[DataverseClient]]:
    """The clients of all application users within the day's requests: for what is no chunk's own work.

    The first one does what need not be done by each.
    """
    clients = await pool()
    async with allowance(store) as day, contextlib.AsyncExitStack() as held:
        yield [await held.enter_async_context(clients.client(one, budget=day)) for one in range(len(clients))]


@contextlib.asynccontextmanager
async def lane_slots(job: dict[str, Any]) -> AsyncIterator[None]:
    """Hold the slots of a lane's application user, for all chunks that the lane has in hand."""
    with (await pool()).slots(job["user"], job["slots"]):
        yield


@contextlib.asynccontextmanager
async def chunk_client(
    store: Storage, job: dict[str, Any], lease: Lease | None = None
) -> AsyncIterator[DataverseClient]:
    """The client of one chunk: its lane's application user, in the slots that its lane holds, within the day's requests.

    With a ``lease`` it may write: each write first makes sure that the chunk is still held and the run still wanted.
    """
    async with allowance(store) as day:
        fence = Fence(store, job, lease) if lease else None
        clients = await pool()
        bypass = lease is not None and job["bypass"]
        pause = functools.partial(tell_pause, store, job)
        async with clients.client(
            job["user"], before_write=fence, before_pause=pause, budget=day, bypass=bypass
        ) as client:
            yield client
