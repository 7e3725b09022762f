"""Messages between the host and its workers: a JSON header and a raw body, each with its length before it."""

import asyncio
import struct
from typing import Any

import orjson

_LENGTHS = struct.Struct(">II")


def pack(header: dict[str, Any], body: bytes = b"") -> bytes:
    """One message as bytes."""
    head = orjson.dumps(header)
    return _LENGTHS.pack(len(head), len(body)) + head + body


async def read(reader: asyncio.StreamReader) -> tuple[dict[str, Any], bytes] | None:
    """The next message; None when the other side is gone."""
    try:
        head, body = _LENGTHS.unpack(await reader.readexactly(_LENGTHS.size))
        data = await reader.readexactly(head + body)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return orjson.loads(data[:head]), data[head:]
