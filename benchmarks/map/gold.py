"""The systems with hand-made maps that proposals are measured against."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from mapping.matching.model import NONE, Column, FieldProposal, Table
from mapping.matching.schema import read_schema
from mapping.objects import OBJECTS, ObjectName

REPOSITORY = Path(__file__).resolve().parent.parent.parent
#: Schemas with gold that nothing is fitted on, and no word of the lexicon was written for.
HELD_OUT = Path(__file__).parent / "held_out"
#: Schemas with gold that the fit uses beside the shared ones: other languages, other habits. A held-out system whose errors
#: led to new words belongs here from then on.
ALSO = Path(__file__).parent / "also"


@dataclass(frozen=True)
class Pair:
    """One field with the homes that count as right, as ``table.column``; ``none.none`` for none."""

    object: ObjectName
    source_field: str
    right: frozenset[str]
    first: str  #: the home the annotator put first


@dataclass(frozen=True)
class System:
    """A system's schema and its hand-made map."""

    name: str
    tables: list[Table]
    pairs: list[Pair]


def shared_data() -> Path:
    """The folder of shared data: CARRYOVER_SHARED_DATA, else beside the repository."""
    return Path(os.environ.get("CARRYOVER_SHARED_DATA") or REPOSITORY.parent / "shared" / "data")


def gold_systems() -> list[System]:
    """The shared systems with gold, by name; empty where the data is absent."""
    root = shared_data()
    return list(_systems(root / "schemas", root / "gold"))


def also_systems() -> list[System]:
    """The systems of this repository that the fit uses beside the shared ones."""
    return [written(path.stem, path.read_text("utf-8")) for path in sorted(ALSO.glob("*.txt"))]


def held_out_systems() -> list[System]:
    """The systems of this repository that nothing is fitted on."""
    return [written(path.stem, path.read_text("utf-8")) for path in sorted(HELD_OUT.glob("*.txt"))]


def written(name: str, text: str) -> System:
    """A system written as lines: ``== object table`` (its head table), ``-- object table``, ``field type = home | home``.

    Of several homes the first is the best one; the others count as right too.
    """
    tables: list[Table] = []
    pairs: list[Pair] = []
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if line[:3] in ("== ", "-- "):
            object, table = line[3:].split(" ", 1)
            assert object in OBJECTS, line
            tables.append(Table(table, (), (object,), main=line.startswith("==")))
            continue
        field, _, homes = line.partition(" = ")
        column, type_ = field.rsplit(" ", 1)
        last = tables[-1]
        tables[-1] = replace(last, columns=(*last.columns, Column(column, type_)))
        right = [_home(home.strip()) for home in homes.split("|")]
        pairs.append(Pair(last.objects[0], f"{last.name}.{column}", frozenset(right), right[0]))
    return System(name, tables, pairs)


def _systems(schemas: Path, golds: Path) -> Iterator[System]:
    for path in sorted(golds.glob("*.json")):
        tables = read_schema(json.loads((schemas / path.name).read_text("utf-8")))
        known = {f"{table.name}.{column.name}" for table in tables for column in table.columns}
        pairs = [_pair(one) for one in json.loads(path.read_text("utf-8"))]
        # Rows of key-value tables ("field_id=refer_date") are no fields of the schema.
        yield System(path.stem, tables, [pair for pair in pairs if pair.source_field in known])


def _pair(data: dict[str, object]) -> Pair:
    first = _home(f"{data['target_table']}.{data['target_column']}")
    also = data.get("also_acceptable") or ()
    assert isinstance(also, (list, tuple))
    return Pair(
        cast("ObjectName", data["object"]),
        str(data["source_field"]),
        frozenset([first, *(_home(str(one)) for one in also)]),
        first,
    )


def _home(name: str) -> str:
    return f"{NONE}.{NONE}" if name.split(".")[0] == NONE else name


def home_of(field: FieldProposal) -> str:
    """``table.column`` of a proposal."""
    return f"{field.target_table}.{field.target_column}"
