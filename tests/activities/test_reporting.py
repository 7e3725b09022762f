"""What the chunks of a rollback leave is read as files, however many rows stay."""

from pathlib import Path
from typing import Any

import orjson

from activities.reporting import read_undone
from ledger.chunks import write_records


def line(row: str, why: str, **more: Any) -> dict[str, Any]:
    """A row that stays."""
    return {
        "object": "patient", "source_id": f"S{row}", "table": "contact", "row_id": row, "why": why, "who": "u1",
        "when": "2026-03-01T09:30:00Z",
    } | more  # fmt: skip


def chunk(folder: Path, name: str, listed: list[dict[str, Any]], behind: list[dict[str, Any]], deleted: int) -> None:
    """The files of one chunk."""
    write_records(folder / f"{name}.listed.ndjson.gz", listed)
    write_records(folder / f"{name}.behind.ndjson.gz", behind)
    (folder / f"{name}.json").write_bytes(orjson.dumps({"object": "patient", "counts": {"deleted": deleted}}))


def test_a_row_that_several_chunks_looked_at_is_listed_once(tmp_path: Path) -> None:
    chunk(tmp_path, "patient-1", [line("b", "early"), line("a", "alone", who=None)], [], 3)
    chunk(tmp_path, "patient-2", [line("b", "late")], [line("c", "made", who=None, when=None)], 4)
    counts, listed, behind = read_undone(tmp_path)

    assert {name: dict(one) for name, one in counts.items()} == {"patient": {"deleted": 7}}
    assert list(listed) == [line("a", "alone", who=None), line("b", "late")]
    assert list(listed) == list(listed)
    assert (len(listed), len(behind)) == (2, 1)
    assert [one["row_id"] for one in behind] == ["c"]


def test_nothing_stays_where_nothing_was_listed_or_touched(tmp_path: Path) -> None:
    assert [len(one) for one in read_undone(tmp_path)] == [0, 0, 0]
    chunk(tmp_path, "patient-1", [], [], 1)
    assert [len(one) for one in read_undone(tmp_path)] == [1, 0, 0]
