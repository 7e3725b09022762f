"""How many activities one process works on at once, by what they hold in memory; the others wait their turn.

The platform starts as many as ``host.json`` allows. What a process needs must not grow with the clinic, and a large one
has more work waiting. One at a time is enough for what computes; what waits for Dataverse goes side by side.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

#: Activities that work on a whole bucket or object: files, DuckDB, CPU.
COMPUTING: Final = frozenset(
    {"read_source", "stage_file", "shape_bucket", "make_scope", "trim_bucket", "map_bucket", "plan_object", "choose_sample",
     "fold_receipts", "export_claims", "finish_claims", "make_diff", "reconcile", "make_rollback_report"}
)  # fmt: skip
#: Chunks a process holds at once, each of some 10 MB: two for each of two application users.
CHUNKS_AT_ONCE: Final = 4

_rooms: dict[tuple[int, str], asyncio.Semaphore] = {}


@asynccontextmanager
async def room(activity: str) -> AsyncIterator[None]:
    """Wait until there is room for this activity; the rest of the run is its own."""
    if activity not in COMPUTING:
        yield
        return
    async with _places("computing", 1):
        yield


@asynccontextmanager
async def chunk_room() -> AsyncIterator[None]:
    """Wait until there is room for one chunk more; the rest of the chunk is its own."""
    async with _places("chunk", CHUNKS_AT_ONCE):
        yield


def _places(kind: str, count: int) -> asyncio.Semaphore:
    return _rooms.setdefault((id(asyncio.get_running_loop()), kind), asyncio.Semaphore(count))
