"""A stretch of a file inside a JSON text, sent piece by piece: memory does not grow with the file."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

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
        source, piece = await asyncio.to_thread(_begin, file, offset, min(PIECE, length))
        with source:
            before, left = head, length
            while piece:
                left -= len(piece)
                # What is small goes as one piece: each is a write of its own.
                yield before + base64.b64encode(piece) + (b"" if left else tail)
                before = b""
                if not left:
                    return
                piece = await asyncio.to_thread(source.read, min(PIECE, left))
            yield before + tail

    return Stream(stream, {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(size)})


def _begin(file: Path, offset: int, most: int) -> tuple[BinaryIO, bytes]:
    """The file, open behind its first piece from ``offset`` on, and that piece."""
    source = file.open("rb")
    source.seek(offset)
    return source, source.read(most)
