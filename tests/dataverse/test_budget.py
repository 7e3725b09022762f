"""The day's requests are counted, and a write that would exceed them is not sent."""

from datetime import UTC, datetime, timedelta

import httpx
import orjson
import pytest

from dataverse.budget import Budget, BudgetSpent
from dataverse.rows import create_rows
from tests.dataverse.fake import FakeTarget, error, row_ids, visits
from tests.dataverse.samples import VISIT


class Counted:
    """A budget as a client asks for it."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.count = budget.count

    async def spend(self, operations: int) -> None:
        self.budget.spend(operations)


class Time:
    def __init__(self) -> None:
        self.now = datetime(2024, 5, 1, 13, 20, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def test_what_is_spent_comes_back_when_its_hour_is_a_day_old() -> None:
    time = Time()
    budget = Budget(100, now=time)
    budget.spend(60)
    time.now += timedelta(hours=2)
    budget.spend(40)
    assert budget.remaining() == 0
    with pytest.raises(BudgetSpent) as caught:
        budget.spend(1)
    assert caught.value.until == datetime(2024, 5, 2, 14, tzinfo=UTC)
    with pytest.raises(BudgetSpent) as caught:
        budget.spend(61)
    assert caught.value.until == datetime(2024, 5, 2, 16, tzinfo=UTC)
    time.now = datetime(2024, 5, 2, 13, 59, tzinfo=UTC)
    assert budget.remaining() == 0
    time.now = datetime(2024, 5, 2, 14, tzinfo=UTC)
    assert budget.remaining() == 60
    budget.spend(60)


def test_it_is_carried_on_from_its_document_and_counts_others() -> None:
    time = Time()
    budget = Budget(100, now=time)
    budget.spend(30)
    kept = orjson.loads(orjson.dumps(budget.to_json()))
    assert kept == {"hours": {"2024-05-01T13Z": 30}}
    again = Budget(100, mine=kept, others=[kept, {"hours": {"2024-04-20T01Z": 99}}], now=time)
    assert again.remaining() == 40 and again.to_json() == kept


def test_no_limit_counts_all_the_same() -> None:
    budget = Budget(0, now=Time())
    budget.spend(10**9)
    assert budget.remaining() is None and budget.spent() == 10**9
    with pytest.raises(ValueError, match="0"):
        Budget(-1)


def test_a_request_larger_than_the_limit_does_not_wait_for_ever() -> None:
    budget = Budget(50, now=Time())
    budget.spend(100)
    with pytest.raises(BudgetSpent):
        budget.spend(1)


async def test_a_write_over_the_budget_is_not_sent_and_the_rest_lands_the_next_day() -> None:
    time = Time()
    ids = row_ids(50)
    target = FakeTarget(VISIT)
    budget = Budget(30, now=time)
    async with target.client(slots=1, budget=Counted(budget)) as client:
        with pytest.raises(BudgetSpent) as caught:
            await create_rows(client, VISIT, visits(ids), batch=10)
        assert len(target.rows) == 30 and len(target.writes) == 3
        time.now = caught.value.until
        budget.limit = 100
        outcomes = await create_rows(client, VISIT, visits(ids), batch=10, begun=ids)
    assert all(o.ok for o in outcomes) and set(target.created.values()) == {1}


async def test_every_try_counts_and_reads_are_never_stopped() -> None:
    target = FakeTarget(VISIT, faults=[lambda request, work: error(429, "0x80072322", Retry_After="1")])
    budget = Budget(20, now=Time())
    async with target.client(budget=Counted(budget)) as client:
        await create_rows(client, VISIT, visits(row_ids(8)))
        assert budget.spent() == 16
        for _ in range(10):
            await client.get("cms_visits")
        assert budget.spent() == 26 and budget.remaining() == 0


async def test_a_stopped_write_is_not_counted() -> None:
    async def lost() -> None:
        raise httpx.InvalidURL("lease lost")

    budget = Budget(20, now=Time())
    async with FakeTarget(VISIT).client(budget=Counted(budget), before_write=lost) as client:
        with pytest.raises(httpx.InvalidURL):
            await client.post("cms_visits", {})
    assert budget.spent() == 0
