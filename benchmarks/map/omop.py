"""The public MIMIC-III → OMOP benchmark of ReMatch: hit@1/3/5 beside what has been published."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.map.gold import shared_data
from mapping.matching.generic import match
from mapping.matching.model import Column, Reference, Table

#: Published hit rates at 1, 3 and 5, in percent: table 3 of SCHEMORA (arXiv 2507.14376).
PUBLISHED: Final[dict[str, tuple[float, ...]]] = {
    "Matchmaker (language model, arXiv 2410.24105)": (62.20, 68.80, 71.10),
    "SCHEMORA (GPT-4.1, arXiv 2507.14376)": (54.25, 72.55, 80.39),
    "ReMatch (language model, arXiv 2403.01567)": (42.50, 63.80, 72.90),
    "LLM-DP": (29.59,),
    "whole target schema in one prompt": (23.53, 45.10, 62.09),
    "Jellyfish-13b": (15.36,),
    "SMAT, half of the pairs for training": (10.85,),
}


@dataclass(frozen=True)
class Hits:
    """Shares of the pairs whose right column is among the first 1, 3 and 5, from 0 to 1."""

    pairs: int
    at_1: float
    at_3: float
    at_5: float


def omop_hits() -> Hits | None:
    """Matches MIMIC-III to OMOP; None where the data is absent."""
    folder = shared_data() / "bench" / "mimic-omop"
    if not folder.is_dir():
        return None
    source = _tables(folder / "MIMIC_III_Schema.csv")
    target = _tables(folder / "OMOP_Schema.csv")
    known = {(table.name.lower(), column.name.lower()) for table in target for column in table.columns}
    found = {
        (table.lower(), column.lower()): [(one.target_table.lower(), one.target_column.lower()) for one in offered]
        for (table, column), offered in match(source, target, best=5).items()
    }
    places = []
    for row in _rows(folder / "MIMIC_to_OMOP_Mapping.csv"):
        right = (row["TGT_ENT"].lower(), row["TGT_ATT"].lower())
        offered = found.get((row["SRC_ENT"].lower(), row["SRC_ATT"].lower()))
        if right in known and offered is not None:
            places.append(offered.index(right) if right in offered else 99)
    count = max(1, len(places))
    return Hits(len(places), *(sum(place < limit for place in places) / count for limit in (1, 3, 5)))


def _tables(path: Path) -> list[Table]:
    by_name: dict[str, list[dict[str, str]]] = {}
    for row in _rows(path):
        by_name.setdefault(row["TableName"], []).append(row)
    return [
        Table(
            name, tuple(_column(row) for row in rows), description=rows[0]["TableDesc"],
            key=tuple(row["ColumnName"] for row in rows if row["IsPK"] == "YES"),
        )
        for name, rows in by_name.items()
    ]  # fmt: skip


def _column(row: dict[str, str]) -> Column:
    referred = row["FK"].strip("[] ").split(",")[0].strip()
    told = " ".join(filter(None, (row["ColumnDesc"], row.get("ETL Conventions"))))
    return Column(
        row["ColumnName"], type=row["ColumnType"], description=told, reference=Reference(referred) if referred else None
    )


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)
