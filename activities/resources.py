"""What a worker process holds open for its whole life, storage, and a place for private folders."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from activities.errors import StepError
from ledger.storage import Account, Storage
from settings import settings

_storages: dict[int, Storage] = {}
_open = contextlib.AsyncExitStack()  # never closed: it lives as long as the process
_lock = asyncio.Lock()


async def storage() -> Storage:
    """The process's storage, opened on first use and kept (one per event loop)."""
    key = id(asyncio.get_running_loop())
    async with _lock:
        if key not in _storages:
            kept = await _open.enter_async_context(Storage.open(_account()))
            await kept.ensure()
            _storages[key] = kept
    return _storages[key]


def _account() -> str | Account:
    one = settings()
    if one.storage:
        return one.storage
    if not one.storage_account:
        raise StepError("no_storage", "AzureWebJobsStorage is not set.", "Set it, or AzureWebJobsStorage__accountName.")
    from azure.identity.aio import DefaultAzureCredential

    return Account(one.storage_account, DefaultAzureCredential())


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
