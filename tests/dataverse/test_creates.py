"""Rows are created exactly once, whatever gets lost, and only the rows at fault are left behind."""

import math
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataverse.errors import AuthRefused, BadAnswer, Unavailable
from dataverse.probes import Probes, Strategy, TableProbe
from dataverse.rows import FOUND, LOST, TAKEN, create_rows
from dataverse.settle import settle
from mapping.schema import SchemaTable
from tests.dataverse.fake import FakeTarget, answer, error, lose_after, lose_before, normal, row_ids, visits
from tests.dataverse.samples import ANNOTATION, VISIT

TOO_LONG = (400, "0x80044331", "The length of the 'cms_name' attribute of the 'cms_visit' entity exceeded '200'.")


async def test_a_half_that_must_hold_the_fault_is_not_asked_about() -> None:
    ids = row_ids(128)
    target = FakeTarget(VISIT, bad={ids[127]: TOO_LONG})
    async with target.client() as client:
        outcomes = await create_rows(client, VISIT, visits(ids), batch=128)
    assert [o.index for o in outcomes if not o.ok] == [127]
    assert len(target.writes) == 1 + 7 + 1  # the batch, a left half a level, and the row itself


async def test_all_rows_land_in_batches() -> None:
    target = FakeTarget(VISIT)
    async with target.client() as client:
        outcomes = await create_rows(client, VISIT, visits(row_ids(250)))
    assert [o.index for o in outcomes] == list(range(250)) and all(o.ok for o in outcomes)
    assert len(target.requests) == 3 and client.counts.operations == 250
    assert set(target.created.values()) == {1}


@pytest.mark.parametrize("faulty", [[0], [127], [63, 64], [0, 1, 2, 3], [5, 50, 90, 120], list(range(0, 128, 16))])
async def test_narrows_down_to_the_rows_at_fault(faulty: list[int]) -> None:
    ids = row_ids(128)
    target = FakeTarget(VISIT, bad={ids[i]: TOO_LONG for i in faulty})
    async with target.client() as client:
        outcomes = await create_rows(client, VISIT, visits(ids), batch=128)
    assert [o.index for o in outcomes if not o.ok] == faulty
    assert {(o.code, o.column) for o in outcomes if not o.ok} == {("0x80044331", "cms_name")}
    assert set(target.rows) == {ids[i] for i in range(128) if i not in faulty}
    narrowing = len(target.writes) - 1
    assert narrowing <= 2 * len(faulty) * math.log2(128)
    assert len(target.requests) - len(target.writes) <= 2  # one look back, in groups of 100 ids


@settings(max_examples=60, deadline=None)
@given(data=st.data())
async def test_any_faults_and_losses_end_in_the_same_rows(data: st.DataObject) -> None:
    ids = row_ids(data.draw(st.integers(1, 40)))
    bad = data.draw(st.sets(st.sampled_from(ids)))
    losses = data.draw(st.lists(st.sampled_from([normal, lose_before, lose_after]), max_size=3))
    target = FakeTarget(VISIT, bad=dict.fromkeys(bad, TOO_LONG), faults=list(losses))
    async with target.client() as client:
        outcomes = await create_rows(client, VISIT, visits(ids), batch=16)
    assert {ids[o.index] for o in outcomes if not o.ok} == bad
    assert set(target.rows) == set(ids) - bad
    assert all(count == 1 for count in target.created.values())


@pytest.mark.parametrize("table", [VISIT, ANNOTATION])
@pytest.mark.parametrize("loss", [lose_before, lose_after])
async def test_a_lost_reply_makes_no_second_row(table: SchemaTable, loss: Any) -> None:
    ids = row_ids(10)
    rows = [{table.id_column: i} for i in ids]
    target = FakeTarget(table, faults=[loss])
    async with target.client() as client:
        outcomes = await create_rows(client, table, rows)
    assert all(o.ok for o in outcomes)
    assert {o.code for o in outcomes} == ({FOUND} if loss is lose_after else {""})
    assert target.created == dict.fromkeys(ids, 1)
    # The ids are read again before anything is repeated.
    assert target.requests[1].method == "GET"
    assert len(target.writes) == (1 if loss is lose_after else 2)


