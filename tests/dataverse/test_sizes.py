"""Bulk requests grow while the server is quick, shrink at once when it is not, and every row still lands once."""

from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest

from dataverse.rows import LOST, create_rows
from dataverse.sizes import LEAST, MOST, START, BatchSize
from tests.dataverse.fake import FakeClock, FakeTarget, answer, error, row_ids, visits
from tests.dataverse.samples import VISIT


def sent(target: FakeTarget) -> list[int]:
    """Rows of each bulk request, in order."""
    return [len(orjson.loads(r.content)["Targets"]) for r in target.writes]


class Paced(FakeTarget):
    """A server that takes its time for each row, and whose callers give up after a while."""

    def __init__(self, clock: FakeClock, seconds_a_row: float, patience: float = 1e9) -> None:
        super().__init__(VISIT)
        self.clock, self.seconds_a_row, self.patience = clock, seconds_a_row, patience

    def write(self, request: httpx.Request) -> httpx.Response:
        needed = self.seconds_a_row * len(orjson.loads(request.content)["Targets"])
        self.clock.time += min(needed, self.patience)
        if needed > self.patience:
            raise httpx.ReadTimeout("slow")  # the server has given up too
        return super().write(request)


def test_grows_by_a_tenth_and_halves_at_once() -> None:
    size = BatchSize()
    size.answered(START, 0.5)
    assert size.rows == 110
    size.answered(50, 0.5)  # was not full
    size.answered(110, 10)  # comfortable
    assert size.rows == 110
    size.answered(110, 21)
    assert size.rows == 55
    for _ in range(4):  # a burst of one size
        size.halve(110)
    assert size.rows == 55


@pytest.mark.parametrize(("seconds", "bound"), [(0.0, MOST), (999.0, LEAST)])
def test_stays_within_its_bounds(seconds: float, bound: int) -> None:
    size = BatchSize()
    for _ in range(100):
        size.answered(size.rows, seconds)
    assert size.rows == bound


async def test_requests_grow_to_the_window_and_are_remembered_by_table() -> None:
    clock = FakeClock()
    target = Paced(clock, 0.01)
    async with target.client(clock, slots=1) as client:
        outcomes = await create_rows(client, VISIT, visits(row_ids(3000)))
        assert 180 <= client.sizes.of("cms_visit").rows <= 220  # two seconds' worth
        assert client.sizes.of("contact").rows == START
    assert all(o.ok for o in outcomes) and set(target.created.values()) == {1}
    assert sent(target)[0] == START and max(sent(target)) > 180


async def test_slow_answers_make_requests_smaller() -> None:
    clock = FakeClock()
    target = Paced(clock, 0.5)
    async with target.client(clock, slots=1) as client:
        await create_rows(client, VISIT, visits(row_ids(400)))
        assert client.sizes.of("cms_visit").rows == 25
    assert sent(target)[:4] == [100, 50, 25, 25]


async def test_what_timed_out_is_sent_in_smaller_requests_until_it_lands() -> None:
    clock = FakeClock()
    target = Paced(clock, 1, patience=60)
    async with target.client(clock, slots=1) as client:
        outcomes = await create_rows(client, VISIT, visits(row_ids(100)))
        assert client.sizes.of("cms_visit").rows <= 50
    assert all(o.ok for o in outcomes)
    assert sent(target) == [100, 50, 25, 12, 12, 1]  # 50 and 25 came to an end, but not in a comfortable time


async def test_a_timeout_is_remembered() -> None:
    clock = FakeClock()
    target = Paced(clock, 0.3, patience=20)
    async with target.client(clock, slots=1) as client:
        await create_rows(client, VISIT, visits(row_ids(200)))
        assert client.sizes.of("cms_visit").rows == 50
    assert sent(target) == [100, 50, 50, 50, 50]


async def test_a_server_that_never_finishes_leaves_rows_unknown() -> None:
    clock = FakeClock()
    target = Paced(clock, 100, patience=60)
    async with target.client(clock, slots=1) as client:
        outcomes = await create_rows(client, VISIT, visits(row_ids(20)))
    assert {(o.unknown, o.code) for o in outcomes} == {(True, LOST)}


def too_many(limit: int, refusal: Callable[[], httpx.Response]) -> Any:
    def fault(request: httpx.Request, work: Callable[[], httpx.Response]) -> httpx.Response:
        return refusal() if len(orjson.loads(request.content)["Targets"]) > limit else work()

    return fault


@pytest.mark.parametrize(
    "refusal",
    [
        lambda: httpx.Response(413, text="<html>Request Entity Too Large</html>"),
        lambda: error(500, "0x80044151", "Sql error: SQL Timeout expired. Sql Number: -2"),
        lambda: httpx.Response(504, text="<html>Gateway Time-out</html>"),
    ],
    ids=["413", "sql timeout", "504"],
)
async def test_too_large_a_request_is_cut_not_repeated(refusal: Callable[[], httpx.Response]) -> None:
    target = FakeTarget(VISIT, faults=[too_many(30, refusal)] * 40)
    async with target.client(slots=1) as client:
        outcomes = await create_rows(client, VISIT, visits(row_ids(100)))
        assert 25 <= client.sizes.of("cms_visit").rows <= 30
    assert all(o.ok for o in outcomes) and set(target.created.values()) == {1}
    assert sent(target) == [100, 50, 25, 25, 27, 23]


async def test_one_row_that_is_too_large_is_at_fault() -> None:
    ids = row_ids(40)
    target = FakeTarget(VISIT)

    def fault(request: httpx.Request, work: Callable[[], httpx.Response]) -> httpx.Response:
        held = [row["cms_visitid"] for row in orjson.loads(request.content)["Targets"]]
        return httpx.Response(413) if ids[7] in held else work()

    target.faults = [fault] * 60
    async with target.client(slots=1) as client:
        outcomes = await create_rows(client, VISIT, visits(ids))
    assert [(o.index, o.code) for o in outcomes if not o.ok] == [(7, "http_413")]


@pytest.mark.parametrize(("code", "rows"), [("0x80072321", 33), ("0x80072322", 100), ("0x80072326", 100)])
async def test_only_the_execution_time_limit_says_that_requests_are_too_long(code: str, rows: int) -> None:
    target = FakeTarget(VISIT, faults=[answer(error(429, code, "limit", Retry_After="5"))])
    async with target.client(slots=1) as client:
        outcomes = await create_rows(client, VISIT, visits(row_ids(60)), batch=60)
        assert all(o.ok for o in outcomes)
        assert client.sizes.of("cms_visit").rows == rows  # half of the 60, and a tenth for the answer that came then


async def test_no_slot_goes_without_a_batch_because_batches_are_large() -> None:
    target = FakeTarget(VISIT)
    async with target.client(slots=4) as client:
        client.limiter.hint(4)
        client.sizes.of("cms_visit").rows = 900
        await create_rows(client, VISIT, visits(row_ids(1000)))
    assert sent(target) == [250, 250, 250, 250]
