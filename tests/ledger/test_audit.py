"""The audit log: written before the act, first attempt wins, one row for all that landed."""

import asyncio
import itertools
from collections.abc import Sequence

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ServiceResponseError

from ledger import chain, manifest
from ledger.audit import (
    AuditLog,
    AuditRace,
    Head,
    Intent,
    Operation,
    Outcome,
    Place,
    partitions,
    read_span,
    write_span,
)
from ledger.audit_verify import verify
from ledger.lease import LeaseLost
from ledger.storage import Storage
from tests.ledger.support import intents_of, raw_rows


async def log_of(storage: Storage, migration: str, chunk: str = "00000") -> AuditLog:
    """The log of a chunk of patients."""
    return await AuditLog.open(storage, migration, "migrate-0001", "patient", chunk, by="ana", map_hash="h1")


async def test_what_was_appended_is_read_again(storage: Storage, migration: str) -> None:
    """Entries, head and order survive; rows carry operator, map hash and time."""
    log = await log_of(storage, migration)
    intents = [*intents_of(250), Intent("update", "u", "clinic.patient.u", "contact", "row-u", before="ref")]

    entries = await log.append_intents(intents)

    again = await log_of(storage, migration)
    assert again.intents == log.intents
    assert again.head == log.head == Head(log.head.hash, 251)
    assert [entry.sequence for entry in entries] == list(range(1, 252))
    assert entries[-1] == again.intents["clinic.patient.u"]
    assert (entries[-1].operation, entries[-1].before, entries[-1].row_id) == ("update", "ref", "row-u")
    rows = await raw_rows(storage, migration)
    assert {(row["operator"], row["map_hash"]) for row in rows} == {("ana", "h1")}
    assert all(row["at"].endswith("+00:00") for row in rows)


async def test_a_chunk_that_was_never_written_is_empty(storage: Storage, migration: str) -> None:
    """Its chain begins with the partition's own hash."""
    log = await log_of(storage, migration)

    assert (log.intents, log.outcomes) == ({}, {})
    assert log.head == Head(chain.genesis(f"{migration}|migrate-0001|patient|00000"), 0)
    assert await log.append_intents([]) == []
    assert await raw_rows(storage, migration) == []


async def test_the_first_attempt_wins(storage: Storage, migration: str) -> None:
    """A rerun that found its own write in the target does not turn the create into an update."""
    first = await log_of(storage, migration)
    (created,) = await first.append_intents([Intent("create", "1", "k1", "contact", "r1")])

    rerun = await log_of(storage, migration)
    entries = await rerun.append_intents(
        [Intent("update", "1", "k1", "contact", "r1", before="own write"), Intent("create", "2", "k2", "contact", "r2")]
    )

    assert entries[0] == created
    assert (entries[1].sequence, len(await raw_rows(storage, migration))) == (2, 2)


async def test_racing_writers_make_one_linear_chain(storage: Storage, migration: str) -> None:
    """Whoever stores an intent first, all of them get the stored one."""
    operations: tuple[Operation, ...] = ("create", "update", "delete")
    writers = await asyncio.gather(*(log_of(storage, migration) for _ in range(3)))

    stored = await asyncio.gather(
        *(
            writer.append_intents([Intent(operation, str(n), f"k{n}", "contact", f"r{n}") for n in numbers])
            for writer, operation, numbers in zip(
                writers,
                operations,
                (range(300), range(299, -1, -1), range(0, 300, 2)),
                strict=True,
            )
        )
    )

    by_key = [{entry.key: entry for entry in entries} for entries in stored]
    assert by_key[0] == by_key[1]
    assert by_key[2].items() <= by_key[0].items()
    assert len(await raw_rows(storage, migration)) == 300
    assert await verify(storage, migration, []) == []


