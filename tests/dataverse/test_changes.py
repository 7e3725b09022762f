"""Guarded changes: each lands once or says why not."""

from typing import Any, Final

import pytest

from dataverse.afterimage import holds, same
from dataverse.rows import CONFLICT, FOUND, LOST, Change, Closing, change_rows, close_opportunities, set_state
from tests.dataverse.fake import FakeTarget, error, lose_after, lose_before, row_ids
from tests.dataverse.samples import OPPORTUNITY, VISIT


def filled(count: int) -> tuple[FakeTarget, list[str]]:
    target, ids = FakeTarget(VISIT), row_ids(count)
    for i in ids:
        target.put({"cms_visitid": i, "cms_name": "before"})
    return target, ids


def renames(target: FakeTarget, ids: list[str]) -> list[Change]:
    return [Change("PATCH", VISIT, i, {"cms_name": "after"}, target.rows[i]["@odata.etag"]) for i in ids]


async def test_every_change_has_its_own_outcome() -> None:
    target, ids = filled(5)
    changes = renames(target, ids)
    target.put({"cms_visitid": ids[1], "cms_name": "someone else's"})
    target.bad[ids[2]] = (400, "0x80044331", "The length of the 'cms_name' attribute of the 'cms_visit' entity …")
    del target.rows[ids[3]]
    async with target.client() as client:
        outcomes = await change_rows(client, changes)
    assert [(o.index, o.ok, o.code) for o in outcomes] == [
        (0, True, ""),
        (1, False, CONFLICT),
        (2, False, "0x80044331"),
        (3, False, "0x80040217"),
        (4, True, ""),
    ]
    assert target.rows[ids[1]]["cms_name"] == "someone else's"


@pytest.mark.parametrize("loss", [lose_before, lose_after])
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_lost_reply_is_settled_by_reading(loss: Any, method: Any) -> None:
    target, ids = filled(3)
    target.faults = [loss]
    changes = [Change(method, VISIT, c.id, c.body if method == "PATCH" else None, c.etag) for c in renames(target, ids)]
    async with target.client() as client:
        outcomes = await change_rows(client, changes)
    assert all(o.ok for o in outcomes)
    assert {o.code for o in outcomes} == ({FOUND} if loss is lose_after else {""})
    assert len(target.writes) == (1 if loss is lose_after else 2)
    assert (target.rows == {}) if method == "DELETE" else {r["cms_name"] for r in target.rows.values()} == {"after"}


async def test_a_version_that_is_ours_is_no_conflict() -> None:
    target, ids = filled(1)
    changes = renames(target, ids)
    target.put({"cms_visitid": ids[0], "cms_name": "after"})
    async with target.client() as client:
        [outcome] = await change_rows(client, changes)
    assert outcome.ok and outcome.code == FOUND


async def test_silence_ends_as_unknown() -> None:
    target, ids = filled(2)
    target.faults = [lose_before] * 10
    async with target.client() as client:
        outcomes = await change_rows(client, renames(target, ids))
    assert [(o.code, o.unknown) for o in outcomes] == [(LOST, True)] * 2


async def test_a_change_never_creates() -> None:
    target = FakeTarget(VISIT)
    async with target.client() as client:
        [outcome] = await change_rows(client, [Change("PATCH", VISIT, row_ids(1)[0], {"cms_name": "x"})])
    assert outcome.code == "0x80040217" and not target.rows
    assert b"If-Match: *" in target.writes[0].content


async def test_states_are_read_first() -> None:
    target, ids = filled(2)
    target.rows[ids[0]].update(statecode=1, statuscode=2)
    target.rows[ids[1]].update(statecode=0, statuscode=1)
    async with target.client() as client:
        outcomes = await set_state(client, VISIT, dict.fromkeys([*ids, row_ids(3)[2]], (1, 2)))
    assert [outcomes[i].code for i in row_ids(3)] == [FOUND, "", "0x80040217"]
    assert target.rows[ids[1]]["statecode"] == 1
    assert target.writes[0].content.count(b"PATCH ") == 1


@pytest.mark.parametrize("loss", [None, lose_before, lose_after])
async def test_an_opportunity_is_won_once(loss: Any) -> None:
    target, [one] = FakeTarget(OPPORTUNITY), row_ids(1)
    target.rows[one] = {"opportunityid": one, "statecode": 0, "statuscode": 1}
    target.faults = [loss] if loss else []
    wins: list[bytes] = []

    def win(piece: bytes) -> Any:
        assert b"/WinOpportunity HTTP/1.1" in piece
        wins.append(piece)
        target.rows[one].update(statecode=1, statuscode=3)
        return error(204, "")

    target.part = win  # type: ignore[method-assign]
    async with target.client() as client:
        [first] = await close_opportunities(client, OPPORTUNITY, [Closing(one, True, "Won", 12.5)])
        [second] = await close_opportunities(client, OPPORTUNITY, [Closing(one, True, "Won")])
        [other] = await close_opportunities(client, OPPORTUNITY, [Closing(one, False, "Lost")])
    assert first.ok and second.code == FOUND and other.code == CONFLICT
    assert len(wins) == 1
    assert b'"Status":3' in wins[0] and b'"actualrevenue":12.5' in wins[0]


