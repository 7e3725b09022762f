"""The plan: one disposition per record, decided by one join."""

from pathlib import Path
from typing import Any

import pytest

from activities.mapped import as_row, write_index
from activities.planning import WRITES, make_plan, read_exceptions, read_part
from ledger.chunks import write_records
from ledger.receipts import Receipt, current_sql, write_parquet
from mapping.record import Issue, MappedRecord, Ref


def mapped(key: str, **more: Any) -> MappedRecord:
    base: dict[str, Any] = {"table": "contact", "hash": f"h-{key}"}
    return MappedRecord(source_id=key, source_key=f"s.patient.{key}", row_key=f"s.patient.{key}", **(base | more))


def receipt(object_name: str, key: str, **more: Any) -> Receipt:
    base: dict[str, Any] = {
        "source_id": key,
        "source_key": f"s.{object_name}.{key}",
        "row_key": f"s.{object_name}.{key}",
        "table": "contact",
        "row_id": f"row-{key}",
        "run_number": 1,
        "generation": 0,
        "hash": f"h-{key}",
        "payload": '{"columns": {}, "refused": []}',
    }
    return Receipt(**(base | more))


def plan(
    folder: Path, records: list[MappedRecord], receipts: dict[str, list[Receipt]], **more: Any
) -> tuple[dict[str, Any], Path]:
    """Plan patients over these receipts; returns the summary and the folder."""
    import duckdb

    chunk = folder / "b0000-00000.ndjson.gz"
    write_records(chunk, (as_row(r, "b0000-00000", pos, r.source_id) for pos, r in enumerate(records)))
    (folder / "index").mkdir()
    (folder / "current").mkdir()
    write_index([chunk], folder / "index" / "b0000.parquet")
    for name in ("location", "practitioner", "patient"):
        (folder / "parts" / name).mkdir(parents=True)
        part = folder / "parts" / name / "migrate-0001.00000.parquet"
        write_parquet(part, name, receipts.get(name, []))
        with duckdb.connect() as db:
            target = folder / "current" / f"{name}.parquet"
            db.execute(f"COPY ({current_sql(str(part))}) TO '{target}' (FORMAT parquet)")
    options: dict[str, Any] = {"wanted": WRITES, "selection": None, "planned_parents": False, "memory_mb": 128}
    return make_plan(folder, "patient", **(options | more)), folder


def actions(folder: Path) -> dict[str, str]:
    return {row["source_id"]: row["action"] for row in read_part(folder / "part-000000.parquet").values()}


def test_new_unchanged_changed(tmp_path: Path) -> None:
    """New records are created, unchanged ones left, changed ones updated."""
    summary, folder = plan(
        tmp_path,
        [mapped("a"), mapped("b"), mapped("c")],
        {"patient": [receipt("patient", "b"), receipt("patient", "c", hash="old")]},
    )

    assert actions(folder) == {"a": "create", "b": "unchanged", "c": "update"}
    assert summary["read"] == 3
    assert summary["chunks"] == ["b0000-00000"]


def test_keys_are_compared_without_case_and_the_first_wins(tmp_path: Path) -> None:
    """Dataverse compares keys without case: the second record of a key is an exception, never a second row."""
    summary, folder = plan(tmp_path, [mapped("a"), mapped("A")], {})

    assert actions(folder) == {"a": "create", "A": "duplicate"}
    assert [row[:3] for row in read_exceptions(folder)] == [("A", None, "duplicate_id")]
    assert summary["actions"]["duplicate"]["records"] == 1


@pytest.mark.parametrize(("required", "action"), [(True, "orphan"), (False, "create")])
def test_missing_parent(tmp_path: Path, required: bool, action: str) -> None:
    """A missing required parent excepts the record, an optional one only the field."""
    ref = Ref("parentcustomerid", "location", "s.location.x", required)
    summary, folder = plan(tmp_path, [mapped("a", refs=[ref])], {})

    if required:
        assert summary["chunks"] == []
        assert [row[2] for row in read_exceptions(folder)] == ["missing_parent"]
    else:
        row = read_part(folder / "part-000000.parquet")[0]
        assert row["action"] == action
        assert row["missing"] == [{"column": "parentcustomerid", "object": "location"}]
        assert row["hash"] == "h-a~parentcustomerid"


def test_parent_that_landed_later_makes_the_record_changed(tmp_path: Path) -> None:
    """The hash remembers which lookups were missing, so that a retry fills them."""
    ref = Ref("parentcustomerid", "location", "s.location.x")
    receipts = {
        "patient": [receipt("patient", "a", hash="h-a~parentcustomerid")],
        "location": [receipt("location", "x", table="account")],
    }
    _, folder = plan(tmp_path, [mapped("a", refs=[ref])], receipts)

    row = read_part(folder / "part-000000.parquet")[0]
    assert row["action"] == "update"
    assert row["resolved"] == [{"column": "parentcustomerid", "table": "account", "row_id": "row-x"}]


def test_person_who_is_both_joins_the_row(tmp_path: Path) -> None:
    """A patient whose person landed as a practitioner goes into that row."""
    both = mapped("a")
    both.row_key = "s.party.7"
    _, folder = plan(tmp_path, [both], {"practitioner": [receipt("practitioner", "p", row_key="s.party.7")]})

    row = read_part(folder / "part-000000.parquet")[0]
    assert (row["action"], row["row_id"]) == ("join", "row-p")


def test_a_held_back_column_stays_on_the_list(tmp_path: Path) -> None:
    """What an earlier run could not write is still an exception when nothing has changed since."""
    held = receipt("patient", "a", payload='{"columns": {}, "refused": ["createdon"]}')
    summary, folder = plan(tmp_path, [mapped("a")], {"patient": [held]})

    assert [row[:3] for row in read_exceptions(folder)] == [("a", "createdon", "held_back")]
    assert summary["fields_excepted"] == 1


def test_refused_fields_and_gone_records_are_told(tmp_path: Path) -> None:
    """Every refused field is listed, and so is a row whose record left the source."""
    record = mapped("a", issues=[Issue("npi", "cms_npi", "bad_npi", "The check digit is wrong.")])
    summary, folder = plan(tmp_path, [record], {"patient": [receipt("patient", "z")]})

    assert read_exceptions(folder) == [("a", "npi", "bad_npi", "The check digit is wrong.", None, "cms_npi")]
    assert summary["gone"] == ["z"]
    assert summary["fields_excepted"] == 1


@pytest.mark.parametrize(
    ("payload", "todo"), [('{"columns": {}}', True), ('{"columns": {}, "state": "inactive"}', False)]
)
def test_a_state_that_an_earlier_run_could_not_set_is_still_to_do(tmp_path: Path, payload: str, todo: bool) -> None:
    """A run that paused before its last phase leaves nothing open for good."""
    _, folder = plan(tmp_path, [mapped("a", state="inactive")], {"patient": [receipt("patient", "a", payload=payload)]})

    parts = list(folder.glob("part-*.parquet"))
    assert bool(parts) == todo
    if todo:
        row = read_part(parts[0])[0]
        assert (row["action"], row["todo_state"], row["todo_link"]) == ("unchanged", True, False)
