"""What must be tried again is, what must not is not, and no answer that cannot be read passes for one that can."""

import asyncio
from typing import Any

import httpx
import pytest

from dataverse.auth import CachedAuth
from dataverse.batch import Operation, run_batch
from dataverse.errors import (
    AuthRefused,
    BadAnswer,
    DataverseError,
    LostReply,
    Refused,
    Throttled,
    Transient,
    Unavailable,
    error_from,
)
from dataverse.reads import existing_ids
from dataverse.rows import FOUND, Change, change_rows, create_rows
from dataverse.settle import settle
from dataverse.users import find_teams
from tests.dataverse.fake import FakeTarget, error, row_ids, visits
from tests.dataverse.samples import ANNOTATION, VISIT
from tests.dataverse.test_client import Script, ok

PAGE = "<!DOCTYPE html><html><title>Sign in</title>Zebulon</html>"
DEADLOCK = "Sql error: Generic SQL error. CRM ErrorCode: -2147204784 Sql ErrorCode: -2146232060 Sql Number: 1205"

REFUSALS = [
    (400, "0x80048d19"),
    (400, "0x80044331"),
    (400, "0x8004431a"),
    (400, "0x80040203"),
    (400, "0x80040265"),
    (400, ""),
    (403, "0x80040220"),
    (403, "0x80040225"),
    (404, "0x80040217"),
    (405, "0x80060888"),
    (412, "0x80060882"),
    (412, "0x80060892"),
    (413, ""),
    (500, "0x80040224"),
    (500, "0x80040333"),
    (501, "0x80040203"),
    (503, "0x80044331"),  # its code says more than its status
]


@pytest.mark.parametrize(("status", "code"), REFUSALS)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_refusal_is_not_repeated(status: int, code: str, method: str) -> None:
    script = Script(error(status, code), ok())
    async with script.client() as client:
        with pytest.raises(Refused):
            await client.request(method, "contacts", repeatable=method == "GET")
    assert len(script.requests) == 1 and script.clock.time == 0


@pytest.mark.parametrize(("status", "code"), [r for r in REFUSALS if r[0] != 413])
async def test_a_refused_row_is_sent_once(status: int, code: str) -> None:
    ids = row_ids(1)
    target = FakeTarget(VISIT, bad={ids[0]: (status, code, "no")})
    async with target.client() as client:
        [outcome] = await create_rows(client, VISIT, visits(ids))
    assert not outcome.ok and not outcome.unknown and outcome.code == (code or f"http_{status}")
    assert len(target.writes) == 1


async def test_a_refused_part_of_a_batch_is_not_repeated_and_a_deadlocked_one_is() -> None:
    ids = row_ids(3)
    target = FakeTarget(ANNOTATION, bad={ids[0]: (400, "0x80043e09", "no"), ids[1]: (500, "0x80044150", DEADLOCK)})
    create, seen = target.create, []

    def count(row: dict[str, Any]) -> httpx.Response:
        seen.append(row["annotationid"])
        if seen.count(ids[1]) == 3:
            target.bad.pop(ids[1], None)
        return create(row)

    target.create = count  # type: ignore[method-assign]
    async with target.client() as client:
        outcomes = await create_rows(client, ANNOTATION, [{"annotationid": i} for i in ids])
    assert [o.ok for o in outcomes] == [False, True, True]
    assert [seen.count(i) for i in ids] == [1, 3, 1]


def crash(status: int, body: str | bytes = PAGE, kind: str = "text/html; charset=utf-8") -> Any:
    """A gateway's page after the server has done the work."""

    def after(request: httpx.Request, work: Any) -> httpx.Response:
        work()
        return httpx.Response(status, content=body, headers={"Content-Type": kind})

    return after


#: A fault of the server around Dataverse: words, but no code.
FELL_OVER = '{"Message": "An error has occurred."}'
CRASHES = [
    crash(500),
    crash(500, FELL_OVER, "application/json"),
    crash(500, b""),
    crash(502),
    crash(503),
    crash(504),
    crash(200),
    crash(200, b"", "text/plain"),
]


@pytest.mark.parametrize("fault", CRASHES)
async def test_a_page_after_the_commit_makes_no_second_row(fault: Any) -> None:
    ids = row_ids(5)
    target = FakeTarget(VISIT, faults=[fault])
    async with target.client() as client:
        outcomes = await create_rows(client, VISIT, visits(ids))
    assert [o.code for o in outcomes] == [FOUND] * 5
    assert target.created == dict.fromkeys(ids, 1) and len(target.writes) == 1


@pytest.mark.parametrize("fault", [*CRASHES, crash(200, b"{}", "application/json")])
async def test_a_page_after_a_change_is_looked_behind(fault: Any) -> None:
    ids = row_ids(2)
    target = FakeTarget(VISIT)
    for row in visits(ids):
        target.put(row)
    target.faults = [fault]
    async with target.client() as client:
        changes = [Change("PATCH", VISIT, ids[0], {"cms_name": "new"}, target.rows[ids[0]]["@odata.etag"])]
        outcomes = await change_rows(client, [*changes, Change("DELETE", VISIT, ids[1])])
    assert [(o.ok, o.code) for o in outcomes] == [(True, FOUND)] * 2
    assert target.rows[ids[0]]["cms_name"] == "new" and ids[1] not in target.rows


async def test_a_part_without_a_code_may_have_happened_and_is_not_sent_again() -> None:
    ids = row_ids(3)
    target = FakeTarget(ANNOTATION)
    create = target.create

    def fall_over(row: dict[str, Any]) -> httpx.Response:
        create(row)
        return httpx.Response(500 if row["annotationid"] == ids[1] else 204, content=FELL_OVER)

    target.create = fall_over  # type: ignore[method-assign]
    async with target.client() as client:
        outcomes = await create_rows(client, ANNOTATION, [{"annotationid": i} for i in ids])
        fates = await settle(client, ANNOTATION, ids)
    assert [(o.ok, o.unknown) for o in outcomes] == [(True, False), (False, True), (True, False)]
    assert len(target.writes) == 1 and set(fates.values()) == {"landed"}


