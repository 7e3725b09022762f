"""Whatever an intruder does to the table shows, with its place."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from azure.data.tables import UpdateMode

from ledger import audit_export, chain, manifest, paths
from ledger.audit import AuditLog, Head
from ledger.audit_export import Format, export
from ledger.audit_verify import Finding, examine, examine_part, verify, verify_lines
from ledger.manifest import ManifestBroken, ManifestEntry
from ledger.storage import Storage
from scripts import check_log
from tests.ledger.support import intents_of, raw_rows

RUN = "migrate-0001"


class Table:
    """The audit table in the hands of an intruder who may do anything to it."""

    def __init__(self, storage: Storage, partition: str) -> None:
        self._table = storage.table("audit")
        self.partition = partition

    async def row(self, sequence: int) -> dict[str, str]:
        return dict(await self._table.get_entity(self.partition, paths.row_key(sequence)))

    async def put(self, sequence: int, row: dict[str, str]) -> None:
        full = {**row, "PartitionKey": self.partition, "RowKey": paths.row_key(sequence)}
        await self._table.upsert_entity(full, mode=UpdateMode.REPLACE)

    async def delete(self, *sequences: int) -> None:
        for sequence in sequences:
            await self._table.delete_entity(self.partition, paths.row_key(sequence))

    async def swap(self, one: int, other: int) -> None:
        first, second = await self.row(one), await self.row(other)
        await self.put(one, second)
        await self.put(other, first)

    async def edit(self, sequence: int, **changes: str) -> None:
        await self.put(sequence, {**await self.row(sequence), **changes})

    async def rewrite_from(self, sequence: int, last: int) -> None:
        """Give the rows from `sequence` on hashes that fit, as one would who knows how the chain is made."""
        previous = (await self.row(sequence - 1))["hash"]
        for n in range(sequence, last + 1):
            row = await self.row(n)
            previous = chain.link(previous, chain.canonical(row))
            await self.put(n, {**row, "hash": previous})


@pytest.fixture
async def table(storage: Storage, migration: str) -> Table:
    """A chunk with 20 intents and one outcome row, in a run that has ended, with its manifest."""
    log = await AuditLog.open(storage, migration, RUN, "patient", "00000", by="ana", map_hash="h1")
    await log.append_landed(await log.append_intents(intents_of(20)))
    other = await AuditLog.open(storage, migration, RUN, "patient", "00001")
    await other.append_intents(intents_of(3, start=20))
    both = {log.partition: log.head, other.partition: other.head}
    entry = ManifestEntry(kind="run_end", run=RUN, heads=manifest.heads_of(both), closed=True)
    await manifest.append(storage, migration, entry)
    return Table(storage, log.partition)


async def found(storage: Storage, migration: str) -> list[tuple[int | None, str]]:
    """Sequence and damage of each finding; all of them in the first chunk."""
    findings = await verify(storage, migration, await manifest.read(storage, migration))
    assert {finding.partition for finding in findings} <= {f"{migration}|{RUN}|patient|00000"}
    return [(finding.sequence, finding.damage) for finding in findings]


async def test_a_log_that_nobody_touched_is_whole(storage: Storage, migration: str, table: Table) -> None:
    """And the verifier says how much it checked."""
    result = await examine(storage, migration, await manifest.read(storage, migration))

    assert (result.rows, result.partitions, result.findings, result.whole) == (24, 2, [], True)


async def edit_two(table: Table) -> None:
    """Two edits, far from each other."""
    await table.edit(5, table="x")
    await table.edit(17, table="x")


async def edit_and_delete(table: Table) -> None:
    """Two kinds of damage."""
    await table.edit(5, table="x")
    await table.delete(17)


async def copy(table: Table) -> None:
    """Row 12 stands in the place of row 11 too, which is gone."""
    await table.put(11, await table.row(12))


CASES: dict[str, tuple[Callable[[Table], Awaitable[None]], list[tuple[int | None, str]]]] = {
    "the first row deleted": (lambda t: t.delete(1), [(1, "removed")]),
    "a row deleted": (lambda t: t.delete(7), [(7, "removed")]),
    "two rows deleted": (lambda t: t.delete(7, 8), [(7, "removed")]),
    "rows deleted in two places": (lambda t: t.delete(3, 9), [(3, "removed"), (9, "removed")]),
    "the last row cut off": (lambda t: t.delete(21), [(21, "cut")]),
    "the tail cut off": (lambda t: t.delete(*range(15, 22)), [(15, "cut")]),
    "a row edited": (lambda t: t.edit(5, row_id="another"), [(5, "edited")]),
    "the first row edited": (lambda t: t.edit(1, operator="nobody"), [(1, "edited")]),
    "the last row edited": (lambda t: t.edit(21, span="1-19"), [(21, "edited")]),
    "a property added": (lambda t: t.edit(5, note="x"), [(5, "edited")]),
    "a hash edited": (lambda t: t.edit(5, hash="0" * 64), [(5, "edited")]),
    "a hash made nonsense": (lambda t: t.edit(5, hash="nonsense"), [(5, "edited")]),
    "two rows edited": (edit_two, [(5, "edited"), (17, "edited")]),
    "a row edited, another deleted": (edit_and_delete, [(5, "edited"), (17, "removed")]),
    "rows swapped": (lambda t: t.swap(4, 11), [(4, "reordered"), (11, "reordered")]),
    "neighbours swapped": (lambda t: t.swap(4, 5), [(4, "reordered"), (5, "reordered")]),
    "the first rows swapped": (lambda t: t.swap(1, 2), [(1, "reordered"), (2, "reordered")]),
    "a row copied over the one before": (copy, [(11, "edited"), (12, "edited")]),
    "the same hashes computed again": (lambda t: t.rewrite_from(9, 21), []),
}


@pytest.mark.parametrize("case", CASES)
async def test_what_an_intruder_does_is_named(storage: Storage, migration: str, table: Table, case: str) -> None:
    """Partition, sequence and kind of the damage."""
    act, expected = CASES[case]

    await act(table)

    assert await found(storage, migration) == expected


async def test_an_edit_with_a_chain_that_fits_meets_the_manifest(
    storage: Storage, migration: str, table: Table
) -> None:
    """The chain alone would pass; the head in the append blob does not."""
    await table.edit(9, row_id="another")
    await table.rewrite_from(9, 21)

    assert await verify(storage, migration, []) == []
    assert await found(storage, migration) == [(21, "rewritten")]


async def test_an_edit_with_a_hash_that_fits_shows_at_the_next_row(
    storage: Storage, migration: str, table: Table
) -> None:
    """Of the two, only one can be true."""
    await table.edit(9, row_id="another")
    await table.rewrite_from(9, 9)

    (finding,) = await verify(storage, migration, [])
    assert (finding.sequence, finding.damage) == (10, "edited")
    assert "row 10 does not follow on row 9" in finding.message


async def test_a_cut_tail_shows_only_by_the_manifest(storage: Storage, migration: str, table: Table) -> None:
    """A bare chain cannot know what followed; that is what the manifest is for."""
    await table.delete(20, 21)

    assert await verify(storage, migration, []) == []
    assert await found(storage, migration) == [(20, "cut")]


async def test_a_whole_chunk_removed(storage: Storage, migration: str, table: Table) -> None:
    """It is in the manifest still."""
    await table.delete(*range(1, 22))

    assert await verify(storage, migration, await manifest.read(storage, migration)) == [
        Finding(table.partition, None, "removed", "all 21 rows are missing")
    ]


async def test_rows_added_after_the_end(storage: Storage, migration: str, table: Table) -> None:
    """Well chained, but the run had ended."""
    log = await AuditLog.open(storage, migration, RUN, "patient", "00000")
    await log.append_intents(intents_of(2, start=50))

    assert await found(storage, migration) == [(22, "added")]


async def test_a_chunk_added_after_the_end(storage: Storage, migration: str, table: Table) -> None:
    """A partition of a run that ended without it."""
    log = await AuditLog.open(storage, migration, RUN, "patient", "00009")
    await log.append_intents(intents_of(1, start=50))

    (finding,) = await verify(storage, migration, await manifest.read(storage, migration))
    assert (finding.partition, finding.sequence, finding.damage) == (log.partition, 1, "added")


async def test_a_run_that_goes_on_may_grow(storage: Storage, migration: str, table: Table) -> None:
    """Heads noted at a gate bind what was there, not what follows."""
    log = await AuditLog.open(storage, migration, "delta-0002", "patient", "00000")
    await log.append_intents(intents_of(2))
    now = manifest.heads_of({log.partition: log.head})
    await manifest.append(storage, migration, ManifestEntry(kind="gate", heads=now))
    await log.append_intents(intents_of(4))

    assert await verify(storage, migration, await manifest.read(storage, migration)) == []

    await Table(storage, log.partition).delete(4)
    assert await verify(storage, migration, await manifest.read(storage, migration)) == []
    await Table(storage, log.partition).delete(3, 2)
    (finding,) = await verify(storage, migration, await manifest.read(storage, migration))
    assert (finding.sequence, finding.damage) == (2, "cut")


async def test_an_export_is_verified_without_any_service(storage: Storage, migration: str, table: Table) -> None:
    """NDJSON and a copy of the manifest are enough, and show the same damage."""
    text = await storage.get("ledger", paths.manifest(migration))

    async def lines() -> list[bytes]:
        return (await export(storage, migration, "ndjson"))[0].splitlines()

    whole = await lines()
    assert verify_lines(whole, text).whole
    assert len(whole) == 24

    await table.edit(5, row_id="another")
    assert [(f.sequence, f.damage) for f in verify_lines(await lines(), text).findings] == [(5, "edited")]
    with pytest.raises(ManifestBroken, match="line 1"):
        verify_lines(whole, text.replace(b'"prev":""', b'"prev":"x"'))


async def test_a_long_log_is_checked_in_parts_that_find_all_of_it(storage: Storage, migration: str) -> None:
    """Chains of two rows: one is edited, one is gone whole; a part ends with a chain."""
    logs = [await AuditLog.open(storage, migration, RUN, "patient", f"{n:05d}") for n in range(5)]
    for log in logs:
        await log.append_intents(intents_of(2))
    heads = manifest.heads_of({log.partition: log.head for log in logs})
    await manifest.append(storage, migration, ManifestEntry(kind="gate", heads=heads))
    await Table(storage, logs[1].partition).edit(1, row_id="another")
    await Table(storage, logs[3].partition).delete(1, 2)

    manifests = await manifest.read(storage, migration)
    parts, found, rows = 0, list[Finding](), 0
    after: str | None = None
    while after != "":
        checked, after = await examine_part(storage, migration, manifests, after or "", most=3)
        parts, rows, found = parts + 1, rows + checked.rows, found + checked.findings
    assert (parts, rows) == (2, 8)
    assert found == (await examine(storage, migration, manifests)).findings
    assert [(one.partition, one.damage) for one in found] == [
        (logs[1].partition, "edited"),
        (logs[3].partition, "removed"),
    ]
    with pytest.raises(ValueError, match="no partition of"):
        await examine_part(storage, migration, manifests, "m-another|x")


@pytest.mark.parametrize(("edited", "code", "said"), [(False, 0, "24 rows in"), (True, 1, "not what was written")])
async def test_whoever_has_the_files_checks_them(
    storage: Storage,
    table: Table,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    edited: bool,
    code: int,
    said: str,
) -> None:
    log, copy = tmp_path / "audit.ndjson", tmp_path / "manifest.ndjson"
    migration = table.partition.split("|")[0]
    text = (await export(storage, migration, "ndjson"))[0]
    log.write_bytes(text.replace(b'"create"', b'"update"', 1) if edited else text)
    copy.write_bytes(await storage.get("ledger", paths.manifest(migration)))
    assert check_log.main([str(log), str(copy)]) == code
    assert said in capsys.readouterr().out


async def test_many_broken_rows_do_not_take_long(storage: Storage, migration: str) -> None:
    """Rows moved up over a removed one: each is told, the search stays small."""
    log = await AuditLog.open(storage, migration, RUN, "patient", "00000")
    await log.append_intents(intents_of(120))
    table = Table(storage, log.partition)
    for sequence in range(10, 120):
        await table.put(sequence, await table.row(sequence + 1))
    await table.delete(120)

    findings = await verify(storage, migration, [])

    assert [f.sequence for f in findings] == list(range(10, 120))
    assert [f.damage for f in findings[:3]] == ["edited", "reordered", "reordered"]
    assert findings[1].message == "row 11 was written as row 12"


async def test_csv_cells_are_inert(storage: Storage, migration: str) -> None:
    """A source id that a spreadsheet would take for a formula is only text."""
    log = await AuditLog.open(storage, migration, RUN, "patient", "00000", by="ana")
    entries = await log.append_intents([*intents_of(1), *intents_of(1, start=7)])
    await log.append_landed(entries)
    table = Table(storage, log.partition)
    await table.edit(2, source_id="=1+1")

    lines = (await export(storage, migration, "csv"))[0].decode().split("\r\n")

    assert lines[0].startswith("migration,run,object,chunk,sequence,at,operation,source_id")
    assert lines[1].startswith(f"{migration},{RUN},patient,00000,1,20")
    assert ",create,'=1+1," in lines[2]
    assert ",landed," in lines[3] and ",1-2," in lines[3]
    assert lines[4:] == [""]


async def test_a_head_counts_rows(storage: Storage, migration: str, table: Table) -> None:
    """What the manifest holds is what the table holds."""
    rows = [row for row in await raw_rows(storage, migration) if row["PartitionKey"] == table.partition]

    log = await AuditLog.open(storage, *table.partition.split("|"))
    assert log.head == Head(rows[-1]["hash"], len(rows))


@pytest.mark.parametrize("form", ["ndjson", "csv"])
async def test_a_large_log_comes_in_parts(
    storage: Storage, migration: str, form: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parts, one after another, are the file; none begins where nothing ended."""
    log = await AuditLog.open(storage, migration, RUN, "patient", "00000")
    await log.append_intents(intents_of(2100))
    whole, rest = await export(storage, migration, form)
    assert rest == ""

    monkeypatch.setattr(audit_export, "_PAGES", 1)
    text, after = await export(storage, migration, form)
    parts = [text]
    while after:
        text, after = await export(storage, migration, form, after)
        parts.append(text)

    assert len(parts) == 3
    assert b"".join(parts) == whole
    with pytest.raises(ValueError, match="end of a part"):
        await export(storage, migration, form, "JiRmaWx0ZXI9MQ==")
