"""A record's own way: the records that are mapped and sent are those that were staged and planned, and what it cost is told."""

from pathlib import Path
from typing import Any

from activities.rows import RowBuilder
from benchmarks.own import OwnWay, map_records, send_rows
from ledger.chunks import write_records
from mapping.catalog import build_schema
from mapping.objects import ObjectName
from tests.mapping.samples import RECORDS, a_map, compiled

PLAN: dict[str, Any] = {
    "action": "create", "resolved": [], "missing": [], "refused": [], "row_id": None, "hash": "h",
    "keep_owner": False, "shared": False, "adopted": False,
}  # fmt: skip


def staged(folder: Path, name: str, count: int) -> Path:
    """A staged file of that many records, copies of the sample's but for the id."""
    write_records(folder / "shaped.gz", ({**RECORDS[name], "_id": f"{name}-{number}"} for number in range(count)))
    return folder / "shaped.gz"


def test_records_are_mapped_in_their_chunks(tmp_path: Path, monkeypatch: Any) -> None:
    """The places are those that the plan knows them by."""
    monkeypatch.setattr("benchmarks.own.settings", lambda: type("S", (), {"chunk": 2}))
    found = OwnWay()
    rows = map_records(found, compiled()["appointment"], staged(tmp_path, "appointment", 5), "b0003")
    assert [(row["chunk"], row["pos"]) for row in rows] == [
        ("b0003-00000", 0), ("b0003-00000", 1), ("b0003-00001", 0), ("b0003-00001", 1), ("b0003-00002", 0),
    ]  # fmt: skip
    assert found.mapped == 5
    assert found.map_us > 0


async def test_what_takes_bulk_creates_is_sent(tmp_path: Path) -> None:
    """More rows than a group holds; notes go another way and do not count."""
    found = OwnWay()
    builder = RowBuilder(build_schema(a_map()), 0)
    sizes: dict[ObjectName, int] = {"appointment": 1200, "document": 3}
    for name, count in sizes.items():
        rows = map_records(found, compiled()[name], staged(tmp_path, name, count), "b0000")
        await send_rows(found, builder, [(row, PLAN) for row in rows])
    assert (found.mapped, found.sent) == (1203, 1200)
    assert found.send_us > 0
