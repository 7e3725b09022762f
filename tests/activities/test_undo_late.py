"""What a rollback makes of writes whose worker died: they may still land while it looks."""

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from activities.rows import RowBuilder
from activities.undo_chunk import Undo
from ledger import receipts
from ledger.audit import Entry, Intent, Outcome
from ledger.receipts import Receipt
from ledger.storage import NotStored
from tests.dataverse.fake import FakeClock, FakeTarget, row_ids, visits
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

    async def append_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        self.outcomes |= {one.sequence: one for one in outcomes}


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


async def undo(target: FakeTarget, original: Log, clock: FakeClock) -> Undo:
    job = {"migration": "m", "run": "rollback-0002", "of_run": "migrate-0001", "object": "visit", "phase": "load",
           "force": True, "number": 2, "generation": 1}  # fmt: skip
    async with target.client(clock) as client:
        done = Undo(None, client, Log(), job, RowBuilder(SCHEMA, 1))  # type: ignore[arg-type]
        await done.chunk(original, "00001")  # type: ignore[arg-type]
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
