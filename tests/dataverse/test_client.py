"""Headers, cookies, retries and pauses of the connection."""

from typing import Any

import httpx
import pytest

from dataverse.auth import CachedAuth, StaticToken, scope_of
from dataverse.client import TOLD, DataverseClient
from dataverse.errors import AuthRefused, LostReply, Refused, Throttled, Unavailable
from dataverse.limits import Limiter
from tests.dataverse.fake import FakeClock, error


class Script:
    """Answers in order; remembers what was asked and when."""

    def __init__(self, *answers: Any, clock: FakeClock | None = None) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.times: list[float] = []
        self.clock = clock or FakeClock()

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.times.append(self.clock.time)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, httpx.Response)
        return answer

    def client(self, auth: Any = None, **more: Any) -> DataverseClient:
        return DataverseClient(
            "https://target.example/",
            auth or StaticToken("secret"),
            transport=httpx.MockTransport(self.handle),
            clock=self.clock.clock(),
            jitter=lambda: 1.0,
            **more,
        )


def ok(**headers: str) -> httpx.Response:
    return httpx.Response(200, json={"value": []}, headers={k.replace("_", "-"): v for k, v in headers.items()})


async def test_headers_of_every_call() -> None:
    script = Script(ok())
    async with script.client() as client:
        await client.post("contacts", {"a": 1})
    [request] = script.requests
    assert str(request.url) == "https://target.example/api/data/v9.2/contacts"
    for name, value in {
        "Authorization": "Bearer secret",
        "Accept": "application/json",
        "OData-Version": "4.0",
        "OData-MaxVersion": "4.0",
        "If-None-Match": "null",
        "Content-Type": "application/json; charset=utf-8",
    }.items():
        assert request.headers[name] == value
    assert len(request.headers["x-ms-client-request-id"]) == 36


async def test_no_cookie_is_ever_sent_back() -> None:
    script = Script(ok(Set_Cookie="ARRAffinity=server7; Path=/"), ok())
    async with script.client() as client:
        await client.get("WhoAmI")
        await client.get("WhoAmI")
    assert "cookie" not in script.requests[1].headers


async def test_retry_after_is_obeyed_without_limit_and_counted() -> None:
    refusals = [error(429, "0x80072322", "Number of requests exceeded", Retry_After=str(30 + n)) for n in range(20)]
    script = Script(*refusals, ok())
    async with script.client() as client:
        await client.post("contacts", {})
    waits = [after - before for before, after in zip(script.times, script.times[1:], strict=False)]
    assert all(wait >= 30 + n for n, wait in enumerate(waits))
    assert client.counts.throttled == 20 and client.counts.requests == 21
    assert client.counts.by_facet == {"requests": 20}
    assert client.limiter.limit <= 2


@pytest.mark.parametrize("code", ["0x80044150", "0x80044151", "0x80040255", "0x80071151"])
async def test_answered_passing_failures_are_repeated_even_for_writes(code: str) -> None:
    script = Script(error(500, code, "Sql error"), error(400, code, "Sql error"), ok())
    async with script.client() as client:
        await client.post("contacts", {})
    assert len(script.requests) == 3
    assert client.counts.retried == 2


async def test_unexpected_error_three_times_at_most() -> None:
    script = Script(*[error(400, "0x80040216", "An unexpected error occurred.")] * 5)
    async with script.client() as client:
        with pytest.raises(Unavailable) as caught:
            await client.get("contacts")
    assert caught.value.code == "0x80040216" and len(script.requests) == 3


@pytest.mark.parametrize(
    "answer", [httpx.Response(502), httpx.Response(503), httpx.Response(504), httpx.ReadError("x")]
)
async def test_reads_are_repeated_and_writes_are_not(answer: Any) -> None:
    reading = Script(answer, ok())
    async with reading.client() as client:
        await client.get("contacts")
    assert len(reading.requests) == 2
    writing = Script(answer, ok())
    async with writing.client() as client:
        with pytest.raises(LostReply):
            await client.post("contacts", {})
        assert len(writing.requests) == 1 and client.counts.lost == 1
    safe = Script(answer, ok())
    async with safe.client() as client:
        await client.post("PublishAllXml", repeatable=True)
    assert len(safe.requests) == 2


async def test_a_write_that_never_left_is_repeated() -> None:
    script = Script(httpx.ConnectError("no route"), ok())
    async with script.client() as client:
        await client.post("contacts", {})
    assert len(script.requests) == 2


async def test_waits_grow_between_tries() -> None:
    script = Script(*[httpx.Response(503)] * 4, ok())
    async with script.client() as client:
        await client.get("contacts")
    assert script.clock.sleeps == [1, 2, 4, 8]


async def test_a_stale_token_is_renewed_once() -> None:
    tokens = iter(["old", "new"])
    script = Script(httpx.Response(401), ok())
    async with script.client(CachedAuth(lambda: (next(tokens), 2e10))) as client:
        await client.get("WhoAmI")
    assert [r.headers["Authorization"] for r in script.requests] == ["Bearer old", "Bearer new"]
    script = Script(httpx.Response(401), httpx.Response(401), ok())
    async with script.client() as client:
        with pytest.raises(AuthRefused):
            await client.get("WhoAmI")


