"""What was never answered is known after a quiet period, not before."""

from typing import Any

import httpx
import pytest

from dataverse.rows import FOUND, Change, change_rows, create_rows
from dataverse.settle import send_settled, settle
from tests.dataverse.fake import FakeClock, FakeTarget, lose_before, row_ids, visits
from tests.dataverse.samples import VISIT


async def test_a_row_that_lands_during_the_quiet_period_has_landed() -> None:
    clock = FakeClock()
    ids = row_ids(3)
    target = FakeTarget(VISIT)
    target.put(visits(ids)[0])
    read = target.read

    def late(request: httpx.Request) -> httpx.Response:
        if clock.time >= 90 and ids[1] not in target.rows:  # the server commits a minute and a half later
            target.put(visits(ids)[1])
        return read(request)

    target.read = late  # type: ignore[method-assign]
    async with target.client(clock) as client:
        assert await settle(client, VISIT, [*ids, ids[1].upper()], 120) == {
            ids[0]: "landed",
            ids[1]: "landed",
            ids[2]: "absent",
        }
    assert clock.sleeps == [120]


async def test_nobody_waits_for_rows_that_are_there() -> None:
    clock = FakeClock()
    ids = row_ids(2)
    target = FakeTarget(VISIT)
    for row in visits(ids):
        target.put(row)
    async with target.client(clock) as client:
        assert await settle(client, VISIT, ids, 120) == dict.fromkeys(ids, "landed")
        assert await settle(client, VISIT, [], 120) == {}
    assert clock.sleeps == []


async def test_unknown_rows_are_settled_and_then_sent_again_once() -> None:
    """The whole of it: the client gives up four times, and the server commits the first try after that."""
    clock = FakeClock()
    ids = row_ids(4)
    held: list[Any] = []
    target = FakeTarget(VISIT)

    def hold(request: httpx.Request, work: Any) -> httpx.Response:
        held.append(work)
        raise httpx.ReadTimeout("slow")

    target.faults = [hold, lose_before, lose_before, lose_before, lose_before, lose_before, lose_before]
    async with target.client(clock) as client:
        outcomes = await create_rows(client, VISIT, visits(ids))
        unknown = [ids[o.index] for o in outcomes if o.unknown]
        assert unknown == ids and target.rows == {}
        held[0]()
        target.faults = []
        fates = await settle(client, VISIT, unknown)
        again = [row for row in visits(ids) if fates[row["cms_visitid"]] == "absent"]
        assert await create_rows(client, VISIT, again) == []
    assert target.created == dict.fromkeys(ids, 1)


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.parametrize("late", [True, False])
async def test_an_unanswered_change_is_sent_again_once_after_the_quiet_period(method: Any, late: bool) -> None:
    clock, ids = FakeClock(), row_ids(3)
    target = FakeTarget(VISIT)
    for row in visits(ids):
        target.put(row)
    changes = [
        Change(method, VISIT, i, {"cms_name": "after"} if method == "PATCH" else None, target.rows[i]["@odata.etag"])
        for i in ids
    ]
    held: list[Any] = []

    def hold(request: httpx.Request, work: Any) -> httpx.Response:
        held.append(work)
        raise httpx.ReadTimeout("slow")

    target.faults = [hold, lose_before, lose_before, lose_before]
    async with target.client(clock) as client:
        pause = client.pause

        async def quiet(seconds: float) -> None:
            await pause(seconds)
            if late:
                held[0]()

        client.pause = quiet  # type: ignore[method-assign]
        outcomes = await send_settled(client, changes, lambda some: change_rows(client, some), 120)
    assert [(o.index, o.ok, o.code) for o in outcomes] == [(n, True, FOUND if late else "") for n in range(3)]
    assert clock.sleeps[-1] == 120 and len(target.writes) == 5
    assert {row["cms_name"] for row in target.rows.values()} == ({"after"} if method == "PATCH" else set())


async def test_what_is_answered_is_sent_once() -> None:
    clock = FakeClock()
    target = FakeTarget(VISIT)
    async with target.client(clock) as client:
        changes = [Change("PATCH", VISIT, i, {"cms_name": "x"}) for i in row_ids(2)]
        outcomes = await send_settled(client, changes, lambda some: change_rows(client, some))
    assert [o.code for o in outcomes] == ["0x80040217"] * 2 and clock.sleeps == [] and len(target.writes) == 1


async def test_silence_after_the_quiet_period_is_an_exception() -> None:
    target, [one] = FakeTarget(VISIT), row_ids(1)
    target.put(visits([one])[0])
    target.faults = [lose_before] * 8
    async with target.client() as client:
        change = Change("PATCH", VISIT, one, {"cms_name": "after"}, target.rows[one]["@odata.etag"])
        [outcome] = await send_settled(client, [change], lambda some: change_rows(client, some))
    assert (outcome.ok, outcome.unknown) == (False, True) and target.faults == []