async def test_a_write_that_lands_late_is_found() -> None:
    ids = row_ids(4)
    target = FakeTarget(VISIT)

    def late(request: httpx.Request, work: Any) -> httpx.Response:
        """Nothing is there when it is read; the first try commits just before the second one."""
        target.faults = [lambda again, redo: (work(), redo())[1]]
        raise httpx.ReadTimeout("slow")

    target.faults = [late]
    async with target.client() as client:
        outcomes = await create_rows(client, VISIT, visits(ids))
    assert [(o.ok, o.code) for o in outcomes] == [(True, FOUND)] * 4
    assert target.created == dict.fromkeys(ids, 1)


async def test_what_stays_unanswered_is_unknown() -> None:
    target = FakeTarget(VISIT, faults=[lose_before] * 10)
    async with target.client() as client:
        outcomes = await create_rows(client, VISIT, visits(row_ids(3)))
    assert [(o.ok, o.unknown, o.code) for o in outcomes] == [(False, True, LOST)] * 3


TIMEOUT = (500, "0x80044151", "Sql error: Generic SQL error. Sql Number: -2")


@pytest.mark.parametrize("strategy", ["multiple", "post"])
@pytest.mark.parametrize("count", [1, 4])
async def test_a_passing_error_after_a_loss_proves_nothing(strategy: Strategy, count: int) -> None:
    """The first request is lost and still at work while the database gives the later ones up; then it commits."""
    ids, held = row_ids(count), list[Any]()
    target = FakeTarget(VISIT)

    def hold(request: httpx.Request, work: Any) -> httpx.Response:
        target.bad = dict.fromkeys(ids, TIMEOUT)
        held.append(work)
        raise httpx.ReadError("broken")

    target.faults = [hold]
    async with target.client() as client:
        outcomes = await create_rows(
            client, VISIT, visits(ids), probes=Probes({"cms_visit": TableProbe(True, strategy=strategy)})
        )
        target.bad = {}
        held[0]()
        fates = await settle(client, VISIT, ids)
    assert [(o.ok, o.unknown) for o in outcomes] == [(False, True)] * count
    assert set(fates.values()) == {"landed"}


async def test_a_row_at_fault_is_refused_whatever_was_lost_before() -> None:
    ids = row_ids(8)
    target = FakeTarget(VISIT, bad={ids[3]: TOO_LONG, ids[5]: TIMEOUT}, faults=[lose_before])
    async with target.client() as client:
        outcomes = await create_rows(client, VISIT, visits(ids))
    assert {o.index: o.unknown for o in outcomes if not o.ok} == {3: False, 5: True}


async def test_a_timeout_without_a_loss_is_an_answer() -> None:
    [one] = row_ids(1)
    target = FakeTarget(VISIT, bad={one: TIMEOUT})
    async with target.client() as client:
        [outcome] = await create_rows(client, VISIT, visits([one]))
    assert (outcome.ok, outcome.unknown, outcome.code) == (False, False, TIMEOUT[1])


@pytest.mark.parametrize("strategy", ["multiple", "post", "upsert"])
async def test_rows_that_are_there_have_landed_only_if_we_may_have_sent_them(strategy: Strategy) -> None:
    ids = row_ids(6)
    target = FakeTarget(VISIT, bad={ids[5]: TOO_LONG})
    for row in visits(ids[:3]):
        target.put(row)
    by = Probes({"cms_visit": TableProbe(True, strategy=strategy)})
    async with target.client() as client:
        outcomes = await create_rows(client, VISIT, visits(ids), probes=by, begun=[ids[0].upper(), ids[2], ids[4]])
    assert [o.code for o in outcomes] == [FOUND, TAKEN, FOUND, "", "", "0x80044331"]
    assert [o.ok for o in outcomes] == [True, False, True, True, True, False]
    assert set(target.created.values()) == {1}


async def test_the_same_alternate_key_is_the_row_at_fault() -> None:
    ids = row_ids(8)
    taken = (412, "0x80060892", "A record that has the attribute values K already exists.")
    target = FakeTarget(VISIT, bad={ids[3]: taken})
    async with target.client() as client:
        outcomes = await create_rows(client, VISIT, visits(ids))
    assert [o.index for o in outcomes if not o.ok] == [3]
    assert outcomes[3].code == "0x80060892"


async def test_a_table_without_bulk_messages_goes_by_batch() -> None:
    ids = row_ids(5)
    target = FakeTarget(ANNOTATION, bad={ids[2]: (400, "0x80043e09", "blocked")})
    target.put({"annotationid": ids[0]})
    async with target.client() as client:
        outcomes = await create_rows(client, ANNOTATION, [{"annotationid": i} for i in ids])
    assert [o.code for o in outcomes] == [TAKEN, "", "0x80043e09", "", ""]
    assert [r.url.path.rsplit("/", 1)[1] for r in target.writes] == ["$batch"]


