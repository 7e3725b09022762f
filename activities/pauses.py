"""Pauses that the target's service protection limits ask for, told to those who watch the run.

One blob for each application user of a run, with the moment until which that user waits beside it, so that a listing
tells them all. It is information only: nothing waits for it, and nothing is made of it but words.
"""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from azure.core.exceptions import AzureError

from dataverse.client import TOLD
from ledger import paths
from ledger.states import Run, now
from ledger.storage import Storage

#: Seconds that the telling may take of the pause itself, when the storage is slow.
_PATIENCE: Final = 2.0

#: Blob -> the moment it was last given by this process. Whoever waits for one user waits for the same: one of them tells it.
_told: dict[str, datetime] = {}


async def tell_pause(store: Storage, job: dict[str, Any], seconds: float) -> None:
    """The application user of this job waits for so long; known already, or not to be kept, it is passed over."""
    blob = _pauses(job["migration"], job.get("root", job["run"])) + str(job["user"])
    until = now() + timedelta(seconds=seconds)
    if until - _told.get(blob, datetime.min.replace(tzinfo=UTC)) < timedelta(seconds=TOLD):
        return
    _told[blob] = until
    with contextlib.suppress(AzureError, TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            await store.put("staging", blob, b"", about={"until": until.isoformat()})


async def pauses(store: Storage, run: Run) -> list[datetime]:
    """Until when application users of a run wait, one moment for each who waits now."""
    if run.state != "running":
        return []
    told = await store.listing("staging", _pauses(run.migration, run.parent or run.id))
    moments = [datetime.fromisoformat(blob.about["until"]) for blob in told]
    return [moment for moment in moments if moment > now()]


def _pauses(migration: str, run: str) -> str:
    """Prefix of the pauses of a run. A part of it says its own there, too: it is the run that people watch."""
    return paths.work(migration, run, "pauses/")
