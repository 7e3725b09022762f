"""The quick way to the audit table, against a service that misbehaves."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.core.credentials import AccessToken, AzureNamedKeyCredential, AzureSasCredential
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.core.pipeline.transport import AioHttpTransport

from ledger.rows import TableRows, literal
from ledger.storage import Account, Storage

KEY = AzureNamedKeyCredential("account", "a2V5")
ENTITY = b'{"PartitionKey":"p","RowKey":"00000001"}'
LANDED = b"--b\r\n\r\n--c\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n\r\n--c--\r\n--b--\r\n"
TAKEN = b'--b\r\n\r\nHTTP/1.1 409 Conflict\r\n\r\n{"odata.error":{"code":"EntityAlreadyExists","message":"0: secret"}}'

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def service(*answers: Answer) -> AsyncIterator[tuple[TableRows, list[web.Request]]]:
    """A table service that gives these answers one after another, and what it was asked."""
    asked: list[web.Request] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        await request.read()
        asked.append(request)
        return await answers[len(asked) - 1](request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    async with TestServer(app, host="127.0.0.1") as server:
        async with TableRows(str(server.make_url("/")), KEY, AioHttpTransport()) as rows:
            yield rows, asked


def answer(status: int, body: bytes, **headers: str) -> Answer:
    """An answer as given."""

    async def give(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return give


async def hang_up(request: web.Request) -> web.StreamResponse:
    """No answer: the connection is cut."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def test_a_transaction_that_landed() -> None:
    """One request, signed."""
    async with service(answer(202, LANDED)) as (rows, asked):
        await rows.insert("audit", [ENTITY, ENTITY])

    assert [request.path for request in asked] == ["/$batch"]
    assert asked[0].headers["Authorization"].startswith("SharedKey account:")
    assert (await asked[0].read()).count(ENTITY) == 2


async def test_an_insert_whose_reply_was_lost_is_sent_again() -> None:
    """And the rows it finds are reported as there, for the log to read."""
    async with service(hang_up, answer(202, TAKEN)) as (rows, asked):
        with pytest.raises(ResourceExistsError) as taken:
            await rows.insert("audit", [ENTITY])

    assert len(asked) == 2
    assert "secret" not in str(taken.value)


async def test_a_busy_service_is_asked_again() -> None:
    """503 is not an outcome."""
    async with service(answer(503, b""), answer(202, LANDED)) as (rows, asked):
        await rows.insert("audit", [ENTITY])

    assert len(asked) == 2


async def test_other_refusals_are_raised_with_their_code() -> None:
    """Of the whole request or of one row; never with the body."""
    refused = b'HTTP/1.1 400 Bad Request\r\n\r\n{"odata.error":{"code":"PropertyValueTooLarge","message":"secret"}}'
    for status, body, said in ((202, refused, "400 PropertyValueTooLarge"), (413, b"secret", "413 unknown")):
        async with service(answer(status, body)) as (rows, _):
            with pytest.raises(HttpResponseError) as error:
                await rows.insert("audit", [ENTITY])
        assert said in str(error.value)
        assert "secret" not in str(error.value)


async def test_pages_are_followed_to_the_end() -> None:
    """Also an empty page in the middle, as the service gives when it scans long."""
    onward = {"x_ms_continuation_NextPartitionKey": "a b", "x_ms_continuation_NextRowKey": "1"}
    answers = (
        answer(200, b'{"value":[{"RowKey":"1","Timestamp":"t"}]}', **onward),
        answer(200, b'{"value":[]}', x_ms_continuation_NextPartitionKey="c"),
        answer(200, b'{"value":[{"RowKey":"2"}]}'),
    )
    async with service(*answers) as (rows, asked):
        found = [page async for page in rows.pages("audit", "PartitionKey eq 'p'", select=["RowKey"])]

    assert found == [[{"RowKey": "1"}], [], [{"RowKey": "2"}]]
    assert [dict(request.query) for request in asked] == [
        {"$filter": "PartitionKey eq 'p'", "$select": "RowKey"},
        {"$filter": "PartitionKey eq 'p'", "$select": "RowKey", "NextPartitionKey": "a b", "NextRowKey": "1"},
        {"$filter": "PartitionKey eq 'p'", "$select": "RowKey", "NextPartitionKey": "c"},
    ]


async def test_a_refused_query_is_raised() -> None:
    """Not taken for an empty log."""
    async with service(answer(404, b'{"odata.error":{"code":"TableNotFound"}}')) as (rows, _):
        with pytest.raises(HttpResponseError, match="404 TableNotFound"):
            _ = [page async for page in rows.pages("audit", "x")]


class Identity:
    """A credential as azure-identity gives it."""

    async def get_token(self, *scopes: str, **_: object) -> AccessToken:
        return AccessToken("token", 2**31)

    async def close(self) -> None:
        pass

    async def __aenter__(self) -> "Identity":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


async def test_an_account_is_reached_by_identity() -> None:
    """Without a key; the same clients."""
    async with Storage.open(Account("clinic", Identity())) as storage:
        assert storage.table("audit").url == "https://clinic.table.core.windows.net"
        assert storage.blob("ledger", "x").url == "https://clinic.blob.core.windows.net/ledger/x"


async def test_a_shared_access_signature_will_do() -> None:
    """It goes into the address, not into a header."""
    seen: list[str] = []

    async def see(request: web.Request) -> web.StreamResponse:
        seen.append(request.query_string)
        return web.json_response({"value": []})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", see)
    async with TestServer(app, host="127.0.0.1") as server:
        url, signature = str(server.make_url("/")), AzureSasCredential("sig=abc")
        async with TableRows(url, signature, AioHttpTransport()) as rows:
            assert [page async for page in rows.pages("audit", "x")] == [[]]
    assert seen == ["$filter=x&sig=abc"]


def test_quotes_in_literals_are_doubled() -> None:
    """OData's way."""
    assert literal("O'Neil") == "'O''Neil'"