async def test_a_read_of_a_server_that_fell_over_is_repeated() -> None:
    script = Script(httpx.Response(500, content=FELL_OVER), ok())
    async with script.client() as client:
        assert await existing_ids(client, VISIT, row_ids(1)) == set()
    assert len(script.requests) == 2


@pytest.mark.parametrize("status", [500, 502, 503, 504, 200])
async def test_a_page_in_place_of_rows_is_read_again(status: int) -> None:
    script = Script(httpx.Response(status, html=PAGE), ok())
    async with script.client() as client:
        assert await existing_ids(client, VISIT, row_ids(1)) == set()
    assert len(script.requests) == 2


async def test_a_redirect_is_no_answer_and_is_not_followed() -> None:
    for method in ("GET", "POST"):
        script = Script(httpx.Response(302, headers={"Location": "https://elsewhere.example/login"}), ok())
        async with script.client() as client:
            with pytest.raises(BadAnswer, match="address"):
                await client.request(method, "contacts")
        assert len(script.requests) == 1


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b'{"value": null}', b'{"value": [1]}', b'{"value": "x"}'])
async def test_an_answer_without_rows_does_not_mean_that_there_are_none(body: bytes) -> None:
    for read in (lambda c: existing_ids(c, VISIT, row_ids(1)), lambda c: find_teams(c, "Front desk")):
        script = Script(httpx.Response(200, content=body))
        async with script.client() as client:
            with pytest.raises(BadAnswer):
                await read(client)


async def test_a_part_that_leads_elsewhere_has_not_landed() -> None:
    target = FakeTarget(VISIT)
    target.part = lambda piece: httpx.Response(302)  # type: ignore[method-assign]
    async with target.client() as client:
        [result] = await run_batch(client, [Operation("POST", "cms_visits", {})])
    assert isinstance(result, BadAnswer)


def read_error_of(status: int, body: str, **headers: str) -> DataverseError:
    return error_from(status, {k.replace("_", "-"): v for k, v in headers.items()}, body.encode())


def test_which_errors_pass() -> None:
    assert isinstance(read_error_of(500, PAGE), Unavailable)
    assert isinstance(read_error_of(500, ""), Unavailable)
    assert isinstance(read_error_of(500, FELL_OVER), Unavailable)
    assert isinstance(read_error_of(400, PAGE), Refused) and "Zebulon" not in str(read_error_of(400, PAGE))
    throttled = read_error_of(429, '{"error": {"code": "0x80072326", "message": ""}}', retry_after="3.5")
    assert isinstance(throttled, Throttled) and throttled.retry_after == 3.5
    # Somebody else's import is not a limit of ours: it is waited for a while, not for ever.
    busy = read_error_of(429, '{"error": {"code": "0x80071151", "message": "Cannot start another"}}')
    assert isinstance(busy, Transient) and not isinstance(busy, Throttled)
    slow = read_error_of(500, '{"error": {"code": "0x80044151", "message": "Sql Number: -2"}}')
    assert isinstance(slow, Unavailable) and slow.slow
    deadlock = read_error_of(500, f'{{"error": {{"code": "0x80044150", "message": "{DEADLOCK}"}}}}')
    assert isinstance(deadlock, Unavailable) and not deadlock.slow


async def test_deadlocks_of_single_requests_are_tried_seven_times() -> None:
    script = Script(*[error(500, "0x80044150", DEADLOCK)] * 9)
    async with script.client() as client:
        with pytest.raises(Unavailable):
            await client.post("contacts", {})
    assert len(script.requests) == 7
    assert script.clock.sleeps == [1, 2, 4, 8, 16, 32]


async def test_a_write_without_an_answer_is_the_caller_s_whatever_went_wrong() -> None:
    broken = (httpx.ReadError, httpx.ReadTimeout, httpx.WriteError, httpx.WriteTimeout, httpx.RemoteProtocolError)
    for kind in broken:
        script = Script(kind("Zebulon"), ok())
        async with script.client() as client:
            with pytest.raises(LostReply) as caught:
                await client.post("contacts", {})
        assert len(script.requests) == 1
        assert caught.value.slow is issubclass(kind, httpx.TimeoutException)


async def test_requests_refused_together_renew_the_token_once() -> None:
    fetched: list[str] = []

    def fetch() -> tuple[str, float]:
        fetched.append(f"token {len(fetched)}")
        return fetched[-1], 2e10

    def handle(request: httpx.Request) -> httpx.Response:
        stale = request.headers["Authorization"] == "Bearer token 0"
        return httpx.Response(401) if stale else ok()

    script = Script()
    script.handle = handle  # type: ignore[method-assign]
    async with script.client(CachedAuth(fetch)) as client:
        client.limiter.hint(8)
        await asyncio.gather(*(client.get("WhoAmI") for _ in range(8)))
    assert fetched == ["token 0", "token 1"]


async def test_a_stale_token_is_renewed_for_downloads_too() -> None:
    tokens = iter(["old", "new"])
    script = Script(httpx.Response(401), httpx.Response(200, content=b"octets"))
    async with script.client(CachedAuth(lambda: (next(tokens), 2e10))) as client:
        async with client.stream("annotations(1)/documentbody/$value") as response:
            assert await response.aread() == b"octets"
    script = Script(httpx.Response(401), httpx.Response(401))
    async with script.client() as client:
        with pytest.raises(AuthRefused):
            async with client.stream("x"):
                pass
