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
from settings import settings

#: Operations taken at once: some requests' worth, so that the document is not changed for each.
PIECE: Final = 200


class Allowance(Meter):
    """One activity's part of the day, as the client of a chunk counts it."""

    def __init__(self, store: Storage, limit: int, now: Callable[[], datetime]) -> None:
        self._store, self._limit, self._now = store, limit, now
        self._left = 0
        self._lock = asyncio.Lock()

    async def spend(self, operations: int) -> None:
        """Count a write's operations; BudgetSpent when the day has not so many left."""
        async with self._lock:
            missing = operations - self._left
            if missing > 0:
                self._left += await self._change(lambda day: _take(day, missing))
            self._left -= operations

    def count(self, operations: int) -> None:
        """Count a read's: it goes out whatever is left."""
        self._left -= operations

    async def settle(self) -> None:
        """Give back what was not used, or count what reads used beyond it."""
        async with self._lock:
            if self._left:
                self._left += await self._change(self._put_back)

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
                return result


def _take(day: Budget, missing: int) -> int:
    """A piece, or what is missing where that is more; only that when the day has no whole piece left."""
    taken = max(missing, min(PIECE, day.remaining() or 0))
    day.spend(taken)
    return taken


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
