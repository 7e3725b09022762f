"""What people did outside the app: a correction, a document uploaded by hand, a conflict decided, a difference
of the sample explained, a field of it commented. Kept for good.

One JSON line each in an append blob. Ids and words of people only: the form says that no patient's values belong in it.
"""

from contextlib import suppress
from datetime import datetime
from typing import Literal

import orjson
from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError
from pydantic import BaseModel, ConfigDict, Field

from ledger import paths
from ledger.states import now
from ledger.storage import NotStored, Storage

Kind = Literal["correction", "upload", "conflict", "cutover", "difference", "comment"]


class Note(BaseModel):
    """One thing a person did. ``about``: a cause of exceptions (``patient/record/missing_id``) or of a sample's differences,
    a record's id, or an item of the cutover checklist; of a comment: the sample, the object and perhaps the record, while
    ``what`` is the field."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    about: str
    what: str
    reason: str
    by: str
    at: datetime = Field(default_factory=now)


async def append(storage: Storage, migration: str, note: Note) -> None:
    """Keep a note."""
    client = storage.blob("ledger", paths.notes(migration))
    with suppress(ResourceExistsError):
        await client.create_append_blob(match_condition=MatchConditions.IfMissing)
    await client.append_block(orjson.dumps(note.model_dump(mode="json")) + b"\n")


async def read(storage: Storage, migration: str, kind: Kind) -> dict[str, list[Note]]:
    """The notes of one kind by what they are about, latest first."""
    try:
        text = await storage.get("ledger", paths.notes(migration))
    except NotStored:
        return {}
    found: dict[str, list[Note]] = {}
    for line in reversed(text.splitlines()):
        note = Note.model_validate_json(line)
        if note.kind == kind:
            found.setdefault(note.about, []).append(note)
    return found
