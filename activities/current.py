"""The current receipts, folded once per state of the ledger and kept: derived data that can be made again any time.

Kept in two files an object: whole (columns of Receipt and ``object``), and ``keys``, which holds no payloads: ``object``,
``source_id``, ``k`` and ``row_k`` (digests of the keys in lower case), ``table``, ``row_id``, ``hash``, ``refused``,
``linked`` and ``state`` (what the second passes have done), ``adopted`` (the row was there before us).
"""

import asyncio
import hashlib
from pathlib import Path
from typing import Any, Final, Literal

from activities.resources import storage, workplace
from ledger import duck, paths, receipts
from ledger.storage import NotStored, Storage

Form = Literal["whole", "keys"]

_KEYS: Final = """
SELECT object, source_id, md5_number(lower(source_key)) AS k, md5_number(lower(row_key)) AS row_k, "table", row_id, hash,
       coalesce(from_json(said[1], '["VARCHAR"]'), []) AS refused, coalesce(said[2]::BOOLEAN, false) AS linked,
       coalesce(said[3], '') AS state, coalesce(said[4]::BOOLEAN, false) AS adopted
FROM (SELECT *, json_extract_string(payload, ['$.refused', '$.linked', '$.state', '$.adopted']) AS said FROM read_parquet($whole))
"""


async def fold_receipts(job: dict[str, Any]) -> dict[str, Any]:
    """Fold one object's receipts now, so that its children's plans find them ready."""
    store = await storage()
    async with workplace("fold") as folder:
        await fetch_current(store, job["migration"], job["object"], folder / "current.parquet")
    return {}


async def fetch_current(store: Storage, migration: str, name: str, target: Path, form: Form = "whole") -> None:
    """Bring the current receipts of one object to ``target`` (Parquet)."""
    parts = await store.listing("ledger", paths.receipts(migration, name))
    state = hashlib.sha256("".join(f"{part.name} {part.etag}\n" for part in parts).encode()).hexdigest()[:24]
    try:
        await store.download("staging", _kept(migration, name, state, form), target)
        return
    except NotStored:
        pass
    async with workplace("fold") as folder:
        await receipts.download_parts(store, migration, [name], folder)
        await asyncio.to_thread(fold, folder, name, target, form)
        for one in ("whole", "keys"):
            path = target if one == form else folder / one
            await store.upload("staging", _kept(migration, name, state, one), path)


def _kept(migration: str, name: str, state: str, form: str) -> str:
    return paths.work(migration, "current", f"{name}/{state}.{form}.parquet")


def fold(folder: Path, name: str, target: Path, form: Form) -> None:
    """Writes both forms: the one asked for to ``target``, the other into the folder under its name."""
    whole, keys = (target if one == form else folder / one for one in ("whole", "keys"))
    target.parent.mkdir(parents=True, exist_ok=True)
    receipts.fold(receipts.glob_of(folder, name), whole)
    with duck.cursor() as db:
        db.execute(f"COPY ({_KEYS}) TO '{keys}' (FORMAT parquet, COMPRESSION zstd)", {"whole": str(whole)})


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
