"""Chunks, before-images, receipts and exceptions: what the chunks of a run leave behind."""

import asyncio
import gzip
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from ledger import before, exceptions, receipts
from ledger.chunks import pack, read_records, unpack, write_records
from ledger.exceptions import ExceptionRow
from ledger.receipts import Receipt, download_parts, fold, glob_of
from ledger.storage import NotStored, Storage

RECORDS = [{"_id": str(n), "name": "Zoë\n", "lines": [{"a": None}]} for n in range(3)]


def test_records_come_back_as_they_were_written(tmp_path: Path) -> None:
    """Nested values, nulls and line breaks in values."""
    path = tmp_path / "new" / "patient.ndjson.gz"

    assert write_records(path, iter(RECORDS)) == 3
    assert list(read_records(path)) == RECORDS
    assert list(unpack(pack(RECORDS))) == RECORDS


def test_equal_records_make_equal_files(tmp_path: Path) -> None:
    """No time or name in the file, so that a rerun writes the same bytes."""
    write_records(tmp_path / "a.gz", RECORDS)
    write_records(tmp_path / "b.gz", RECORDS)

    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


def test_a_file_that_was_cut_off_is_not_taken_for_whole(tmp_path: Path) -> None:
    """Reading it raises."""
    path = tmp_path / "cut.gz"
    write_records(path, RECORDS)
    path.write_bytes(path.read_bytes()[:-12])

    with pytest.raises(EOFError):
        list(read_records(path))


def test_records_are_read_one_at_a_time(tmp_path: Path) -> None:
    """The first is there before the rest is read: a broken end does not hide it."""
    path = tmp_path / "long.gz"
    path.write_bytes(gzip.compress(b'{"n":1}\nnonsense\n'))

    assert next(read_records(path)) == {"n": 1}


async def test_the_first_before_image_stays(storage: Storage, migration: str) -> None:
    """A rerun that reads its own write does not store it as the state before."""
    place = (storage, migration, "migrate-0001", "patient", "00000", "0")
    first = await before.keep(*place, {"r1": {"name": "old"}})

    rerun = await before.keep(*place, {"r1": {"name": "own write"}, "r2": {"name": "old too"}})

    assert rerun["r1"] == first["r1"] != rerun["r2"]
    assert await before.get(storage, rerun["r1"], "r1") == {"name": "old"}
    assert await before.get_many(storage, rerun) == {"r1": {"name": "old"}, "r2": {"name": "old too"}}
    assert await before.keep(*place, {"r2": {"name": "third"}}) == {"r2": rerun["r2"]}


async def test_racing_attempts_agree_on_the_before_image(storage: Storage, migration: str) -> None:
    """Whoever stores it, all refer to the same."""
    place = (storage, migration, "migrate-0001", "patient", "00000", "0")

    refs = await asyncio.gather(*(before.keep(*place, {"r1": {"n": n}, "r2": {"n": n}}) for n in range(4)))

    assert all(ref == refs[0] for ref in refs)
    assert await before.keep(*place, {}) == {}


async def test_a_before_image_that_is_not_there_is_said_to_be(storage: Storage, migration: str) -> None:
    """Neither a missing blob nor a missing row gives an empty image."""
    refs = await before.keep(storage, migration, "migrate-0001", "patient", "00000", "0", {"r1": {}})

    with pytest.raises(KeyError):
        await before.get(storage, refs["r1"], "r2")
    with pytest.raises(NotStored):
        await before.get(storage, "none", "r1")


def receipt(key: str, run: int, **changes: object) -> Receipt:
    """A receipt of a patient."""
    made = Receipt(key, key, key, "contact", f"row-{key}", run, 0, f"hash-{run}", '{"firstname":"Ann"}', patient=key)
    return replace(made, **changes)  # type: ignore[arg-type]


async def current(storage: Storage, migration: str, folder: Path, *objects: str) -> list[tuple[str, str, int]]:
    """Object, key and run of the current receipts."""
    await download_parts(storage, migration, objects, folder)
    return folded(folder)


def folded(folder: Path, object: str | None = None) -> list[tuple[str, str, int]]:
    """Object, key and run of what the parts in a folder fold to."""
    fold(glob_of(folder, object), folder / "current")
    return duckdb.execute(
        f"SELECT object, source_key, run_number FROM read_parquet('{folder}/current') ORDER BY ALL"
    ).fetchall()


async def test_the_latest_receipt_counts_and_a_tombstone_removes(
    storage: Storage, migration: str, tmp_path: Path
) -> None:
    """Folded in run order, whatever order the parts come in; a row made again after an undo is back."""
    parts = {
        "migrate-0010": [receipt("a", 10), receipt("b", 10), receipt("c", 10), receipt("d", 10)],
        "delta-0011": [receipt("b", 11)],
        "rollback-0012": [receipt("c", 12, tombstone=True), receipt("d", 12, tombstone=True)],
        "migrate-0013": [receipt("d", 13, generation=1)],
    }
    for run, rows in parts.items():
        await receipts.write_part(storage, migration, run, "patient", "00000", rows)

    assert await current(storage, migration, tmp_path, "patient") == [
        ("patient", "a", 10),
        ("patient", "b", 11),
        ("patient", "d", 13),
    ]


