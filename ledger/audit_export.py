"""The audit log as a file: NDJSON (rows as stored, verifiable offline) or CSV (for people)."""

from collections.abc import AsyncIterator
from typing import Literal

from ledger.storage import Storage

Format = Literal["ndjson", "csv"]


def export(storage: Storage, migration: str, format: Format) -> AsyncIterator[bytes]:
    """The whole log of a migration, in the order of partitions and sequences, a page of rows at a time."""
    raise NotImplementedError
