"""The audit log as a file: NDJSON (rows as stored, which `audit_verify.verify_lines` can check) or CSV (for people)."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Final, Literal

from ledger import chain, paths
from ledger.rows import Row, literal
from ledger.storage import Storage

Format = Literal["ndjson", "csv"]

COLUMNS: Final = (
    "migration", "run", "object", "chunk", "sequence", "at", "operation", "source_id", "source_key", "table", "row_id",
    "before", "operator", "map_hash", "span", "of", "code", "message", "hash",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


async def export(storage: Storage, migration: str, format: Format) -> AsyncIterator[bytes]:
    """The whole log of a migration, in the order of partitions and sequences, a page of rows at a time."""
    first, beyond = paths.partition_range(migration)
    within = f"PartitionKey ge {literal(first)} and PartitionKey lt {literal(beyond)}"
    if format == "csv":
        yield _csv([list(COLUMNS)])
    async for page in storage.rows.pages(paths.AUDIT, within):
        if format == "csv":
            yield _csv([_cells(row) for row in page])
        else:
            yield b"".join(chain.sealed(chain.canonical(row), row["hash"]) + b"\n" for row in page)


def _cells(row: Row) -> list[str]:
    named = dict(zip(COLUMNS[:4], row["PartitionKey"].split("|"), strict=True))
    full = {**named, "sequence": str(int(row["RowKey"])), **row}
    return [_inert(full.get(column, "")) for column in COLUMNS]


def _inert(text: str) -> str:
    """A cell that a spreadsheet will not take for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv(lines: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(lines)
    return out.getvalue().encode()
