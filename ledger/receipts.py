"""Receipts: what of the source is in the target, under which id, and what was written last (the after-image).

One Parquet part a chunk of a run, overwritten whole. An undo writes tombstones. The current state is the fold of all
parts: of each source key the row with the highest run number, unless that is a tombstone. A key is in one part of a
run; only an undo of several runs may write it several times, once for each.
"""

import asyncio
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from ledger import duck, paths
from ledger.storage import Storage

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
_COLUMNS: Final = ", ".join(f'"{name}"' for name in _TYPES)
_READ: Final = ", ".join(f"'{name}': '{type}'" for name, type in _TYPES.items())
_EMPTY: Final = "none.parquet"


#: How late a receipt is. An undo of several runs goes backwards in time: of its own receipts those count that came from
#: the earliest run, and a tombstone most of all.
_RANK: Final = """(run_number::BIGINT * 20_000_000 + tombstone::BIGINT * 10_000_000 + 9_999_999
       - coalesce(try_cast(regexp_extract(filename, '\\.[a-z]+-(\\d+)-[^/]*$', 1) AS BIGINT), 0))"""
_FOLD: Final = f"""
CREATE TEMP TABLE latest AS
WITH keys AS (SELECT md5_number(source_key) AS k, {_RANK} AS rank FROM read_parquet(getvariable('parts'), filename = true))
SELECT k, max(rank) AS rank FROM keys SEMI JOIN (SELECT k FROM keys GROUP BY k HAVING count(*) > 1) USING (k) GROUP BY k;
COPY (
  SELECT p.* EXCLUDE (tombstone, filename) FROM read_parquet(getvariable('parts'), filename = true) AS p
  LEFT JOIN latest ON latest.k = md5_number(p.source_key)
  WHERE NOT p.tombstone AND (latest.rank IS NULL OR latest.rank = {_RANK})
) TO $target (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 4096)
"""


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
        await asyncio.to_thread(write_parquet, path, object, rows)
        await storage.upload("ledger", paths.receipt_part(migration, run, object, chunk), path)


async def read_part(storage: Storage, migration: str, run: str, object: str, chunk: str) -> list[Receipt]:
    """The receipts of one part. Raises NotStored."""
    with tempfile.TemporaryDirectory(prefix="receipts-") as folder:
        path = Path(folder) / "part.parquet"
        await storage.download("ledger", paths.receipt_part(migration, run, object, chunk), path)
        return await asyncio.to_thread(read_parquet, path)


async def download_parts(storage: Storage, migration: str, objects: Iterable[str], folder: Path) -> int:
    """Bring every part of these objects to `folder/<object>/<run>.<chunk>.parquet`; returns how many there were.

    Each object also gets an empty part, so that `glob_of` always finds a file.
    """
    wanted: dict[str, Path] = {}
    for object in objects:
        prefix = paths.receipts(migration, object)
        place = folder / object
        await asyncio.to_thread(place.mkdir, parents=True, exist_ok=True)
        await asyncio.to_thread(write_parquet, place / _EMPTY, object, ())
        for name in await storage.names("ledger", prefix):
            wanted[name] = place / name.removeprefix(prefix).replace("/", ".")
    await storage.fetch("ledger", wanted)
    return len(wanted)


def glob_of(folder: Path, object: str | None = None) -> str:
    """The glob of downloaded parts: of one object, or of all that were downloaded."""
    return str(folder / (object or "*") / "*.parquet")


def fold(glob: str, target: Path) -> None:
    """Write the current receipts of downloaded parts as Parquet: `object` and the columns of `Receipt` but `tombstone`.

    Payloads only pass through: what decides are the keys that come more than once, and their numbers (blocking).
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with duck.cursor() as db:
        db.execute("SET VARIABLE parts = $glob", {"glob": glob})
        for statement in _FOLD.split(";\n"):
            db.execute(statement.replace("$target", f"'{str(target).replace(chr(39), chr(39) * 2)}'"))


def write_parquet(path: Path, object: str, rows: Sequence[Receipt]) -> None:
    """Write receipts of one object as a Parquet file with a column `object` (blocking)."""
    lines = path.with_suffix(".ndjson")
    longest = 1
    with lines.open("wb") as file:
        for row in rows:
            longest = max(longest, file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)))
    with duck.json_cursor() as db:
        db.execute(
            f"COPY (SELECT ? AS object, {_COLUMNS} "
            f"FROM read_json(?, columns = {{{_READ}}}, format = 'newline_delimited', "
            f"maximum_object_size = {longest})) TO '{str(path).replace(chr(39), chr(39) * 2)}' "
            "(FORMAT parquet, COMPRESSION zstd)",
            [object, str(lines)],
        )
    lines.unlink()


def read_parquet(path: Path) -> list[Receipt]:
    """Read receipts from a Parquet file (blocking)."""
    with duck.cursor() as db:
        found = db.execute(f"SELECT {_COLUMNS} FROM read_parquet(?)", [str(path)]).fetchall()
    return [Receipt(*row) for row in found]
