"""The writes of a chunk: what was lost is settled before it is an outcome, and what is not ours stays as it is."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import httpx
import pytest

from activities import batch
from activities.batch import Batch
from activities.rows import Op, RowBuilder
from dataverse.client import DataverseClient
from dataverse.outcomes import CONFLICT, LOST, TAKEN
from ledger import before
from ledger.audit import Entry, Intent, Outcome
from tests.activities.test_undo_late import QUIET, Log
from tests.dataverse.fake import FakeClock, FakeTarget, lose_before, row_ids, visits
from tests.dataverse.samples import OPPORTUNITY, SCHEMA, VISIT

JOB = {"migration": "m", "run": "migrate-0002", "object": "visit", "number": 2, "generation": 1}
TIMEOUT = (500, "0x80044151", "Sql error: Generic SQL error. Sql Number: -2")


class ChunkLog(Log):
    """An audit log in memory, as a load's chunk keeps it."""

    async def append_landed(self, entries: Iterable[Entry]) -> None:
        await self.append_outcomes([Outcome(entry.sequence, "landed") for entry in entries])

    def results(self) -> list[tuple[str, str]]:
        return [(one.result, one.code) for _, one in sorted(self.outcomes.items())]


async def nothing() -> None:
    """A fence that nobody has fallen behind."""


def writer(client: DataverseClient, log: ChunkLog) -> Batch:
    return Batch(None, client, log, nothing, JOB, RowBuilder(SCHEMA, 1), "00001")  # type: ignore[arg-type]


def creates(ids: Sequence[str]) -> list[Op]:
    return [
        Op(n, "create", str(n), f"clinic.visit.{n}", f"clinic.visit.{n}", VISIT, id, {"cms_name": f"visit {n}"}, {})
        for n, id in enumerate(ids)
    ]


async def test_a_create_that_lands_after_all_later_tries_failed_has_landed() -> None:
    """The first request is lost; the database gives the later ones up; in the quiet period the first one commits."""
    clock, ids, log = FakeClock(), row_ids(3), ChunkLog()
    target, held = FakeTarget(VISIT), list[Any]()
    read = target.read

    def hold(request: httpx.Request, work: Any) -> httpx.Response:
        target.bad = dict.fromkeys(ids, TIMEOUT)
        held.append(work)
        raise httpx.ReadError("broken")

    def late(request: httpx.Request) -> httpx.Response:
        if clock.time >= QUIET and not target.rows:
            target.bad = {}
            held[0]()
        return read(request)

    target.faults, target.read = [hold], late  # type: ignore[method-assign]
    async with target.client(clock) as client:
        failed = await writer(client, log).create(VISIT, creates(ids))
    assert failed == [] and log.results() == [("landed", "")] * 3
    assert target.created == dict.fromkeys(ids, 1)


async def test_what_fails_even_after_the_quiet_period_is_not_called_unwritten() -> None:
    clock, [one], log = FakeClock(), row_ids(1), ChunkLog()
    target = FakeTarget(VISIT, bad={one: TIMEOUT})

    def lose(request: httpx.Request, work: Any) -> httpx.Response:
        raise httpx.ReadError("broken")

    target.faults = [lose]
    async with target.client(clock) as client:
        [exception] = await writer(client, log).create(VISIT, creates([one]))
    assert clock.sleeps.count(QUIET) == 1
    assert exception.field is None and exception.code == TIMEOUT[1]
    assert log.results() == [("unknown", TIMEOUT[1])]