async def test_run_numbers_fold_as_numbers(storage: Storage, migration: str, tmp_path: Path) -> None:
    """Run 10 comes after run 9, also past four digits."""
    for run in (9, 10, 99999):
        await receipts.write_part(storage, migration, f"delta-{run:04d}", "patient", "00000", [receipt("a", run)])

    assert await current(storage, migration, tmp_path, "patient") == [("patient", "a", 99999)]


async def test_objects_are_kept_apart(storage: Storage, migration: str, tmp_path: Path) -> None:
    """An object without parts has no receipts; it is not an error."""
    await receipts.write_part(storage, migration, "migrate-0001", "patient", "00000", [receipt("a", 1)])
    await receipts.write_part(storage, migration, "migrate-0001", "location", "00000", [receipt("l", 1)])

    assert await current(storage, migration, tmp_path / "1", "claim") == []
    assert await current(storage, migration, tmp_path / "2", "patient", "location", "claim") == [
        ("location", "l", 1),
        ("patient", "a", 1),
    ]
    assert folded(tmp_path / "2", "location") == [("location", "l", 1)]


@pytest.mark.parametrize("created", [True, False])
async def test_an_undo_of_several_runs_ends_where_the_first_of_them_began(
    storage: Storage, migration: str, tmp_path: Path, created: bool
) -> None:
    """It goes backwards: what was there before the earliest of the runs counts, or that nothing was."""
    for run, number in (("migrate-0001", 1), ("delta-0010", 10), ("delta-0011", 11)):
        await receipts.write_part(storage, migration, run, "patient", "00000", [receipt("a", number)])
    for of_run, payload in (("delta-0011", "of 10"), ("delta-0010", "of 1")):
        kept = receipt("a", 12, payload=payload)
        await receipts.write_part(storage, migration, "rollback-0012", "patient", f"{of_run}-load-00000", [kept])
    if created:
        gone = receipt("a", 12, tombstone=True)
        await receipts.write_part(storage, migration, "rollback-0012", "patient", "migrate-0001-load-00000", [gone])

    found = await current(storage, migration, tmp_path, "patient")

    assert found == ([] if created else [("patient", "a", 12)])
    payloads = duckdb.execute(f"SELECT payload FROM read_parquet('{tmp_path}/current')").fetchall()
    assert payloads == ([] if created else [("of 1",)])


async def test_a_part_is_overwritten_whole(storage: Storage, migration: str) -> None:
    """A rerun of a chunk leaves what it wrote, not a mixture."""
    place = (storage, migration, "migrate-0001", "patient", "00000")
    await receipts.write_part(*place, [receipt("a", 1), receipt("b", 1)])
    await receipts.write_part(*place, [receipt("b", 1, payload='{"note":"l1\\nl2 é \\"q\\""}', patient=None)])

    (row,) = await receipts.read_part(*place)
    assert row == receipt("b", 1, payload='{"note":"l1\\nl2 é \\"q\\""}', patient=None)

    await receipts.write_part(*place, [])
    assert await receipts.read_part(*place) == []


async def test_values_that_look_like_other_types_stay_text(storage: Storage, migration: str) -> None:
    """A ZIP code, a date and a UUID are text here."""
    odd = receipt("007", 1, row_id="2020-01-01", hash="1e5", payload="null", row_key="true")
    place = (storage, migration, "migrate-0001", "patient", "00000")

    await receipts.write_part(*place, [odd])

    assert await receipts.read_part(*place) == [odd]


async def test_exceptions_are_read_by_run_and_object(storage: Storage, migration: str, folder: Path) -> None:
    """In the order of runs, not of their names."""
    rows = {
        (run, object, chunk): ExceptionRow(
            object, f"{run}{chunk}", "gender", "not_a_choice", "Not a choice.", column="x"
        )
        for run in ("migrate-0002", "delta-0010")
        for object in ("patient", "claim")
        for chunk in ("00000", "00001")
    }
    for (run, object, chunk), row in reversed(rows.items()):
        assert await exceptions.write_part(storage, migration, run, object, chunk, [row]) == 1

    parts = [part async for part in exceptions.parts(storage, migration)]
    assert [part.run for part in parts] == ["migrate-0002"] * 4 + ["delta-0010"] * 4
    assert {(part.run, part.object, part.chunk): part.rows[0] for part in parts} == rows
    assert len([row async for row in exceptions.each(storage, migration, object="claim")]) == 4
    assert len([row async for row in exceptions.each(storage, migration, run="delta-0010")]) == 4
    only = [row async for row in exceptions.each(storage, migration, run="delta-0010", object="claim")]
    assert [row.source_id for row in only] == ["delta-001000000", "delta-001000001"]
    fetched = await exceptions.fetch(storage, migration, "delta-0010", folder)
    for _ in range(2):  # a report reads them several times
        assert list(fetched) == [row async for row in exceptions.each(storage, migration, run="delta-0010")]


async def test_a_chunk_that_came_right_has_no_exceptions_left(storage: Storage, migration: str) -> None:
    """The part is written anew, empty."""
    place = (storage, migration, "migrate-0002", "patient", "00000")
    await exceptions.write_part(
        *place, [ExceptionRow("patient", "1", None, "missing_parent", "No patient.", cause="k")]
    )
    await exceptions.write_part(*place, [])

    assert [row async for row in exceptions.each(storage, migration)] == []