async def test_a_token_is_kept_until_shortly_before_it_ends() -> None:
    now, fetched = [0.0], []

    def fetch() -> tuple[str, float]:
        fetched.append(now[0])
        return "t", now[0] + 3600

    auth = CachedAuth(fetch, lambda: now[0])
    for now[0] in (0.0, 3299.0, 3301.0):
        await auth.token()
    assert fetched == [0.0, 3301.0]


def test_scope_is_the_environment() -> None:
    assert scope_of("https://org.crm.dynamics.com/api/data/v9.2/") == "https://org.crm.dynamics.com/.default"


async def test_errors_hold_neither_address_nor_values() -> None:
    script = Script(error(400, "0x8badf00d", "The value 'Zebulon' is bad"))
    async with script.client() as client:
        with pytest.raises(Refused) as caught:
            await client.get("contacts?$filter=lastname eq 'Zebulon'", table="contact")
    assert "Zebulon" not in str(caught.value) and "filter" not in str(caught.value)
    assert caught.value.__cause__ is None
    script = Script(httpx.ReadError("Zebulon"))
    async with script.client() as client:
        with pytest.raises(LostReply) as lost:
            await client.post("contacts(lastname='Zebulon')", {})
    assert "Zebulon" not in str(lost.value) and lost.value.__suppress_context__


async def test_pages_follow_the_link_as_it_is() -> None:
    link = "https://target.example/api/data/v9.2/contacts?$skiptoken=%3Ccookie%20a='1'%3E"
    first = httpx.Response(200, json={"value": [{"a": 1}], "@odata.nextLink": link})
    script = Script(first, httpx.Response(200, json={"value": [{"a": 2}]}))
    async with script.client() as client:
        pages = [page async for page in client.pages("contacts?$select=a", size=1)]
    assert pages == [[{"a": 1}], [{"a": 2}]]
    assert str(script.requests[1].url) == link
    assert [r.headers["Prefer"] for r in script.requests] == ["odata.maxpagesize=1"] * 2


async def test_the_limit_starts_at_the_hint_within_the_slots() -> None:
    for slots, expected in ((0, 10), (6, 6), (20, 10)):
        script = Script(ok(x_ms_dop_hint="10"))
        async with script.client(slots=slots) as client:
            await client.get("WhoAmI")
        assert client.limiter.limit == expected


async def test_the_limit_halves_once_a_burst_and_grows_slowly() -> None:
    clock = FakeClock()
    limiter = Limiter(clock=clock.clock())
    limiter.hint(8)
    for _ in range(5):
        limiter.throttled(10)
    assert limiter.limit == 4
    async with limiter.slot():
        assert clock.time == 10  # nobody starts during the penalty
    for _ in range(4):
        limiter.succeeded()
    assert limiter.limit == 5
    for _ in range(100):
        limiter.succeeded()
    assert limiter.limit == 8


async def test_who_is_refused_again_after_every_wait_waits_longer_until_something_is_let_in() -> None:
    """Two workers of one user would else make each other's penalty longer in turns."""
    clock = FakeClock()
    limiter = Limiter(clock=clock.clock())
    waits = []
    for told in (2, 2, 2, 200):
        limiter.throttled(told)
        limiter.throttled(told)  # of the same moment
        before = clock.time
        async with limiter.slot():
            waits.append(clock.time - before)
    assert waits == [2, 4, 6, 260]
    limiter.succeeded()
    limiter.throttled(2)
    before = clock.time
    async with limiter.slot():
        assert clock.time - before == 2


async def test_who_waits_for_a_pause_says_so_first_and_for_how_long() -> None:
    """Told by the service, in whatever it was said; neither a short one nor the wait between two tries of ours."""
    told: list[float] = []

    async def pausing(seconds: float) -> None:
        told.append(seconds)

    script = Script(
        error(429, "0x80072322", "many", Retry_After="30"),
        ok(),
        error(429, "0x80072322", "many", Retry_After=str(TOLD - 1)),
        *[httpx.Response(503)] * 5,  # waits of 1 to 16 seconds
        ok(),
        ok(),
    )
    async with script.client() as client, client.lent(before_pause=pausing) as lent:
        await lent.get("contacts")
        assert (told, script.clock.time) == ([30], 30)
        await lent.get("contacts")
        assert told == [30]
        client.throttled(Throttled("many", retry_after=40, which="requests", code="0x80072322"))
        await lent.get("contacts")
    assert told == [30, 40]


async def test_never_more_at_once_than_the_limit() -> None:
    import asyncio

    limiter = Limiter(3)
    active, most = 0, 0

    async def work() -> None:
        nonlocal active, most
        async with limiter.slot():
            active += 1
            most = max(most, active)
            try:
                await asyncio.sleep(0)
            finally:
                active -= 1

    tasks = [asyncio.create_task(work()) for _ in range(40)]
    await asyncio.sleep(0)
    for n in (0, 1, 2, 3, 10):  # holders and waiters at once: a waiter is passed over before it hears of it
        tasks[n].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert most == 3 and active == 0
    async with limiter.slot():  # the cancelled one has left no hole
        pass
