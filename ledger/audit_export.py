"""The audit log as a file: NDJSON (rows as stored, which `audit_verify.verify_lines` can check) or CSV (for people)."""

import csv
import io
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final, Literal

from ledger import chain, paths
from ledger.rows import Row, literal
from ledger.storage import Storage

Format = Literal["ndjson", "csv"]

COLUMNS: Final = (
    "migration", "run", "object", "chunk", "sequence", "at", "operation", "source_id", "source_key", "table", "row_id",
    "before", "operator", "map_hash", "span", "of", "code", "message", "hash",
)  # fmt: skip
_PAGES: Final = 10  #: pages of the service (1,000 rows each) in one part: some 5 MB
#: How the service continues a query; nothing else may come into one.
ONWARD: Final = re.compile(r"&NextPartitionKey=[\w%.~-]+(&NextRowKey=[\w%.~-]+)?")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


async def export(storage: Storage, migration: str, format: Format, after: str = "") -> tuple[bytes, str]:
    """A part of a migration's log, in the order of partitions and sequences, and where the next part begins.

    `after`: what the part before returned, "" for the first. The parts, one after another, are the file; the last
    returns "". Raises ValueError for an `after` that no part returned.
    """
    first, beyond = paths.partition_range(migration)
    within = f"PartitionKey ge {literal(first)} and PartitionKey lt {literal(beyond)}"
    onward = urlsafe_b64decode(after).decode("ascii") if after else ""
    if onward and not ONWARD.fullmatch(onward):
        raise ValueError("not the end of a part")
    text = [_csv([list(COLUMNS)])] if format == "csv" and not onward else []
    for _ in range(_PAGES):
        page, onward = await storage.rows.page(paths.AUDIT, within, after=onward)
        if format == "csv":
            text.append(_csv([_cells(row) for row in page]))
        else:
            text += [chain.sealed(chain.canonical(row), row["hash"]) + b"\n" for row in page]
        if not onward:
            break
    return b"".join(text), urlsafe_b64encode(onward.encode()).decode()


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