ALREADY: Final = (400, "0x80043b0e", "The opportunity has already been closed.")


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        ((1, 3), (True, FOUND, False)),  # ours, by the try whose answer was lost
        ((2, 4), (False, CONFLICT, False)),  # somebody lost it meanwhile
        ((0, 1), (False, LOST, True)),  # nothing yet: that try may still commit
    ],
)
async def test_a_refusal_after_a_lost_answer_is_read_again(late: Any, expected: Any) -> None:
    """The first request commits while the second is on its way: what is refused then is our own success."""
    target, [one] = FakeTarget(OPPORTUNITY), row_ids(1)
    target.rows[one] = {"opportunityid": one, "statecode": 0, "statuscode": 1}
    target.faults = [lose_before]

    def refuse(piece: bytes) -> Any:
        target.rows[one].update(statecode=late[0], statuscode=late[1])
        return error(*ALREADY)

    target.part = refuse  # type: ignore[method-assign]
    async with target.client() as client:
        [outcome] = await close_opportunities(client, OPPORTUNITY, [Closing(one, True, "Won")])
    assert (outcome.ok, outcome.code, outcome.unknown) == expected


async def test_a_refusal_that_was_answered_at_once_stands() -> None:
    target, [one] = FakeTarget(OPPORTUNITY), row_ids(1)
    target.rows[one] = {"opportunityid": one, "statecode": 0, "statuscode": 1}
    target.part = lambda piece: error(403, "0x80040220")  # type: ignore[method-assign]
    async with target.client() as client:
        [outcome] = await close_opportunities(client, OPPORTUNITY, [Closing(one, True, "Won")])
    assert (outcome.ok, outcome.code, outcome.unknown) == (False, "0x80040220", False)


async def test_a_state_that_was_set_by_the_lost_try_is_no_refusal() -> None:
    target, [one] = filled(1)
    target.rows[one].update(statecode=0, statuscode=1)
    target.faults = [lose_before]

    def refuse(piece: bytes) -> Any:
        target.rows[one].update(statecode=1, statuscode=2)
        return error(400, "0x8004022e")

    target.part = refuse  # type: ignore[method-assign]
    async with target.client() as client:
        outcomes = await set_state(client, VISIT, {one: (1, 2)})
    assert (outcomes[one].ok, outcomes[one].code) == (True, FOUND)


@pytest.mark.parametrize(
    ("sent", "held", "equal"),
    [
        ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00.000Z", True),
        ("2024-05-01T12:00:00+02:00", "2024-05-01T10:00:00Z", True),
        ("2024-05-01T10:00:00Z", "2024-05-01T10:00:01Z", False),
        (12.5, 12.50, True),
        ("12", 12, True),
        (True, 1, False),
        (None, "", True),
        ("", None, True),
        ("a\nb", "a\r\nb", True),
        ("Ann", "ann", False),
        ("2024-05-01", "2024-05-02", False),
    ],
)
def test_values_compare_as_the_target_holds_them(sent: Any, held: Any, equal: bool) -> None:
    assert same(sent, held) is equal


def test_lookups_compare_by_id() -> None:
    [one] = row_ids(1)
    body = {"cms_Patient@odata.bind": f"/contacts({one})", "cms_name": "x"}
    assert holds(VISIT, {"_cms_patient_value": one, "cms_name": "x"}, body)
    assert not holds(VISIT, {"_cms_patient_value": None, "cms_name": "x"}, body)


TIMEOUT = (500, "0x80044151", "Sql error: Sql Number: -2")


@pytest.mark.parametrize(
    ("answer", "unknown"),
    [(TIMEOUT, True), ((500, "0x80040224", "no"), True), ((400, "0x80044331", "The length of the …"), False)],
)
async def test_after_a_loss_only_a_refusal_of_the_row_itself_proves_that_it_is_not_written(
    answer: tuple[int, str, str], unknown: bool
) -> None:
    target, ids = filled(1)
    target.bad, target.faults = {ids[0]: answer}, [lose_before]
    async with target.client() as client:
        [after_loss] = await change_rows(client, renames(target, ids))
        [answered] = await change_rows(client, renames(target, ids))
    assert (after_loss.ok, after_loss.unknown) == (False, unknown)
    assert (answered.ok, answered.unknown, answered.code) == (False, False, answer[1])
