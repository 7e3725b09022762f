"""The manifest: an append blob that says, at each gate and at the end of each run, where every chain ended.

One JSON document a line. Each line names the sha256 of the line before (`prev`), so that an edited or removed line
shows as well; appends are conditional on the blob's length, so that two writers cannot both follow on the same line.
Where the tenant locks the container (immutable storage), not even an administrator cuts the tail.
"""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import orjson
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from pydantic import BaseModel, ConfigDict, Field

from ledger import paths
from ledger.audit import Head
from ledger.states import now
from ledger.storage import NotStored, Storage

_HEADS: Final = 10_000  #: heads of one line: about a quarter of what one append may carry


class ManifestHead(BaseModel):
    """The end of one partition's chain."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hash: str
    count: int


class ManifestEntry(BaseModel):
    """One line. `closed` says that the run has ended, so that its partitions grow no more."""

    model_config = ConfigDict(extra="forbid")

    kind: str  #: "run_end", or the gate that was passed ("confirm", "sign-off", "close", …)
    run: str | None = None
    by: str = ""
    map_hash: str = ""
    counts: dict[str, Any] = Field(default_factory=dict)
    heads: dict[str, ManifestHead] = Field(default_factory=dict)  #: by partition key
    closed: bool = False
    at: datetime = Field(default_factory=now)
    prev: str = ""  #: set by `append`


class ManifestBroken(Exception):
    """A line of the manifest does not follow on the line before it."""


def heads_of(heads: Mapping[str, Head]) -> dict[str, ManifestHead]:
    """Chain heads (`AuditLog.head` by `AuditLog.partition`) as an entry holds them."""
    return {partition: ManifestHead(hash=head.hash, count=head.count) for partition, head in heads.items()}


async def append(storage: Storage, migration: str, entry: ManifestEntry) -> None:
    """Append an entry (as several lines when it has very many heads). Durable when it returns."""
    names = sorted(entry.heads)
    for start in range(0, max(len(names), 1), _HEADS):
        some = {name: entry.heads[name] for name in names[start : start + _HEADS]}
        await _append_line(storage, migration, entry.model_copy(update={"heads": some}))


async def read(storage: Storage, migration: str) -> list[ManifestEntry]:
    """All entries in order; none when nothing was appended yet. Raises ManifestBroken with the number of the line."""
    return parse(await _text(storage, migration))


def parse(text: bytes) -> list[ManifestEntry]:
    """The entries of a manifest's text, checked to follow on each other. Raises ManifestBroken."""
    entries: list[ManifestEntry] = []
    previous = ""
    for number, line in enumerate(text.splitlines(), 1):
        entry = ManifestEntry.model_validate_json(line)
        if entry.prev != previous:
            raise ManifestBroken(f"line {number} of the manifest does not follow on line {number - 1}")
        previous = hashlib.sha256(line).hexdigest()
        entries.append(entry)
    return entries


async def _append_line(storage: Storage, migration: str, entry: ManifestEntry) -> None:
    client = storage.blob("ledger", paths.manifest(migration))
    while True:
        text = await _text(storage, migration)
        lines = text.splitlines()
        entry.prev = hashlib.sha256(lines[-1]).hexdigest() if lines else ""
        line = orjson.dumps(entry.model_dump(mode="json"), option=orjson.OPT_APPEND_NEWLINE)
        if not text:
            # Not `upload_blob`, which makes nothing of no bytes; and never without the condition, which would empty it.
            with suppress(ResourceExistsError):
                await client.create_append_blob(match_condition=MatchConditions.IfMissing)
        try:
            await client.append_block(line, appendpos_condition=len(text))
            return
        except HttpResponseError as error:
            if error.status_code != 412:
                raise


async def _text(storage: Storage, migration: str) -> bytes:
    try:
        return await storage.get("ledger", paths.manifest(migration))
    except NotStored:
        return b""
