"""Plans of patients from records, receipts and what an earlier run listed, as the tests of plans make them."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from activities.current import fold
from activities.holding import Chosen
from activities.mapped import as_row, write_index
from activities.planning import WRITES, Plan, read_part
from ledger.chunks import write_records
from ledger.exceptions import ExceptionRow
from ledger.receipts import Receipt, write_parquet
from mapping.record import MappedRecord


def mapped(key: str, **more: Any) -> MappedRecord:
    base: dict[str, Any] = {"table": "contact", "hash": f"h-{key}", "row_key": f"s.patient.{key}"}
    return MappedRecord(source_id=key, source_key=f"s.patient.{key}", **(base | more))


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


@dataclass
class Planned:
    """What came of planning patients."""

    summary: dict[str, Any]
    rows: list[dict[str, Any]]  #: of every part, in order
    excepted: list[Any]
    properties: list[Any]

    @property
    def actions(self) -> dict[str, str]:
        return {row["source_id"]: row["action"] for row in self.rows}


def plan(
    folder: Path,
    *buckets: list[MappedRecord],
    receipts: dict[str, list[Receipt]] | None = None,
    wanted: tuple[str, ...] = WRITES,
    keep_old: bool = True,
    matches: list[dict[str, Any]] | None = None,
    keep_owner: bool = True,
    merges: bool = False,
    chosen: Iterable[str] | None = None,
    listed: Iterable[ExceptionRow] = (),
) -> Planned:
    """Plan patients, bucket by bucket, over these receipts. ``chosen``: causes of a retry, of what was ``listed`` before."""
    (folder / "index").mkdir()
    for number, records in enumerate(buckets):
        label = f"b{number:04d}"
        chunk = folder / f"{label}-00000.ndjson.gz"
        write_records(chunk, (as_row(r, f"{label}-00000", pos, r.source_id) for pos, r in enumerate(records)))
        write_index([chunk], folder / "index" / f"{label}.parquet")
    for name in ("location", "practitioner", "patient"):
        parts = folder / name
        (parts / name).mkdir(parents=True)
        write_parquet(parts / name / "migrate-0001.00000.parquet", name, (receipts or {}).get(name, []))
        fold(parts, name, folder / "current" / f"{name}.parquet", "keys")
        if name == "patient" and keep_old:
            (parts / "whole").rename(folder / "old.parquet")
    if matches is not None:
        write_records(folder / "matches" / "b0000.ndjson.gz", matches[:1])
        write_records(folder / "matches" / "b0001.ndjson.gz", matches[1:])
    parents = {"location", "practitioner"}
    given: dict[str, Any] = {"wanted": wanted, "parents": parents, "keep_owner": keep_owner, "merges": merges}
    if chosen is not None:
        given["chosen"] = Chosen.of("patient", chosen)
        write_records(folder / "listed" / "plan-b0000.ndjson.gz", map(asdict, listed))
    with Plan(folder, "patient", **given) as made:
        slices = list(made.slices())
        summary = made.summary(gone=True)
    rows = [row for one in slices for path in one.parts.values() for row in read_part(path).values()]
    excepted, properties = (
        [row for one in slices for row in getattr(one, kind)] for kind in ("excepted", "properties")
    )
    return Planned(summary, rows, excepted, properties)
