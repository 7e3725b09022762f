"""What a worker process holds open for its whole life: storage, Dataverse, and a place for private folders."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from dataverse.client import DataverseClient, open_client
from ledger.storage import Storage
from settings import settings

_storages: dict[int, Storage] = {}
_clients: dict[int, DataverseClient] = {}
_lock = asyncio.Lock()


async def storage() -> Storage:
    """The process's storage, opened on first use and kept (one per event loop)."""
    key = id(asyncio.get_running_loop())
    async with _lock:
        if key not in _storages:
            kept = Storage.open(settings().storage or settings().storage_account)
            await kept.ensure()
            _storages[key] = kept
    return _storages[key]


async def dataverse() -> DataverseClient:
    """The process's Dataverse client, opened on first use and kept (one per event loop)."""
    key = id(asyncio.get_running_loop())
    if key not in _clients:
        _clients[key] = open_client(settings())
    return _clients[key]


@contextlib.asynccontextmanager
async def workplace(name: str) -> AsyncIterator[Path]:
    """A private temporary folder that is gone afterwards, also when the work failed."""
    parent = settings().temp or None
    if parent:
        Path(parent).mkdir(parents=True, exist_ok=True)
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix=f"{name}-", dir=parent))
    folder.chmod(0o700)
    try:
        yield folder
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, True)