@pytest.fixture
def earlier(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Ids that an earlier run may have created."""
    made: set[str] = set()

    async def made_before(*given: Any) -> set[str]:
        return made & {op.row_id for op in given[-1]}

    monkeypatch.setattr(batch, "made_before", made_before)
    return made


async def test_a_row_that_is_there_before_us_is_listed_and_stays_theirs(earlier: set[str]) -> None:
    ids, log, target = row_ids(3), ChunkLog(), FakeTarget(VISIT)
    theirs = {"cms_visitid": ids[1], "cms_name": "theirs"}
    target.put(theirs)
    async with target.client() as client:
        [exception] = await writer(client, log).create(VISIT, creates(ids))
    assert (exception.source_id, exception.field, exception.code) == ("1", None, TAKEN)
    assert "roll that one back" in exception.message
    assert target.rows[ids[1]].items() >= theirs.items()
    # Proved not ours: a rollback leaves it alone.
    assert log.results() == [("landed", ""), ("failed", TAKEN), ("landed", "")]


async def test_what_an_earlier_attempt_or_run_may_have_made_is_ours(earlier: set[str]) -> None:
    """One row stands from an attempt that died, one lands only now, one is of a run that ended before its receipts."""
    ids, log, target = row_ids(4), ChunkLog(), FakeTarget(VISIT)
    died, late, before_it, new = ids
    earlier.add(before_it)
    for id in (died, before_it):
        target.put({"cms_visitid": id, "cms_name": "ours"})
    await log.append_intents([Intent("create", str(n), f"clinic.visit.{n}", "Visit", ids[n]) for n in range(2)])

    def commit(request: httpx.Request, work: Callable[[], httpx.Response]) -> httpx.Response:
        target.put({"cms_visitid": late, "cms_name": "ours"})
        return work()

    target.faults = [commit]
    async with target.client() as client:
        assert await writer(client, log).create(VISIT, creates(ids)) == []
    assert log.results() == [("landed", "")] * 4 and target.created == dict.fromkeys(ids, 1)
    assert target.rows[new]["cms_name"] == "visit 3"


@pytest.fixture
def images(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """Before-images in memory, by row id: those of the first attempt stay."""
    kept: dict[str, dict[str, Any]] = {}

    async def keep(*given: Any) -> dict[str, str]:
        rows: dict[str, dict[str, Any]] = given[-1]
        for id, row in rows.items():
            kept.setdefault(id, dict(row))
        return {id: id for id in rows}

    async def get_many(_: Any, references: dict[str, str]) -> dict[str, dict[str, Any]]:
        return {id: kept[id] for id in references}

    monkeypatch.setattr(before, "keep", keep)
    monkeypatch.setattr(before, "get_many", get_many)
    return kept


def updates(ids: Sequence[str]) -> list[Op]:
    ops = creates(ids)
    for op in ops:
        op.operation, op.body, op.columns = "update", {"cms_name": "ours"}, {"cms_name": "ours"}
    return ops


@pytest.mark.parametrize("late", [True, False])
@pytest.mark.usefixtures("images")
async def test_an_unanswered_update_is_settled_after_the_quiet_period(late: bool) -> None:
    clock, ids, log = FakeClock(), row_ids(2), ChunkLog()
    target, held = FakeTarget(VISIT), list[Any]()
    for row in visits(ids):
        target.put(row)

    def hold(request: httpx.Request, work: Any) -> httpx.Response:
        held.append(work)
        raise httpx.ReadError("broken")

    def after(request: httpx.Request, work: Callable[[], httpx.Response]) -> httpx.Response:
        assert clock.time >= QUIET
        if late:
            held[0]()
        return work()

    target.faults = [hold, lose_before, lose_before, lose_before, after]
    async with target.client(clock) as client:
        failed = await writer(client, log).update(VISIT, updates(ids))
    assert failed == [] and log.results() == [("landed", "")] * 2
    assert {row["cms_name"] for row in target.rows.values()} == {"ours"} and len(target.writes) == 5


@pytest.mark.usefixtures("images")
async def test_an_update_that_is_never_answered_is_an_exception() -> None:
    clock, [one], log = FakeClock(), row_ids(1), ChunkLog()
    target = FakeTarget(VISIT, faults=[lose_before] * 8)
    target.put(visits([one])[0])
    async with target.client(clock) as client:
        [exception] = await writer(client, log).update(VISIT, updates([one]))
    assert (exception.field, exception.code) == (None, LOST)
    assert log.results() == [("unknown", LOST)] and target.faults == []


def closed(target: FakeTarget, ids: Sequence[str]) -> None:
    for id in ids:
        target.put({"opportunityid": id, "name": "before", "statecode": 1, "statuscode": 3})


def renames(ids: Sequence[str]) -> list[Op]:
    ops = updates(ids)
    for op in ops:
        op.table, op.body, op.columns = OPPORTUNITY, {"name": "ours"}, {"name": "ours"}
    return ops


@pytest.mark.usefixtures("images")
async def test_a_closed_row_is_opened_and_changed() -> None:
    ids, log, target = row_ids(2), ChunkLog(), FakeTarget(OPPORTUNITY)
    closed(target, ids)
    async with target.client() as client:
        assert await writer(client, log).update(OPPORTUNITY, renames(ids)) == []
    assert {(row["name"], row["statecode"]) for row in target.rows.values()} == {("ours", 0)}


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.usefixtures("images")
async def test_what_somebody_changes_in_a_closed_row_before_or_after_it_is_opened_stays(opened: bool) -> None:
    ids, log, target = row_ids(2), ChunkLog(), FakeTarget(OPPORTUNITY)
    closed(target, ids)

    def meanwhile(request: httpx.Request, work: Callable[[], httpx.Response]) -> httpx.Response:
        answer = work() if opened else None
        target.put({**target.rows[ids[0]], "name": "theirs"})
        return answer or work()

    target.faults = [meanwhile]
    async with target.client() as client:
        [exception] = await writer(client, log).update(OPPORTUNITY, renames(ids))
    assert (exception.source_id, exception.code) == ("0", CONFLICT)
    assert [target.rows[id]["name"] for id in ids] == ["theirs", "ours"]
    assert target.rows[ids[0]]["statecode"] == (0 if opened else 1)
    assert log.results() == [("failed", CONFLICT), ("landed", "")]


@pytest.mark.usefixtures("images")
async def test_a_row_that_may_not_be_opened_is_an_exception_of_its_own() -> None:
    ids, log = row_ids(2), ChunkLog()
    target = FakeTarget(OPPORTUNITY, bad={row_ids(1)[0]: (403, "0x80040220", "no")})
    closed(target, ids)
    async with target.client() as client:
        [exception] = await writer(client, log).update(OPPORTUNITY, renames(ids))
    assert (exception.source_id, exception.field, exception.code) == ("0", None, "0x80040220")
    assert [target.rows[id]["name"] for id in ids] == ["before", "ours"]
    assert log.results() == [("failed", "0x80040220"), ("landed", "")]


async def test_an_attempt_that_died_after_its_write_is_no_conflict(images: dict[str, dict[str, Any]]) -> None:
    [one], log, target = row_ids(1), ChunkLog(), FakeTarget(OPPORTUNITY)
    closed(target, [one])
    images[one] = dict(target.rows[one])
    target.put({**target.rows[one], "name": "ours", "statecode": 0, "statuscode": 1})
    async with target.client() as client:
        version = target.rows[one]["@odata.etag"]
        assert await writer(client, log).update(OPPORTUNITY, renames([one])) == []
    assert log.results() == [("landed", "")]
    assert target.rows[one]["@odata.etag"] == version  # and is not made again
