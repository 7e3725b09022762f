"""The daily request budget, shared by every worker: taken in pieces beforehand, so that a crash counts too much, never too little.

The document lies beside the ledger: ``{"hours": {hour in UTC: operations}}``, changed by compare-and-swap.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from dataverse.budget import Budget, Meter
from ledger import paths
from ledger.storage import NotStored, Storage
from settings import LEAST_DAILY_REQUESTS, settings

#: Operations taken at once. No request carries more, and a small clinic's day is not used up by reserves.
PIECE: Final = LEAST_DAILY_REQUESTS


class Allowance(Meter):
    """One activity's part of the day. Await ``refill`` before a write; ``spend`` and ``count`` then need no I/O."""

    def __init__(self, store: Storage, limit: int, now: Callable[[], datetime]) -> None:
        self._store, self._limit, self._now = store, limit, now
        self._left = 0
        self._day = Budget(limit, now=now)  #: as the document was when it was last changed
        self._lock = asyncio.Lock()

    async def refill(self) -> None:
        """Have enough for any one request, or all that the day has left. Raises BudgetSpent when that is nothing."""
        async with self._lock:
            if self._left < PIECE:
                self._left += await self._change(self._take)

    def spend(self, operations: int) -> None:
        """Count a write's operations; BudgetSpent when the day has not so many left."""
        if operations > self._left:
            self._day.spend(operations)
        self._left -= operations

    def count(self, operations: int) -> None:
        """Count a read's: it goes out whatever is left."""
        self._left -= operations

    async def settle(self) -> None:
        """Give back what was not used, or count what reads used beyond it."""
        async with self._lock:
            if self._left:
                await self._change(self._put_back)

    def _take(self, day: Budget) -> int:
        wanted = PIECE - self._left
        taken = min(wanted, day.remaining() or 0)
        day.spend(max(taken, 1))
        return taken

    def _put_back(self, day: Budget) -> int:
        day.count(-self._left)
        return -self._left

    async def _change(self, what: Callable[[Budget], int]) -> int:
        """Change the document; again when another worker was quicker."""
        while True:
            try:
                content, etag = await self._store.read("ledger", paths.REQUESTS)
            except NotStored:
                await self._store.put("ledger", paths.REQUESTS, orjson.dumps({"hours": {}}), once=True)
                continue
            day = Budget(self._limit, mine=orjson.loads(content), now=self._now)
            result = what(day)
            if await self._store.replace("ledger", paths.REQUESTS, orjson.dumps(day.to_json()), etag):
                self._day = day
                return result


@asynccontextmanager
async def allowance(store: Storage) -> AsyncIterator[Allowance | None]:
    """The part of the day for one activity; None when the settings set no limit."""
    limit = settings().daily_requests
    if not limit:
        yield None
        return
    taken = Allowance(store, limit, lambda: datetime.now(UTC))
    try:
        yield taken
    finally:
        await taken.settle()


def spent_value(until: datetime) -> dict[str, Any]:
    """What an activity returns when the day is used up: its orchestration waits until then and calls it again."""
    return {
        "error": {
            "code": "budget_spent",
            "message": f"The daily requests (CARRYOVER_DAILY_REQUESTS) are used up until {until:%Y-%m-%d %H:%M} UTC.",
            "next": "Nothing needs to be done: the run goes on by itself.",
            "until": until.isoformat(),
        }
    }
