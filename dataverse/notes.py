"""Notes with files: sent and read back a piece at a time, so that memory does not grow with the file."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from dataverse import query
from dataverse.client import DataverseClient
from dataverse.errors import AuthRefused, BadAnswer, Duplicate, LostReply, NotFound, Refused, Unavailable
from dataverse.outcomes import FOUND, RowOutcome
from dataverse.reads import existing_ids
from mapping.schema import SchemaTable

#: Octets a piece: a multiple of 3, so that the pieces' base64 texts join without padding.
_PIECE: Final = 3 * 256 * 1024
_LOST_TRIES: Final = 4
_READ_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class FileDigest:
    """SHA-256 (lower-case hex) and size in octets of a file."""

    sha256: str
    size: int


async def create_note(
    client: DataverseClient, table: SchemaTable, row: Mapping[str, Any], file: Path | None = None
) -> RowOutcome:
    """Create one annotation, with the file as its ``documentbody``; ``row`` carries the id and no body.

    Repeats until it is answered or the row is found; a note that is there already counts as landed ("found").
    """
    size = await asyncio.to_thread(lambda: file.stat().st_size) if file else 0
    head, tail = _frame(row, file is not None)
    length = len(head) + (4 * ((size + 2) // 3) if file else 0) + len(tail)

    async def stream() -> AsyncIterator[bytes]:
        yield head
        if file:
            async for piece in _pieces(file):
                yield base64.b64encode(piece)
        yield tail

    headers = {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(length)}
    row_id = str(row[table.id_column])
    for tries in range(_LOST_TRIES):
        try:
            await client.request("POST", table.set_name, content=stream, headers=headers, table=table.logical)
            return RowOutcome(0, True)
        except AuthRefused:
            raise
        except LostReply:
            if await existing_ids(client, table, [row_id]):
                return RowOutcome(0, True, FOUND)
            await client.backoff(tries)
        except Duplicate as error:
            if await existing_ids(client, table, [row_id]):
                return RowOutcome(0, True, FOUND)
            return RowOutcome.failed(0, error)
        except Refused as error:
            return RowOutcome.failed(0, error)
    return RowOutcome.lost(0)


async def download(client: DataverseClient, note_id: str, sink: Callable[[bytes], object]) -> FileDigest | None:
    """Pass a note's file to ``sink`` piece by piece and return its digest; None when the note has no file or is gone.

    ``documentbody/$value`` answers with base64 text or with the octets themselves; ``filesize`` tells which it is.
    Raises BadAnswer when what came is cut short.
    """
    note = query.row("annotations", note_id)
    try:
        about = (await client.get(query.path(note, select="filesize,isdocument"), table="annotation")).json()
    except NotFound:
        return None
    expected = int(about.get("filesize") or 0)
    if not about.get("isdocument") or not expected:
        return None
    digest = hashlib.sha256()
    size = 0
    rest = b""
    async with client.stream(f"{note}/documentbody/$value", table="annotation") as response:
        raw = response.headers.get("content-length") == str(expected)
        async for chunk in response.aiter_bytes():
            text = chunk if raw else rest + chunk.translate(None, b'\r\n "')
            whole = len(text) if raw else len(text) // 4 * 4
            piece, rest = (text if raw else _decode(text[:whole])), text[whole:]
            digest.update(piece)
            size += len(piece)
            sink(piece)
    if rest or size != expected:
        raise BadAnswer("The body of a note is cut short.", table="annotation")
    return FileDigest(digest.hexdigest(), size)


async def file_digest(client: DataverseClient, note_id: str) -> FileDigest | None:
    """The digest of a note's file as the target gives it back; None when there is no file. A broken read is repeated."""
    for tries in range(_READ_TRIES - 1):
        try:
            return await download(client, note_id, lambda _: None)
        except (Unavailable, BadAnswer):
            await client.backoff(tries)
    return await download(client, note_id, lambda _: None)


def _frame(row: Mapping[str, Any], with_file: bool) -> tuple[bytes, bytes]:
    """What comes before and after the base64 text in the JSON of a note."""
    if not with_file:
        return orjson.dumps(dict(row)), b""
    text = orjson.dumps({**row, "isdocument": True})
    return text[:-1] + b',"documentbody":"', b'"}'


async def _pieces(file: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(file.open, "rb") as source:
        while piece := await asyncio.to_thread(source.read, _PIECE):
            yield piece


def _decode(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise BadAnswer("The body of a note is not base64.", table="annotation") from None
