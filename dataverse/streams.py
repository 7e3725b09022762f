"""A stretch of a file inside a JSON text, sent piece by piece: memory does not grow with the file."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

#: Octets a piece: a multiple of 3, so that the pieces' base64 texts join without padding.
PIECE: Final = 3 * 256 * 1024


@dataclass(frozen=True, slots=True)
class Stream:
    """A request's body: ``start`` begins it anew for each try; ``headers`` name its type and length."""

    start: Callable[[], AsyncIterator[bytes]]
    headers: dict[str, str]


def embed(document: Mapping[str, Any], member: str, file: Path, offset: int, length: int) -> Stream:
    """The document as JSON, with ``length`` octets of the file from ``offset`` on as base64 in a last member."""
    text = orjson.dumps(dict(document))
    head = text[:-1] + b"," + orjson.dumps(member) + b':"'
    tail = b'"}'
    size = len(head) + 4 * ((length + 2) // 3) + len(tail)

    async def stream() -> AsyncIterator[bytes]:
        yield head
        async for piece in _pieces(file, offset, length):
            yield base64.b64encode(piece)
        yield tail

    return Stream(stream, {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(size)})


async def _pieces(file: Path, offset: int, length: int) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(file.open, "rb") as source:
        await asyncio.to_thread(source.seek, offset)
        while length and (piece := await asyncio.to_thread(source.read, min(PIECE, length))):
            length -= len(piece)
            yield piece
