"""Insert and read many small table rows quickly.

The Table service's protocol spoken directly over azure-core's pipeline: `azure-data-tables` builds and parses every
operation of a transaction as a MIME message of its own (about 400 microseconds a row), which at a row an operation
would cost more than the load itself. Rows here are flat dicts of text; nothing else is needed of the log.
Protocol: "Performing entity group transactions", "Query entities" and "Authorize with Shared Key" of the Azure docs.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit
from uuid import uuid4

import orjson
from azure.core import AsyncPipelineClient
from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import (
    AsyncBearerTokenCredentialPolicy,
    AsyncRetryPolicy,
    AzureSasCredentialPolicy,
    SansIOHTTPPolicy,
    UserAgentPolicy,
)
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest

LARGEST_TRANSACTION: Final = 100  #: rows of one entity-group transaction

_VERSION: Final = "2019-02-02"
_SCOPE: Final = "https://storage.azure.com/.default"
_STATUS: Final = re.compile(rb"HTTP/1\.1 (\d{3})")
_CODE: Final = re.compile(rb'"code"\s*:\s*"(\w+)"')

_AGAIN: Final = frozenset({"GET", "POST"})

Row = dict[str, str]
Credential = AzureNamedKeyCredential | AzureSasCredential | AsyncTokenCredential


class TableRows:
    """Inserts and range reads on the tables of one account, on a transport that is shared with the SDK's clients."""

    def __init__(self, url: str, credential: Credential, transport: AioHttpTransport) -> None:
        self._url = url.rstrip("/")
        retries = AsyncRetryPolicy(retry_total=5, retry_backoff_factor=0.4, retry_backoff_max=20)
        self._client: AsyncPipelineClient[HttpRequest, AsyncHttpResponse] = AsyncPipelineClient(
            self._url, policies=[UserAgentPolicy(), retries, _policy(credential)], transport=transport
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def insert(self, table: str, entities: Sequence[bytes]) -> None:
        """Insert up to 100 rows of one partition, all or none. `entities`: each a JSON object with its two keys.

        Raises ResourceExistsError when one of the row keys is taken (nothing is stored then), HttpResponseError else.
        """
        changes, batch = f"changeset_{uuid4()}", f"batch_{uuid4()}"
        head = (
            f"--{changes}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
            f"POST {self._url}/{table} HTTP/1.1\r\nContent-Type: application/json\r\n"
            "Accept: application/json;odata=nometadata\r\nPrefer: return-no-content\r\nDataServiceVersion: 3.0\r\n\r\n"
        ).encode()
        body = b"".join(
            (
                f"--{batch}\r\nContent-Type: multipart/mixed; boundary={changes}\r\n\r\n".encode(),
                *(piece for entity in entities for piece in (head, entity, b"\r\n")),
                f"--{changes}--\r\n--{batch}--\r\n".encode(),
            )
        )
        request = HttpRequest(
            "POST",
            f"{self._url}/$batch",
            headers={
                "Content-Type": f"multipart/mixed; boundary={batch}",
                "Accept": "application/json",
                "DataServiceVersion": "3.0",
                "MaxDataServiceVersion": "3.0;NetFx",
            },
            content=body,
        )
        response = await self._send(request)
        if response.status_code != 202:
            raise _error(response, response.status_code, response.content)
        for match in _STATUS.finditer(response.content):
            if int(match[1]) >= 300:
                raise _error(response, int(match[1]), response.content)

    async def pages(self, table: str, filter: str, *, select: Sequence[str] = ()) -> AsyncIterator[list[Row]]:
        """Rows that meet an OData filter, in key order, up to 1,000 at a time; without the service's Timestamp.

        `select`: only these properties, when given.
        """
        after = ""
        while True:
            rows, after = await self.page(table, filter, select=select, after=after)
            yield rows
            if not after:
                return

    async def page(
        self, table: str, filter: str, *, select: Sequence[str] = (), after: str = ""
    ) -> tuple[list[Row], str]:
        """One page of `pages`, and where the next one begins: the `after` of the next call, "" when this was the last."""
        url = f"{self._url}/{table}()?$filter={quote(filter, safe='')}{after}"
        if select:
            url += f"&$select={','.join(select)}"
        request = HttpRequest(
            "GET", url, headers={"Accept": "application/json;odata=nometadata", "DataServiceVersion": "3.0"}
        )
        response = await self._send(request)
        if response.status_code != 200:
            raise _error(response, response.status_code, response.content)
        rows: list[dict[str, Any]] = orjson.loads(response.content)["value"]
        for row in rows:
            row.pop("Timestamp", None)
        return rows, _continuation(response)

    async def _send(self, request: HttpRequest) -> AsyncHttpResponse:
        request.headers["x-ms-version"] = _VERSION
        # Inserts may be sent again: a row that is there already answers 409, which the log knows how to read.
        response = await self._client.send_request(request, retry_on_methods=_AGAIN)
        await response.read()
        return response


def literal(text: str) -> str:
    """A text as an OData literal."""
    return "'" + text.replace("'", "''") + "'"


def _continuation(response: AsyncHttpResponse) -> str:
    pieces = ""
    for key in ("NextPartitionKey", "NextRowKey"):
        value = response.headers.get(f"x-ms-continuation-{key}")
        if value:
            pieces += f"&{key}={quote(value, safe='')}"
    return pieces


def _error(response: AsyncHttpResponse, status: int, content: bytes) -> HttpResponseError:
    """The error of a response; carries the service's code, never its body, which may repeat the row."""
    found = _CODE.search(content)
    code = found[1].decode() if found else "unknown"
    kind = ResourceExistsError if code == "EntityAlreadyExists" else HttpResponseError
    error = kind(message=f"table service answered {status} {code}")
    error.status_code = status
    error.reason = response.reason
    return error


def _policy(credential: Credential) -> Any:
    if isinstance(credential, AzureNamedKeyCredential):
        return SharedKey(credential)
    if isinstance(credential, AzureSasCredential):
        return AzureSasCredentialPolicy(credential)
    return AsyncBearerTokenCredentialPolicy(credential, _SCOPE)


class SharedKey(SansIOHTTPPolicy[HttpRequest, AsyncHttpResponse]):
    """Signs requests to the Table service with the account's key; after the retry policy, so each attempt anew."""

    def __init__(self, credential: AzureNamedKeyCredential) -> None:
        self._credential = credential

    def on_request(self, request: PipelineRequest[HttpRequest]) -> None:
        """Add `x-ms-date` and `Authorization`."""
        name, key = self._credential.named_key.name, self._credential.named_key.key
        call = request.http_request
        date = format_datetime(datetime.now(UTC), usegmt=True)
        resource = f"/{name}{urlsplit(call.url).path}"
        signed = f"{call.method}\n\n{call.headers.get('Content-Type', '')}\n{date}\n{resource}"
        digest = hmac.new(base64.b64decode(key), signed.encode(), hashlib.sha256).digest()
        call.headers["x-ms-date"] = date
        call.headers["Authorization"] = f"SharedKey {name}:{base64.b64encode(digest).decode()}"