async def test_a_lost_reply_writes_nothing_twice(
    storage: Storage, migration: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows had landed, whether a second attempt is told that they are there or the connection is lost."""
    log = await log_of(storage, migration)
    insert = storage.rows.insert
    calls = itertools.count()

    async def insert_and_lose(table: str, entities: Sequence[bytes]) -> None:
        await insert(table, entities)
        if next(calls) % 2:
            raise ServiceResponseError("connection reset")
        await insert(table, entities)

    monkeypatch.setattr(storage.rows, "insert", insert_and_lose)
    entries = await log.append_intents(intents_of(120))
    await log.append_landed(entries)

    assert [entry.sequence for entry in entries] == list(range(1, 121))
    assert len(await raw_rows(storage, migration)) == 121
    assert (await log_of(storage, migration)).head == log.head
    assert await verify(storage, migration, []) == []


async def test_a_writer_that_never_comes_first_gives_up(
    storage: Storage, migration: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease cannot be its own."""
    log = await log_of(storage, migration)

    async def taken(*_: object) -> None:
        raise ResourceExistsError

    monkeypatch.setattr(storage.rows, "insert", taken)

    with pytest.raises(AuditRace, match="patient"):
        await log.append_intents(intents_of(1))


async def test_a_worker_that_thawed_after_its_run_was_anchored_adds_nothing(storage: Storage, migration: str) -> None:
    """Its rows would look like an intruder's. Nothing is between the look at its lease and the request."""
    held = [True]

    def check() -> None:
        if not held[0]:
            raise LeaseLost("the lease is lost")

    thawed = await AuditLog.open(storage, migration, "migrate-0001", "patient", "00000", by="ana", check=check)
    entries = await thawed.append_intents(intents_of(2))
    other = await log_of(storage, migration)
    await other.append_landed(entries)
    heads = manifest.heads_of({other.partition: other.head})
    await manifest.append(
        storage, migration, manifest.ManifestEntry(kind="run_end", run="migrate-0001", heads=heads, closed=True)
    )
    held[0] = False
    for late in (thawed.append_landed(entries), thawed.append_intents(intents_of(1, start=2))):
        with pytest.raises(LeaseLost):
            await late
    assert await verify(storage, migration, await manifest.read(storage, migration)) == []
    assert len(await raw_rows(storage, migration)) == 3


async def test_all_that_landed_is_one_row(storage: Storage, migration: str) -> None:
    """And what did not is a row each."""
    log = await log_of(storage, migration)
    entries = await log.append_intents(intents_of(10))
    failed = Outcome(4, "failed", "duplicate", "The key is taken.")
    unknown = Outcome(9, "unknown", "lost_reply")

    await log.append_outcomes(
        [*(Outcome(e.sequence, "landed") for e in entries if e.sequence not in (4, 9)), failed, unknown]
    )

    rows = (await raw_rows(storage, migration))[10:]
    assert [(r["operation"], r.get("span"), r.get("of"), r.get("code")) for r in rows] == [
        ("landed", "1-3,5-8,10", None, None),
        ("failed", None, "4", "duplicate"),
        ("unknown", None, "9", "lost_reply"),
    ]
    again = await log_of(storage, migration)
    assert again.outcomes == log.outcomes
    assert again.outcome(entries[3]) == failed
    assert again.outcome(entries[8]) == unknown
    assert again.outcome(entries[0]) == Outcome(1, "landed")


async def test_the_latest_outcome_counts(storage: Storage, migration: str) -> None:
    """What was unknown is read again and found; saying it twice adds nothing."""
    log = await log_of(storage, migration)
    (entry,) = await log.append_intents(intents_of(1))
    assert log.outcome(entry) is None

    await log.append_outcomes([Outcome(1, "unknown", "lost_reply")])
    await log.append_landed([entry])
    await log.append_landed([entry])

    assert (await log_of(storage, migration)).outcome(entry) == Outcome(1, "landed")
    assert log.head.count == 3


async def test_second_pass_operations_stand_beside_the_first(storage: Storage, migration: str) -> None:
    """A create, a link and a state of one record are three operations."""
    log = await log_of(storage, migration)
    operations: tuple[Operation, ...] = ("create", "link", "state")

    await log.append_intents([Intent(operation, "1", "k1", "contact", "r1") for operation in operations])

    assert {key: entry.operation for key, entry in log.intents.items()} == {
        "k1": "create",
        "link:k1": "link",
        "state:k1": "state",
    }


async def test_long_messages_are_cut(storage: Storage, migration: str) -> None:
    """Rows stay narrow, and a cut message equals itself after reading."""
    log = await log_of(storage, migration)
    await log.append_intents(intents_of(1))

    await log.append_outcomes([Outcome(1, "failed", "x", "long " * 1000)])

    assert len(log.outcomes[1].message) == 500
    assert (await log_of(storage, migration)).outcomes == log.outcomes


async def test_source_ids_may_hold_anything(storage: Storage, migration: str) -> None:
    """Quotes, tabs, other alphabets: they are data, not keys."""
    odd = 'O\'Neil "x"\t/\\#?|é\u4e2d\r\n--changeset_1'
    log = await log_of(storage, migration)

    await log.append_intents([Intent("create", odd, "k1", "contact", "r1")])

    assert (await log_of(storage, migration)).intents["k1"].source_id == odd
    assert await verify(storage, migration, []) == []


async def test_the_chunks_with_a_log(storage: Storage, migration: str) -> None:
    """Of one run or of all."""
    for run, chunk in (("migrate-0001", "00000"), ("migrate-0001", "00001"), ("delta-0002", "00000")):
        log = await AuditLog.open(storage, migration, run, "patient", chunk)
        await log.append_intents(intents_of(3))

    assert await partitions(storage, migration, "migrate-0001") == [
        Place("migrate-0001", "patient", "00000"),
        Place("migrate-0001", "patient", "00001"),
    ]
    assert len(await partitions(storage, migration)) == 3


async def test_more_than_a_page_is_read_whole(storage: Storage, migration: str) -> None:
    """The service answers with at most 1,000 rows at a time."""
    log = await log_of(storage, migration)
    await log.append_intents(intents_of(2100))

    again = await log_of(storage, migration)
    assert len(again.intents) == 2100
    assert again.head == log.head


async def test_an_error_of_the_service_never_repeats_the_row(storage: Storage) -> None:
    """Its body holds ids; the error has status and code only."""
    with pytest.raises(HttpResponseError) as refused:
        await storage.rows.insert("nosuchtable", [b'{"PartitionKey":"p","RowKey":"r","source_id":"secret"}'])

    assert "secret" not in str(refused.value)
    assert "404" in str(refused.value) or "TableNotFound" in str(refused.value)


@pytest.mark.parametrize(
    ("numbers", "span"),
    [([5], "5"), ([1, 2, 3], "1-3"), ([9, 1, 2, 7, 8], "1-2,7-9"), ([1, 3, 5], "1,3,5")],
)
def test_spans(numbers: list[int], span: str) -> None:
    """Shortest form, and back."""
    assert write_span(numbers) == span
    assert list(read_span(span)) == sorted(numbers)
