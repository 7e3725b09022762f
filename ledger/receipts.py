"""Receipts: what of the source is in the target, under which id, and what was written last (the after-image).

One Parquet part a chunk of a run, overwritten whole. An undo writes tombstones. The current state is the fold of all
parts: of each source key the row with the highest run number, unless that is a tombstone. A key is in one part of a run.
"""

import asyncio
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import duckdb
import orjson

from ledger import paths
from ledger.storage import Storage, bounded

_TYPES: Final = {
    "source_id": "VARCHAR",
    "source_key": "VARCHAR",
    "row_key": "VARCHAR",
    "table": "VARCHAR",
    "row_id": "VARCHAR",
    "run_number": "INTEGER",
    "generation": "INTEGER",
    "hash": "VARCHAR",
    "payload": "VARCHAR",
    "patient": "VARCHAR",
    "tombstone": "BOOLEAN",
}
"""Columns of a part; `object` comes with `current_sql`."""

_NONE: Final = "none.parquet"


@dataclass(frozen=True, slots=True)
class Receipt:
    """One source record's row in the target."""

    source_id: str
    source_key: str
    row_key: str
    table: str
    row_id: str
    run_number: int
    generation: int
    hash: str  #: of the mapped record (`MappedRecord.hash`)
    payload: str  #: JSON text of what was written; holds PHI
    patient: str | None = None  #: source id of the patient it hangs on
    tombstone: bool = False


async def write_part(
    storage: Storage, migration: str, run: str, object: str, chunk: str, rows: Sequence[Receipt]
) -> None:
    """Write the receipts of a chunk, in place of those of an earlier attempt. No rows: an empty part."""
    with tempfile.TemporaryDirectory(prefix="receipts-") as folder:
        path = Path(folder) / "part.parquet"
        await asyncio.to_thread(write_parquet, path, rows)
        await storage.upload("ledger", paths.receipt_part(migration, run, object, chunk), path)


async def read_part(storage: Storage, migration: str, run: str, object: str, chunk: str) -> list[Receipt]:
    """The receipts of one part. Raises NotStored."""
    with tempfile.TemporaryDirectory(prefix="receipts-") as folder:
        path = Path(folder) / "part.parquet"
        await storage.download("ledger", paths.receipt_part(migration, run, object, chunk), path)
        return await asyncio.to_thread(read_parquet, path)


async def download_parts(storage: Storage, migration: str, objects: Iterable[str], folder: Path) -> None:
    """Bring every part of these objects to `folder/<object>/<run>.<chunk>.parquet`.

    Each object also gets an empty part, so that `glob_of` always finds a file. Parts that are there already with the
    size they have in storage are not fetched again only when their run has ended; so give each activity its own folder.
    """
    raise NotImplementedError


def glob_of(folder: Path, object: str | None = None) -> str:
    """The glob of downloaded parts: of one object, or of all that were downloaded."""
    return str(folder / (object or "*") / "*.parquet")


def current_sql(glob: str) -> str:
    """SQL text: a SELECT of the current receipts (columns of `Receipt` without `tombstone`, and `object`)."""
    raise NotImplementedError


def write_parquet(path: Path, rows: Sequence[Receipt]) -> None:
    """Write receipts as a Parquet file (blocking; zstd)."""
    raise NotImplementedError


def read_parquet(path: Path) -> list[Receipt]:
    """Read receipts from a Parquet file (blocking)."""
    raise NotImplementedError