async def test_a_deadlock_is_tried_again_then_taken_apart() -> None:
    deadlock = error(500, "0x80044150", "Sql error: Generic SQL error. Sql Number: 1205")
    target = FakeTarget(VISIT, faults=[answer(deadlock)] * 3)
    async with target.client() as client:
        outcomes = await create_rows(client, VISIT, visits(row_ids(4)))
    assert all(o.ok for o in outcomes) and len(target.writes) == 4


async def test_unexpected_errors_are_tried_three_times_and_narrowed() -> None:
    ids = row_ids(2)
    target = FakeTarget(VISIT, bad={ids[1]: (400, "0x80040216", "An unexpected error occurred.")})
    async with target.client() as client:
        outcomes = await create_rows(client, VISIT, visits(ids))
    assert [o.code for o in outcomes] == ["", "0x80040216"]
    assert len(target.writes) == 3 + 1 + 3


async def test_a_target_that_renames_rows_stops_everything() -> None:
    target = FakeTarget(VISIT, faults=[answer(httpx.Response(200, json={"Ids": row_ids(3)[2:]}))])
    async with target.client() as client:
        with pytest.raises(BadAnswer, match="did not keep the ids"):
            await create_rows(client, VISIT, visits(row_ids(1)))


async def test_refused_credentials_are_nobody_s_fault() -> None:
    target = FakeTarget(VISIT, faults=[answer(httpx.Response(401))] * 2)
    async with target.client(slots=1) as client:
        with pytest.raises(AuthRefused):
            await create_rows(client, VISIT, visits(row_ids(40)), batch=4)
    assert len(target.writes) == 2  # once more with a new token, no narrowing, and no other batch


async def test_a_dead_target_is_given_up_without_taking_rows_apart() -> None:
    def refuse(request: httpx.Request, work: Any) -> httpx.Response:
        raise httpx.ConnectError("nobody")

    target = FakeTarget(VISIT, faults=[refuse] * 100)
    async with target.client() as client:
        with pytest.raises(Unavailable):
            await create_rows(client, VISIT, visits(row_ids(64)))
    assert len(target.writes) == 7


async def test_a_row_twice_is_a_mistake() -> None:
    [one] = row_ids(1)
    async with FakeTarget(VISIT).client() as client:
        with pytest.raises(ValueError, match="twice"):
            await create_rows(client, VISIT, visits([one, one]))


async def test_a_lost_lease_stops_the_next_write() -> None:
    class LeaseLost(Exception):
        pass

    checks: list[int] = []

    async def check() -> None:
        checks.append(1)
        if len(checks) > 1:
            raise LeaseLost

    target = FakeTarget(VISIT)
    async with target.client(before_write=check, slots=1) as client:
        with pytest.raises(LeaseLost):
            await create_rows(client, VISIT, visits(row_ids(30)), batch=10)
    assert len(target.writes) == 1 and len(target.rows) == 10


NO_ROOM = (507, "0x80040216", "There is no room.")
NOT_NOW = (500, "0x80040216", "An unexpected error occurred.")


async def test_a_target_without_room_refuses_no_single_row() -> None:
    """The call ends at once and may be repeated: no row is called refused that is not at fault."""
    ids = row_ids(40)
    target = FakeTarget(VISIT, bad=dict.fromkeys(ids, NO_ROOM))
    async with target.client() as client:
        with pytest.raises(Unavailable, match="no room left"):
            await create_rows(client, VISIT, visits(ids), batch=20)
    assert target.rows == {}


async def test_a_target_that_can_create_nothing_is_not_asked_row_by_row() -> None:
    ids = row_ids(40)
    target = FakeTarget(VISIT, bad=dict.fromkeys(ids, NOT_NOW))
    async with target.client() as client:
        with pytest.raises(Unavailable):
            await create_rows(client, VISIT, visits(ids), batch=40)
    assert len(target.writes) < 3 * (6 + 5 + 5)  # three tries of each: on the way down, and of the rows


async def test_a_few_rows_that_the_target_cannot_create_do_not_stop_the_others() -> None:
    ids = row_ids(40)
    faulty = [3, 17, 18, 31]
    target = FakeTarget(VISIT, bad={ids[i]: NOT_NOW for i in faulty})
    async with target.client() as client:
        outcomes = await create_rows(client, VISIT, visits(ids), batch=40)
    assert [o.index for o in outcomes if not o.ok] == faulty
