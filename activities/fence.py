"""The fence before every write: this worker still holds the chunk, and the migration still wants this run's writes."""

import time
from typing import Any, Final

from activities import jobs
from ledger.lease import Lease
from ledger.storage import Storage

#: Seconds that a look at the migration's epoch holds. A rollback waits until no chunk is held, so a write in this
#: span is logged before it begins; the lease itself is checked each time.
FRESH: Final = 1.0


class Fence:
    """Await it before a write; raises LeaseLost or StepError when the write must not be made."""

    def __init__(self, store: Storage, job: dict[str, Any], lease: Lease) -> None:
        self._store, self._job, self._lease = store, job, lease
        self._looked = float("-inf")

    async def __call__(self) -> None:
        self._lease.check()
        if time.monotonic() - self._looked > FRESH:
            await jobs.fence(self._store, self._job)
            self._looked = time.monotonic()
