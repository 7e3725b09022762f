"""Read, write and list many small blobs quickly.

The Blob service's protocol spoken directly over azure-core's pipeline, as `rows` does for tables: the SDK builds a client
and some twenty policies and models around each request (about a millisecond of CPU), which for a chunk's dozen small
blobs costs as much as its records. What is large, and leases, blocks and appends, stay with the SDK.
Protocol: "Put Blob", "Get Blob", "Get Blob Properties", "Delete Blob" and "List Blobs" of the Azure docs.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote
from xml.etree import ElementTree

from azure.core import AsyncPipelineClient
from azure.core.exceptions import HttpResponseError, IncompleteReadError, ServiceResponseError
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import (
    AsyncBearerTokenCredentialPolicy,
    AsyncRetryPolicy,
    SansIOHTTPPolicy,
    UserAgentPolicy,
)
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest

_VERSION: Final = "2021-12-02"
_SCOPE: Final = "https://storage.azure.com/.default"
_CONNECT: Final = 20  #: seconds, as the SDK has them
_READ: Final = 60
_PAGE: Final = 500  #: blobs of one answer of a listing
_TRIES: Final = 3  #: of a download that broke off

#: Octets of a blob that is written in one request; a larger one goes in blocks, by the SDK.
LARGEST: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Listed:
    """One blob of a listing."""

    name: str
    size: int
    etag: str
    leased: bool
    changed: datetime | None
    metadata: Mapping[str, str] = field(default_factory=dict)


class Blobs:
    """Small blobs of one account, on a transport that is shared with the SDK's clients.

    `url` is the account's, a SAS included. `credential`: the SDK's own policy for an account key, a token credential, or
    None where the address carries the SAS. Answers that are neither success nor one of those named in a method raise
    HttpResponseError with the service's code, never its body.
    """

    def __init__(self, url: str, credential: Any, transport: AioHttpTransport) -> None:
        base, _, self._sas = url.partition("?")
        self._base = base.rstrip("/")
        signing = (
            AsyncBearerTokenCredentialPolicy(credential, _SCOPE) if hasattr(credential, "get_token") else credential
        )
        policies = [
            UserAgentPolicy(),
            AsyncRetryPolicy(retry_total=5, retry_backoff_factor=0.4, retry_backoff_max=20),
            _Stamp(),
            *([signing] if signing else []),
        ]
        self._client: AsyncPipelineClient[HttpRequest, AsyncHttpResponse] = AsyncPipelineClient(
            self._base, policies=policies, transport=transport
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def get(self, container: str, name: str) -> tuple[bytes, str] | None:
        """A blob whole, and its etag; None when there is none."""
        response = await self._send("GET", self._url(container, name), allowed=(200, 404))
        return (response.content, response.headers["ETag"]) if response.status_code == 200 else None

    async def pieces(self, container: str, name: str) -> AsyncGenerator[bytes, None] | None:
        """A blob's bytes piece by piece; None when there is none. One that breaks off goes on where it stopped."""
        response = await self._open(container, name, 0, "")
        return self._pieces(container, name, response) if response is not None else None

    async def _pieces(self, container: str, name: str, response: AsyncHttpResponse) -> AsyncGenerator[bytes, None]:
        etag, read, tries = response.headers["ETag"], 0, 0
        while True:
            try:
                async for piece in response.iter_raw():
                    read += len(piece)
                    yield piece
                return
            except (IncompleteReadError, ServiceResponseError):
                tries += 1
                if tries == _TRIES:
                    raise
            finally:
                await response.close()
            again = await self._open(container, name, read, etag)
            if again is None:
                raise HttpResponseError(message="the blob was deleted while it was read")
            response = again

    async def _open(self, container: str, name: str, start: int, etag: str) -> AsyncHttpResponse | None:
        headers = {"x-ms-range": f"bytes={start}-", "If-Match": etag} if start else {}
        request = HttpRequest("GET", self._url(container, name), headers=headers)
        response = await self._client.send_request(
            request, stream=True, connection_timeout=_CONNECT, read_timeout=_READ
        )
        if response.status_code in (200, 206):
            return response
        await response.close()
        if response.status_code == 404:
            return None
        raise _error(response)

    async def put(
        self,
        container: str,
        name: str,
        data: bytes,
        *,
        once: bool = False,
        etag: str = "",
        metadata: Mapping[str, str] | None = None,
    ) -> bool:
        """Write a blob of at most LARGEST octets whole. False when there is one already (`once`), or when it is not the
        one with `etag` any more."""
        headers = {"x-ms-blob-type": "BlockBlob", "Content-Type": "application/octet-stream"}
        headers |= {"Content-Length": str(len(data))} | ({"If-None-Match": "*"} if once else {})
        headers |= {"If-Match": etag} if etag else {}
        headers |= {f"x-ms-meta-{key}": value for key, value in (metadata or {}).items()}
        refusal = "BlobAlreadyExists" if once else "ConditionNotMet" if etag else ""
        response = await self._send("PUT", self._url(container, name), headers, data, allowed=(201, 404, 409, 412))
        if response.status_code == 201:
            return True
        if response.headers.get("x-ms-error-code") in (refusal, "BlobNotFound"):
            return False
        raise _error(response)

    async def size(self, container: str, name: str) -> int | None:
        """Octets of a blob; None when there is none."""
        response = await self._send("HEAD", self._url(container, name), allowed=(200, 404))
        return int(response.headers["Content-Length"]) if response.status_code == 200 else None

    async def delete(self, container: str, name: str) -> bool:
        """Delete a blob; False when there was none."""
        response = await self._send("DELETE", self._url(container, name), allowed=(202, 404))
        return response.status_code == 202

    async def listing(self, container: str, prefix: str, *, metadata: bool = False) -> AsyncIterator[Listed]:
        """The blobs under a prefix, sorted by name."""
        marker = ""
        while True:
            query = f"restype=container&comp=list&prefix={quote(prefix, safe='')}&maxresults={_PAGE}"
            query += f"&marker={quote(marker, safe='')}" if marker else ""
            query += "&include=metadata" if metadata else ""
            response = await self._send("GET", self._url(container, query=query), allowed=(200,))
            answer = ElementTree.fromstring(response.content)
            for blob in answer.iterfind("Blobs/Blob"):
                yield _listed(blob)
            marker = answer.findtext("NextMarker") or ""
            if not marker:
                return

    def _url(self, container: str, name: str = "", *, query: str = "") -> str:
        where = f"{self._base}/{container}" + (f"/{quote(name, safe='/~')}" if name else "")
        query = "&".join(part for part in (query, self._sas) if part)
        return f"{where}?{query}" if query else where

    async def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        *,
        allowed: tuple[int, ...],
    ) -> AsyncHttpResponse:
        request = HttpRequest(method, url, headers=dict(headers or {}), content=content)
        response = await self._client.send_request(request, connection_timeout=_CONNECT, read_timeout=_READ)
        if response.status_code not in allowed:
            raise _error(response)
        return response


class _Stamp(SansIOHTTPPolicy[HttpRequest, AsyncHttpResponse]):
    """Dates each attempt, before it is signed."""

    def on_request(self, request: PipelineRequest[HttpRequest]) -> None:
        headers = request.http_request.headers
        headers["x-ms-version"] = _VERSION
        headers["x-ms-date"] = format_datetime(datetime.now(UTC), usegmt=True)


def _listed(blob: ElementTree.Element) -> Listed:
    about = blob.find("Properties")
    assert about is not None
    changed = about.findtext("Last-Modified")
    return Listed(
        name=blob.findtext("Name") or "",
        size=int(about.findtext("Content-Length") or 0),
        etag=about.findtext("Etag") or "",
        leased=about.findtext("LeaseStatus") == "locked",
        changed=_moment(changed) if changed else None,
        metadata={one.tag: one.text or "" for one in blob.iterfind("Metadata/*")},
    )


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)


def _error(response: AsyncHttpResponse) -> HttpResponseError:
    code = response.headers.get("x-ms-error-code", "unknown")
    error = HttpResponseError(message=f"blob service answered {response.status_code} {code}")
    error.status_code = response.status_code
    error.reason = response.reason
    return error
