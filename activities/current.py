"""The current receipts, folded once per state of the ledger and kept: derived data that can be made again any time."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

from activities.resources import storage, workplace
from ledger import duck, paths, receipts
from ledger.storage import NotStored, Storage


async def fold_receipts(job: dict[str, Any]) -> dict[str, Any]:
    """Fold one object's receipts now, so that its children's plans find them ready."""
    store = await storage()
    async with workplace("fold") as folder:
        await fetch_current(store, job["migration"], job["object"], folder / "current.parquet")
    return {}


async def fetch_current(store: Storage, migration: str, name: str, target: Path) -> None:
    """Bring the current receipts of one object to ``target`` (Parquet; columns of Receipt and ``object``)."""
    parts = await store.listing("ledger", paths.receipts(migration, name))
    state = hashlib.sha256("".join(f"{part.name} {part.etag}\n" for part in parts).encode()).hexdigest()[:24]
    kept = paths.work(migration, "current", f"{name}/{state}.parquet")
    try:
        await store.download("staging", kept, target)
    except NotStored:
        pass
    else:
        return
    async with workplace("fold") as folder:
        await receipts.download_parts(store, migration, [name], folder)
        await asyncio.to_thread(_fold, folder, name, target)
    await store.upload("staging", kept, target)


def _fold(folder: Path, name: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    sql = receipts.current_sql(receipts.glob_of(folder, name))
    with duck.cursor() as db:
        db.execute(f"COPY ({sql}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")


async def current_keys(store: Storage, migration: str, name: str) -> dict[str, tuple[str, str]]:
    """SourceKey in lower case -> (table, row id) of one small object (locations), for the second pass."""
    async with workplace("keys") as folder:
        await fetch_current(store, migration, name, folder / "current.parquet")

        def read() -> dict[str, tuple[str, str]]:
            with duck.cursor() as db:
                rows = db.execute(
                    'SELECT lower(source_key), "table", row_id FROM read_parquet($file)',
                    {"file": str(folder / "current.parquet")},
                ).fetchall()
            return {row[0]: (row[1], row[2]) for row in rows}

        return await asyncio.to_thread(read)
