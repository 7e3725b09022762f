"""What a rollback makes of writes whose worker died: they may still land while it looks."""

from collections.abc import Iterable, Sequence
from typing import Any

import httpx
import pytest

from activities.rows import RowBuilder
from activities.undo_chunk import Undo
from dataverse.outcomes import TAKEN
from ledger import receipts
from ledger.audit import Entry, Intent, Outcome
from ledger.receipts import Receipt
from ledger.storage import NotStored
from tests.dataverse.fake import FakeClock, FakeTarget, lose_before, row_ids, visits
from tests.dataverse.samples import SCHEMA, VISIT

QUIET = 150.0  #: CARRYOVER_QUIET_SECONDS when nobody sets it


class Log:
    """An audit log in memory."""

    def __init__(self, intents: Sequence[Intent] = ()) -> None:
        self.intents: dict[str, Entry] = {}
        self.outcomes: dict[int, Outcome] = {}
        self._add(intents)

    def _add(self, intents: Sequence[Intent]) -> list[Entry]:
        for one in intents:
            place = len(self.intents) + 1
            entry = Entry(place, one.operation, one.source_id, one.source_key, one.table, one.row_id, one.before, "")
            self.intents.setdefault(one.key, entry)
        return [self.intents[one.key] for one in intents]

    def outcome(self, entry: Entry) -> Outcome | None:
        return self.outcomes.get(entry.sequence)

    async def append_intents(self, intents: Sequence[Intent]) -> list[Entry]:
        return self._add(intents)

    async def append_outcomes(self, outcomes: Iterable[Outcome]) -> None:
        self.outcomes |= {one.sequence: one for one in outcomes}

    async def append_landed(self, entries: Iterable[Entry]) -> None:
        await self.append_outcomes(Outcome(entry.sequence, "landed") for entry in entries)


@pytest.fixture
def tombstones(monkeypatch: pytest.MonkeyPatch) -> list[Receipt]:
    """The receipts that the undo writes; the run died before it wrote any."""
    written: list[Receipt] = []

    async def read_part(*_: Any) -> list[Receipt]:
        raise NotStored("ledger", "part")

    async def write_part(*given: Any) -> None:
        written.extend(given[-1])

    monkeypatch.setattr(receipts, "read_part", read_part)
    monkeypatch.setattr(receipts, "write_part", write_part)
    return written


async def undo(target: FakeTarget, original: Log, clock: FakeClock, own: Log | None = None) -> Undo:
    job = {"migration": "m", "run": "rollback-0002", "of_run": "migrate-0001", "object": "visit", "phase": "load",
           "chunk": 1, "force": True, "number": 2, "generation": 1}  # fmt: skip
    async with target.client(clock) as client:
        done = Undo(None, client, own or Log(), job, RowBuilder(SCHEMA, 1))  # type: ignore[arg-type]
        await done.chunk_of(original)  # type: ignore[arg-type]
    return done


def created(ids: list[str]) -> Log:
    return Log([Intent("create", one, f"clinic.visit.{one}", "Visit", one) for one in ids])


async def test_a_create_that_lands_while_the_rollback_begins_is_taken_back(tombstones: list[Receipt]) -> None:
    clock, ids = FakeClock(), row_ids(2)
    target, log = FakeTarget(VISIT), created(ids)
    target.put(visits(ids)[0])
    read = target.read

    def late(request: httpx.Request) -> httpx.Response:
        if clock.time >= QUIET and not target.created.get(ids[1]):
            target.put(visits(ids)[1])
        return read(request)

    target.read = late  # type: ignore[method-assign]
    done = await undo(target, log, clock)
    target.read(httpx.Request("GET", "https://target.example/"))  # and if nobody looked so late, it lands now
    assert target.rows == {}
    assert sorted(done.result.deleted) == sorted(ids)
    assert {one.row_id for one in tombstones} == set(ids)


async def test_nobody_waits_for_writes_that_were_settled(tombstones: list[Receipt]) -> None:
    clock, ids = FakeClock(), row_ids(2)
    target, log = FakeTarget(VISIT), created(ids)
    target.put(visits(ids)[0])
    log.outcomes = {1: Outcome(1, "landed"), 2: Outcome(2, "failed")}
    done = await undo(target, log, clock)
    assert clock.sleeps == [] and target.rows == {}
    assert done.result.deleted == ids[:1]


async def test_a_refused_create_that_is_there_all_the_same_is_taken_back(tombstones: list[Receipt]) -> None:
    """Its first request was lost, and landed after the last one had been refused."""
    clock, ids = FakeClock(), row_ids(4)
    target, log = FakeTarget(VISIT), created(ids)
    for row in visits([ids[0], ids[1], ids[3]]):
        target.put(row)
    codes = {2: "0x80044331", 3: "0x80044331", 4: TAKEN}
    log.outcomes = {1: Outcome(1, "landed")} | {n: Outcome(n, "failed", code) for n, code in codes.items()}
    done = await undo(target, log, clock)
    assert target.rows.keys() == {ids[3]}  # somebody else's, who had the id before us
    assert sorted(done.result.deleted) == ids[:2]
    assert done.result.absent == 0
    assert {one.row_id for one in tombstones} == set(ids[:2])


async def test_an_undo_that_was_killed_after_a_delete_says_that_it_landed(tombstones: list[Receipt]) -> None:
    clock, ids = FakeClock(), row_ids(2)
    target, log = FakeTarget(VISIT), created(ids)
    log.outcomes = {1: Outcome(1, "landed"), 2: Outcome(2, "landed")}
    own = Log([Intent("delete", one, f"clinic.visit.{one}", "Visit", one) for one in ids])
    target.put(visits(ids)[1])  # the first is gone already; nobody said so
    done = await undo(target, log, clock, own)
    assert target.rows == {}
    assert sorted(done.result.deleted) == ids and done.result.absent == 0
    assert {sequence: one.result for sequence, one in own.outcomes.items()} == {1: "landed", 2: "landed"}


async def test_a_delete_that_was_never_answered_is_tried_again_after_the_quiet_period(
    tombstones: list[Receipt],
) -> None:
    clock, [one] = FakeClock(), row_ids(1)
    target, log = FakeTarget(VISIT), created([one])
    log.outcomes = {1: Outcome(1, "landed")}
    target.put(visits([one])[0])
    target.faults = [lose_before] * 4
    done = await undo(target, log, clock)
    assert QUIET in clock.sleeps
    assert target.rows == {} and done.result.deleted == [one] and done.result.listed == []
