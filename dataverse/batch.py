"""``$batch``: many operations in one request, each with an answer of its own.

Wire format: Learn, "Execute batch operations using the Web API". No change sets: with
``Prefer: odata.continue-on-error`` every part stands alone, which is what restores and deletes need.
Inner writes carry Content-Length: without it some servers cannot read the part's body.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from dataverse.answers import Answer
from dataverse.client import API, TRIES, TRIES_UNEXPECTED, DataverseClient
from dataverse.errors import (
    UNEXPECTED,
    BadAnswer,
    DataverseError,
    LostReply,
    Throttled,
    Transient,
    Unavailable,
    error_from,
)
from dataverse.sizes import BatchSize

MOST: Final = 1000
_CRLF: Final = b"\r\n"


@dataclass(frozen=True, slots=True)
class Operation:
    """One request of a batch. ``path`` is relative to the API's root; ``table`` is for words about it."""

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    table: str | None = None


class Part(Answer):
    """The answer to one operation."""


def encode(operations: Sequence[Operation], boundary: str, write_headers: Mapping[str, str] | None = None) -> bytes:
    """The multipart/mixed body of a batch of 1 to 1,000 operations; CRLF line ends throughout.

    ``write_headers`` go with every part that writes: what a batch carries itself does not hold for its parts.
    """
    if not 0 < len(operations) <= MOST:
        raise ValueError(f"a batch takes 1 to {MOST} operations, not {len(operations)}")
    lines: list[bytes] = []
    for operation in operations:
        lines += [
            f"--{boundary}".encode(),
            b"Content-Type: application/http",
            b"Content-Transfer-Encoding: binary",
            b"",
            f"{operation.method} {API}/{operation.path} HTTP/1.1".encode(),
            b"Accept: application/json",
        ]
        body = b"" if operation.body is None else orjson.dumps(operation.body)
        if operation.body is not None:
            lines.append(b"Content-Type: application/json; type=entry")
        if operation.method != "GET":
            lines.append(f"Content-Length: {len(body)}".encode())
        headers = {**operation.headers, **((write_headers or {}) if operation.method != "GET" else {})}
        lines += [f"{name}: {value}".encode() for name, value in headers.items()]
        lines += [b"", body]
    lines += [f"--{boundary}--".encode(), b""]
    return _CRLF.join(lines)


def decode(content_type: str, body: bytes) -> list[Part]:
    """The parts of a batch answer, in order. BadAnswer when it is not multipart or a part is not an HTTP answer."""
    match = re.search(r'boundary="?([^";\s]+)"?', content_type)
    if not content_type.lower().startswith("multipart/mixed") or not match:
        raise BadAnswer("The answer to a batch is not multipart.")
    delimiter = b"--" + match.group(1).encode()
    pieces = (b"\r\n" + body).split(b"\r\n" + delimiter)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise BadAnswer("The answer to a batch is cut short.")
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> Part:
    _, _, http = piece.partition(b"\r\n\r\n")
    head, _, body = http.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    match = re.fullmatch(r"HTTP/1\.1 (\d{3})(?: .*)?", first.strip())
    if not match:
        raise BadAnswer("A part of a batch answer is not an HTTP answer.")
    headers = {
        name.strip().lower(): value.strip() for name, colon, value in (line.partition(":") for line in rest) if colon
    }
    return Part(int(match.group(1)), headers, body.strip())


async def run_batch(
    client: DataverseClient,
    operations: Sequence[Operation],
    *,
    repeatable: bool = False,
    size: BatchSize | None = None,
) -> list[Part | DataverseError]:
    """Send operations as one batch that goes on after errors; one result an operation, in order.

    A part that failed for a passing reason is sent again (it has definitely not happened); any other failure is its
    result. One whose answer has no code of Dataverse's own is LostReply, unless it is repeatable: a server fell over.
    ``size`` learns how long the batch took. Raises what the request as a whole raises: LostReply when the answer was lost
    and it is not repeatable.
    """
    results: list[Part | DataverseError] = [BadAnswer("not sent")] * len(operations)
    waiting = list(range(len(operations)))
    tries = 0
    while waiting:
        parts = await _send(client, [operations[i] for i in waiting], repeatable, size)
        again: list[int] = []
        throttled = False
        for i, part in zip(waiting, parts, strict=True):
            if part.status < 300:
                results[i] = part
                continue
            if part.status < 400:
                results[i] = BadAnswer("A part of a batch leads elsewhere.", status=part.status)
                continue
            error = error_from(part.status, part.headers, part.body, operations[i].table)
            results[i] = error
            if isinstance(error, Unavailable) and not error.code and not repeatable:
                results[i] = LostReply(error.message, status=part.status, table=operations[i].table)
            elif isinstance(error, Throttled):
                throttled = True
                client.throttled(error)
                again.append(i)
            elif isinstance(error, Transient) and tries + 1 < (TRIES_UNEXPECTED if error.code == UNEXPECTED else TRIES):
                again.append(i)
        if again and not (throttled and len(again) == len(waiting)):
            tries += 1
        if again:
            await client.backoff(tries)
        waiting = again
    return results


async def _send(
    client: DataverseClient, operations: Sequence[Operation], repeatable: bool, size: BatchSize | None
) -> list[Part]:
    boundary = f"batch_{uuid.uuid4()}"
    answer = await client.request(
        "POST",
        "$batch",
        content=encode(operations, boundary, client.write_headers),
        headers={"Content-Type": f'multipart/mixed; boundary="{boundary}"', "Prefer": "odata.continue-on-error"},
        repeatable=repeatable,
        operations=len(operations),
        size=size,
    )
    try:
        parts = decode(answer.headers.get("content-type", ""), answer.body)
        if len(parts) != len(operations):
            raise BadAnswer(f"A batch of {len(operations)} operations was answered with {len(parts)} parts.")
    except BadAnswer as error:
        if repeatable:
            raise
        # The operations ran; what became of each is not known.
        raise LostReply(error.message) from None
    return parts
