"""$batch: multipart in, multipart out; changesets all or nothing, the rest one by one in order."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from local.dataverse import errors
from local.dataverse.errors import ApiError, bad_query
from local.dataverse.http import Request, Response, failure, split_url

if TYPE_CHECKING:
    from local.dataverse.environment import Environment

#: Most operations in one batch.
LIMIT: Final = 1000
_LONGEST_URL: Final = 65_536
_BOUNDARY: Final = re.compile(r'boundary\s*=\s*(?:"([^"]+)"|([^;\s]+))', re.IGNORECASE)
_REASONS: Final = {
    200: "OK", 201: "Created", 204: "No Content", 304: "Not Modified", 400: "Bad Request", 401: "Unauthorized",
    403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 412: "Precondition Failed",
    429: "Too Many Requests", 500: "Internal Server Error", 501: "Not Implemented", 503: "Service Unavailable",
    507: "Insufficient Storage",
}  # fmt: skip


@dataclass(slots=True)
class Part:
    """One operation of a batch, or a changeset of several."""

    request: Request | None
    content_id: str | None = None
    changeset: "list[Part] | None" = None


class _Undone(Exception):
    """Carries the failed part's answer out of a changeset whose transaction must be undone."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


def run_batch(environment: "Environment", request: Request) -> tuple[Response, int]:
    """The batch's answer and the rows touched. Without continue-on-error the first failure ends it with 400."""
    parts = _parse(request)
    if sum(len(part.changeset) if part.changeset is not None else 1 for part in parts) > LIMIT:
        raise ApiError(400, "0x80040315", f"The batch size exceeds the limit of {LIMIT} operations.")
    go_on = request.prefers("odata.continue-on-error") is not None
    boundary = f"batchresponse_{uuid.uuid4()}"
    answers: list[bytes] = []
    rows, failed = 0, False
    for part in parts:
        if part.request is not None:
            response, touched = environment.handle(part.request)
            answers.append(_plain(response))
        else:
            response, touched, text = _changeset(environment, part.changeset or [])
            answers.append(text)
        rows += touched
        if response.status >= 400 and not go_on:
            answers = answers[-1:]
            failed = True
            break
    mark = f"--{boundary}\r\n".encode()
    body = b"".join(mark + answer for answer in answers) + f"--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/mixed; boundary={boundary}", "OData-Version": "4.0"}
    return Response(400 if failed else 200, headers, body), rows


def _changeset(environment: "Environment", parts: list[Part]) -> tuple[Response, int, bytes]:
    """Runs a changeset in one transaction; on failure its only answer is the failing part's."""
    boundary = f"changesetresponse_{uuid.uuid4()}"
    references: dict[str, str] = {}
    answers: list[bytes] = []
    rows = 0
    try:
        with environment.store.transaction():
            for part in parts:
                if part.request is None:
                    raise _Undone(failure(bad_query("A changeset cannot hold another changeset.")))
                if part.content_id is None:
                    raise _Undone(failure(bad_query("Content-ID header not present")))
                part.request.references = references
                response, touched = _referenced(environment, part.request)
                if response.status >= 400:
                    raise _Undone(response)
                rows += touched
                url = response.headers.get("OData-EntityId")
                if url is not None:
                    references[part.content_id] = url
                answers.append(_plain(response, part.content_id))
    except _Undone as undone:
        return undone.response, 0, _plain(undone.response)
    mark = f"--{boundary}\r\n".encode()
    body = b"".join(mark + answer for answer in answers) + f"--{boundary}--\r\n".encode()
    head = f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n".encode()
    return Response(200), rows, head + body


def _referenced(environment: "Environment", request: Request) -> tuple[Response, int]:
    """Runs a part whose URL may be ``$1``: the row that an earlier part produced."""
    if request.method == "GET":
        return failure(bad_query("A changeset cannot hold a GET request.")), 0
    if request.path.startswith("$") and not request.path.startswith("$batch"):
        name, slash, rest = request.path[1:].partition("/")
        try:
            url = environment.session(request).referenced(name)
        except ApiError as error:
            return failure(error), 0
        request.path = split_url(url)[0] + slash + rest
    return environment.handle(request)


def _plain(response: Response, content_id: str | None = None) -> bytes:
    """One operation's answer as a part."""
    head = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
    if content_id is not None:
        head += f"Content-ID: {content_id}\r\n"
    reason = _REASONS.get(response.status, "Error")
    head += f"\r\nHTTP/1.1 {response.status} {reason}\r\n"
    for name, value in response.headers.items():
        head += f"{name}: {value}\r\n"
    return head.encode() + b"\r\n" + response.body + b"\r\n"


def _parse(request: Request) -> list[Part]:
    content_type = request.headers.get("content-type", "")
    if not content_type.lower().startswith("multipart/mixed"):
        raise bad_query("The content type of a batch must be multipart/mixed.")
    return [_part(request, text, nested=False) for text in _split(content_type, request.body)]


def _split(content_type: str, body: bytes) -> list[bytes]:
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise bad_query("The content type of a batch must name its boundary.")
    mark = b"--" + (found[1] or found[2]).encode()
    pieces = (b"\r\n" + body).split(b"\r\n" + mark)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise bad_query("The batch does not end with its boundary; its line ends must be CRLF.")
    return [piece[2:] if piece.startswith(b"\r\n") else piece for piece in pieces[1:-1]]


def _headers(text: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in text.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if colon:
            headers[name.strip().lower().decode("latin-1")] = value.strip().decode("latin-1")
    return headers


def _part(outer: Request, text: bytes, *, nested: bool) -> Part:
    head, _, content = text.partition(b"\r\n\r\n")
    headers = _headers(head)
    kind = headers.get("content-type", "").lower()
    if kind.startswith("multipart/mixed") and not nested:
        inner = _split(headers["content-type"], content)
        return Part(None, changeset=[_part(outer, item, nested=True) for item in inner])
    if not kind.startswith("application/http"):
        return Part(None, changeset=[])
    top, _, body = content.partition(b"\r\n\r\n")
    line, _, rest = top.partition(b"\r\n")
    words = line.decode("utf-8", "replace").split(" ")
    if len(words) < 2:
        raise bad_query("A part of the batch has no request line.")
    # Some clients leave the blanks of a filter as they are.
    url = words[1] if len(words) <= 3 else " ".join(words[1:-1])
    if len(url) > _LONGEST_URL:
        raise errors.ApiError(414, "", "The request URL is too long.")
    inner_headers = _headers(rest)
    path, query = split_url(url)
    body = body.removesuffix(b"\r\n")
    request = Request(words[0], path, query, _inherit(outer, inner_headers), body, outer.base, outer.caller)
    return Part(request, headers.get("content-id") or inner_headers.get("content-id"))


def _inherit(outer: Request, headers: dict[str, str]) -> Mapping[str, str]:
    """Parts take over what the batch says about annotations; the rest of the headers is their own."""
    if "prefer" not in headers and outer.prefers("odata.include-annotations") is not None:
        value = outer.prefers("odata.include-annotations")
        headers["prefer"] = f'odata.include-annotations="{value}"'
    return headers
