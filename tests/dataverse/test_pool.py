"""Application users side by side: limits, pauses and tokens are each user's own."""

from typing import Any

import httpx
import orjson
import pytest

from dataverse.auth import CachedAuth, StaticToken
from dataverse.limits import Clock
from dataverse.pool import ApplicationUser, BadApplicationUsers, ClientPool, application_users, credentials
from dataverse.rows import create_rows
from tests.dataverse.conftest import Simulator
from tests.dataverse.fake import FakeClock, error
from tests.dataverse.samples import CONTACT
from tests.dataverse.test_faults import ready
from tests.dataverse.test_target import new_ids, people


def listing(*users: dict[str, Any]) -> str:
    return orjson.dumps(list(users)).decode()


def test_users_are_read_from_the_setting_or_the_single_one() -> None:
    text = listing({"client_id": "a", "secret": "s1"}, {"client_id": "b", "certificate": "/keys/b.pem"})
    assert application_users(text, client_id="c", secret="s3") == [
        ApplicationUser("a", "s1"),
        ApplicationUser("b", certificate="/keys/b.pem"),
    ]
    assert application_users(" ", client_id="c", secret="s3") == [ApplicationUser("c", "s3")]
    assert application_users("") == []


@pytest.mark.parametrize(
    "text",
    [
        "{not json hush",
        "[]",
        '{"client_id": "a", "secret": "hush"}',
        listing({"secret": "hush"}),
        listing({"client_id": "a"}),
        listing({"client_id": "a", "secret": "hush", "certificate": "hush.pem"}),
        listing({"client_id": "a", "secret": 5}),
        listing({"client_id": "a", "password": "hush"}),
        listing({"client_id": "a", "secret": "hush"}, {"client_id": "A", "secret": "hush"}),
    ],
)
def test_a_bad_setting_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(BadApplicationUsers) as caught:
        application_users(text)
    assert "CARRYOVER_APPLICATION_USERS" in str(caught.value) and "hush" not in str(caught.value)
    assert "hush" not in repr(ApplicationUser("a", "hush"))


def test_each_user_has_credentials_of_its_own() -> None:
    users = [ApplicationUser("a", "s"), ApplicationUser("b", "s")]
    first, second = credentials("https://org.example", "tenant", users)
    assert first is not second


class Server:
    """Counts each user's requests; ``busy`` users are refused once."""

    def __init__(self, clock: FakeClock, *busy: str) -> None:
        self.clock, self.busy = clock, set(busy)
        self.seen: dict[str, list[float]] = {}

    def handle(self, request: httpx.Request) -> httpx.Response:
        user = request.headers["Authorization"].removeprefix("Bearer ")
        self.seen.setdefault(user, []).append(self.clock.time)
        if user in self.busy:
            self.busy.remove(user)
            return error(429, "0x80072322", "many", Retry_After="300")
        return httpx.Response(200, json={"value": []}, headers={"x-ms-dop-hint": "10"})

    def pool(self, *auths: Any) -> ClientPool:
        transport = httpx.MockTransport(self.handle)
        return ClientPool("https://target.example", auths, transport=transport, clock=self.clock.clock())


async def test_a_pause_of_one_user_does_not_stop_another() -> None:
    clock = FakeClock()
    server = Server(clock, "one")
    pool = server.pool(StaticToken("one"), StaticToken("two"))
    async with pool.client(1) as two:
        await two.get("WhoAmI")
    assert clock.time == 0
    async with pool.client(0) as one, pool.client(2) as also_one:
        await one.get("WhoAmI")
        assert clock.time == 300
        await also_one.get("WhoAmI")
    assert server.seen == {"two": [0], "one": [0, 300, 300]}
    assert one.limiter is also_one.limiter and one.limiter is not two.limiter
    assert (one.counts.throttled, also_one.counts.throttled, two.counts.throttled) == (1, 0, 0)
    await pool.close()


async def test_a_token_is_fetched_once_a_user() -> None:
    fetched: list[str] = []

    def auth(name: str) -> CachedAuth:
        def fetch() -> tuple[str, float]:
            fetched.append(name)
            return name, 2e10

        return CachedAuth(fetch)

    pool = Server(FakeClock()).pool(auth("one"), auth("two"))
    for index in range(6):
        async with pool.client(index) as client:
            await client.get("WhoAmI")
    assert sorted(fetched) == ["one", "two"]


async def test_slots_of_one_user_s_lanes_add_up_and_are_given_back() -> None:
    pool = Server(FakeClock()).pool(StaticToken("one"))
    await pool.all[0].get("WhoAmI")
    limiter = pool.all[0].limiter
    assert limiter.hinted == limiter.limit == 10
    with pool.slots(0, 3):
        assert limiter.limit == limiter.ceiling == 3
        async with pool.client(0), pool.client(0):
            assert limiter.limit == limiter.ceiling == 3
        with pool.slots(0, 4):
            assert limiter.limit == limiter.ceiling == 7
            limiter.throttled(1)
            assert limiter.limit == 3
            with pool.slots(0, 4):
                assert (limiter.limit, limiter.ceiling) == (3, 11)  # what was throttled grows slowly
        assert limiter.ceiling == 3
    assert limiter.ceiling == 10


async def test_without_slots_the_hint_bounds_all_lanes_together() -> None:
    pool = Server(FakeClock()).pool(StaticToken("one"))
    with pool.slots(0, 0), pool.slots(0, 0):
        client = pool.all[0]
        await client.get("WhoAmI")
        assert client.limiter.ceiling == 10


async def test_each_activity_has_its_own_fence() -> None:
    class Lost(Exception):
        pass

    async def lost() -> None:
        raise Lost

    pool = Server(FakeClock()).pool(StaticToken("one"))
    async with pool.client(0, before_write=lost) as fenced, pool.client(0) as free:
        with pytest.raises(Lost):
            await fenced.post("contacts", {})
        await free.post("contacts", {})
        fenced.sizes.of("contact").rows = 40
        assert free.sizes.of("contact").rows == 40  # what was learned of the table is the user's


class Paused(Exception):
    """Somebody had to wait."""


async def test_two_users_load_what_one_may_not(simulator: Simulator) -> None:
    await ready(simulator)

    async def sleep(seconds: float) -> None:
        raise Paused

    users = [StaticToken("ann.able@clinic.example"), StaticToken("local")]
    pool = ClientPool(simulator.url, users, clock=Clock(sleep=sleep))
    for share in ((0, 1), (0, 0)):
        simulator.control("faults", {"limits": {"requests": 12, "window": 3600}})
        try:
            for index in share:
                async with pool.client(index) as client:
                    outcomes = await create_rows(client, CONTACT, people(new_ids(100)), batch=10)
                    assert all(o.ok for o in outcomes)
        except Paused:
            assert share == (0, 0) and set(client.counts.by_facet) == {"requests"}
        else:
            assert share == (0, 1)
        finally:
            simulator.control("faults", {})
    await pool.close()
