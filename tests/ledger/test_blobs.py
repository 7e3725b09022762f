"""The quick way to blobs: what broke off goes on, refusals carry codes, and an address may carry a signature."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline.transport import AioHttpTransport

from ledger.blobs import Blobs
from ledger.storage import Storage

CONTENT = bytes(range(256)) * 4096
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def served(handler: Handler, query: str = "") -> AsyncIterator[Blobs]:
    """Blobs of a service that answers as `handler` does."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    try:
        async with Blobs(f"http://127.0.0.1:{port}/{query}", None, AioHttpTransport()) as blobs:
            yield blobs
    finally:
        await runner.cleanup()


async def test_a_download_that_breaks_off_goes_on_where_it_stopped() -> None:
    """And only if the blob is still the same."""
    asked: list[tuple[str | None, str | None]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        wanted = request.headers.get("x-ms-range")
        asked.append((wanted, request.headers.get("If-Match")))
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        response = web.StreamResponse(status=206 if start else 200, headers={"ETag": '"one"'})
        response.content_length = len(CONTENT) - start
        await response.prepare(request)
        await response.write(CONTENT[start : start + 300_000])
        if start + 300_000 < len(CONTENT):
            assert request.transport is not None
            request.transport.close()
        return response

    async with served(handler) as blobs:
        pieces = await blobs.pieces("staging", "large")
        assert pieces is not None
        with pytest.raises(AzureError):
            async for _ in pieces:  # four parts, one more than is tried
                pass
    assert [wanted for wanted, _ in asked] == [None, "bytes=300000-", "bytes=600000-"]
    assert {etag for _, etag in asked[1:]} == {'"one"'}


async def test_what_is_read_in_two_goes_is_whole() -> None:
    """No byte is lost or doubled at the seam."""

    async def handler(request: web.Request) -> web.StreamResponse:
        start = int(request.headers.get("x-ms-range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        response = web.StreamResponse(status=206 if start else 200, headers={"ETag": '"one"'})
        response.content_length = len(CONTENT) - start
        await response.prepare(request)
        if start:
            await response.write(CONTENT[start:])
        else:
            await response.write(CONTENT[:300_000])
            assert request.transport is not None
            request.transport.close()
        return response

    async with served(handler) as blobs:
        pieces = await blobs.pieces("staging", "large")
        assert pieces is not None
        assert b"".join([piece async for piece in pieces]) == CONTENT


async def test_a_refusal_says_its_code_and_nothing_else() -> None:
    """The body may repeat what was sent."""

    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=403, text="Jane Doe", headers={"x-ms-error-code": "AuthorizationFailure"})

    async with served(handler) as blobs:
        with pytest.raises(HttpResponseError) as refused:
            await blobs.put("staging", "one", b"Jane Doe")
    assert "AuthorizationFailure" in str(refused.value)
    assert "Jane" not in str(refused.value)


async def test_a_signature_in_the_address_goes_with_every_request() -> None:
    """A shared access signature is a query."""
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.query_string)
        return web.Response(status=404)

    async with served(handler, "?sv=1&sig=abc") as blobs:
        assert await blobs.size("staging", "one") is None
        with pytest.raises(HttpResponseError):
            _ = [one async for one in blobs.listing("staging", "m/")]
    assert asked[0] == "sv=1&sig=abc"
    assert asked[1].endswith("&sv=1&sig=abc")


async def test_what_others_changed_is_not_replaced(storage: Storage, migration: str) -> None:
    """Nor is what is gone made anew."""
    name = f"{migration}/document.json"
    await storage.put("ledger", name, b"1")
    _, etag = await storage.read("ledger", name)
    assert await storage.replace("ledger", name, b"2", etag)
    assert not await storage.replace("ledger", name, b"3", etag)
    await storage.delete("ledger", name)
    assert not await storage.replace("ledger", name, b"3", etag)
    assert not await storage.exists("ledger", name)


async def test_a_listing_goes_on_page_after_page(
    storage: Storage, migration: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says of each file what was said when it was kept."""
    monkeypatch.setattr("ledger.blobs._PAGE", 2)
    for number in range(5):
        await storage.put_file(
            "drop", f"{migration}/{number}", b"x" * number, f"{number:064x}", f"Akten/ü & {number}.pdf"
        )
    found = await storage.listing("drop", f"{migration}/")
    assert [(one.name, one.size, one.digest, one.path) for one in found] == [
        (f"{migration}/{number}", number, f"{number:064x}", f"Akten/ü & {number}.pdf") for number in range(5)
    ]
    assert all(one.changed and one.etag and not one.leased for one in found)
