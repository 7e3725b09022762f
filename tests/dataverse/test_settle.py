"""What was never answered is known after a quiet period, not before."""

from typing import Any

import httpx

from dataverse.rows import create_rows
from dataverse.settle import settle
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
