"""Files of notes, read back a piece at a time: what the target holds, octet for octet."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dataverse import query
from dataverse.client import DataverseClient
from dataverse.errors import BadAnswer, NotFound, Unavailable

_READ_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class FileDigest:
    """SHA-256 (lower-case hex) and size in octets of a file."""

    sha256: str
    size: int


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


def _decode(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise BadAnswer("The body of a note is not base64.", table="annotation") from None
