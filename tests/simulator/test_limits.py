"""The service protection limits: three facets, their windows, several servers, and penalties that grow."""

from typing import Any

from local.dataverse.errors import ApiError
from local.dataverse.faults import Faults
from tests.simulator.conftest import Dataverse, code, configure


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def made(clock: Clock, **limits: Any) -> Faults:
    faults = Faults(clock)
    faults.configure({"limits": limits})
    return faults


def refused(faults: Faults, user: str = "u", server: int = 0) -> tuple[str, float] | None:
    """Code and Retry-After of a request that comes in now, None when it is let in."""
    try:
        faults.enter(user, server)
    except ApiError as error:
        assert error.status == 429
        return error.code, float(error.headers["Retry-After"])
    return None


async def test_limits_over_http(dv: Dataverse) -> None:
    await configure(dv, {"limits": {"requests": 2}})
    answers = [await dv.api.get("WhoAmI") for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert code(answers[2]) == (429, "0x80072322")
    message = "Number of requests exceeded the limit of 2 over time window of 300 seconds."
    assert answers[2].json()["error"]["message"] == message
    assert 0 < int(answers[2].headers["Retry-After"]) <= 300
    assert answers[0].headers["x-ms-ratelimit-burst-remaining-xrm-requests"] == "1"
    as_other = await dv.api.get("WhoAmI", headers={"Authorization": "Bearer ana.ruiz@clinic.example"})
    assert as_other.status_code == 200


def test_the_three_limits_slide() -> None:
    clock = Clock()
    faults = made(clock, requests=2, execution_ms=1000, concurrency=2, window=300)
    assert refused(faults) is None
    assert refused(faults) is None
    assert refused(faults) == ("0x80072326", 2)
    faults.leave("u", 400)
    faults.leave("u", 400)
    clock.now = 100
    assert refused(faults) == ("0x80072322", 200)
    clock.now = 301
    assert refused(faults) is None
    faults.leave("u", 1000)
    assert refused(faults) == ("0x80072321", 300)
    clock.now = 602
    assert refused(faults) is None


def test_the_real_limits_are_the_defaults() -> None:
    faults = made(Clock())
    for _ in range(52):
        assert refused(faults) is None
    assert refused(faults) == ("0x80072326", 2)
    for _ in range(52):
        faults.leave("u", 1)
    for _ in range(6000 - 52):
        assert refused(faults) is None
        faults.leave("u", 1)
    found = refused(faults)
    assert found is not None
    assert found[0] == "0x80072322"


def test_the_messages_are_the_services() -> None:
    faults = made(Clock(), requests=10, execution_ms=1_200_000, concurrency=1)
    messages = []
    for spent in (None, 1_200_000.0):
        assert spent is not None or refused(faults) is None
        if spent is not None:
            faults.leave("u", spent)
        try:
            faults.enter("u")
        except ApiError as error:
            messages.append(error.message)
    assert messages == [
        "Number of concurrent requests exceeded the limit of 1.",
        "Combined execution time of incoming requests exceeded limit of 1,200,000 milliseconds over time window of 300 "
        "seconds. Decrease number of concurrent requests or reduce the duration of requests and try again later.",
    ]


def test_who_keeps_sending_waits_longer() -> None:
    clock = Clock()
    faults = made(clock, requests=1, window=300)
    assert refused(faults) is None
    faults.leave("u", 1)
    clock.now = 100
    assert refused(faults) == ("0x80072322", 200)
    clock.now = 102  # requests that were on their way when the first refusal was said cost nothing
    assert refused(faults) == ("0x80072322", 198)
    for number in range(1, 4):
        clock.now = 110
        assert refused(faults) == ("0x80072322", 190 + 3 * number)
    clock.now = 305  # without the requests in between this would have been let in
    assert refused(faults) is not None
    clock.now = 330
    assert refused(faults) is None


def test_no_penalty_is_longer_than_a_window() -> None:
    clock = Clock()
    faults = made(clock, requests=1, window=300, penalty=0.5)
    refused(faults)
    clock.now = 10
    refused(faults)
    clock.now = 20
    assert refused(faults) == ("0x80072322", 300)
    assert refused(faults) == ("0x80072322", 300)


def test_limits_hold_on_each_server_by_itself() -> None:
    faults = made(Clock(), requests=1, servers=2)
    assert refused(faults, server=0) is None
    assert refused(faults, server=1) is None
    assert refused(faults, server=0) is not None
    assert refused(faults, "v", server=0) is None


async def test_a_client_that_keeps_the_cookie_stays_on_one_server(dv: Dataverse) -> None:
    await configure(dv, {"limits": {"requests": 2, "servers": 3}})
    answers = []
    for _ in range(7):
        dv.api.cookies.clear()
        answers.append(await dv.api.get("WhoAmI"))
    assert [a.status_code for a in answers] == [200] * 6 + [429]
    assert answers[0].headers["x-ms-dop-hint"] == "15"
    await configure(dv, {"limits": {"requests": 2, "servers": 3}})
    assert [(await dv.api.get("WhoAmI")).status_code for _ in range(4)] == [200, 200, 429, 429]


def test_scaled_limits_may_wait_for_parts_of_a_second() -> None:
    clock = Clock()
    faults = made(clock, requests=1, window=3, decimals=2)
    refused(faults)
    clock.now = 1.234
    assert refused(faults) == ("0x80072322", 1.77)


async def test_the_hint_can_be_set(dv: Dataverse) -> None:
    assert (await dv.api.get("WhoAmI")).headers["x-ms-dop-hint"] == "5"
    await configure(dv, {"dop_hint": 17})
    assert (await dv.api.get("WhoAmI")).headers["x-ms-dop-hint"] == "17"


async def test_an_impersonated_request_counts_for_who_sends_it(dv: Dataverse) -> None:
    ana = await dv.user("ana.ruiz@clinic.example")
    await configure(dv, {"limits": {"requests": 1}})
    assert (await dv.api.get("WhoAmI", headers={"MSCRMCallerID": ana})).status_code == 200
    assert (await dv.api.get("WhoAmI")).status_code == 429
