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
#: Activities that hold one chunk and wait for the target.
CHUNKS: Final = frozenset({"load_chunk", "verify_chunk", "undo_chunk"})

#: Chunks a process holds at once: each takes some 10 MB, and its batches already go to Dataverse side by side.
CHUNKS_AT_ONCE: Final = 2

_rooms: dict[tuple[int, str], asyncio.Semaphore] = {}


@asynccontextmanager
async def room(activity: str) -> AsyncIterator[None]:
    """Wait until there is room for this activity; the rest of the run is its own."""
    kind = "computing" if activity in COMPUTING else "chunk" if activity in CHUNKS else ""
    if not kind:
        yield
        return
    key = (id(asyncio.get_running_loop()), kind)
    if key not in _rooms:
        _rooms[key] = asyncio.Semaphore(1 if kind == "computing" else CHUNKS_AT_ONCE)
    async with _rooms[key]:
        yield
