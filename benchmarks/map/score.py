"""Scores of a proposal against gold: accuracy at 1 and at 3, precision where it says it is sure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from rapidfuzz import fuzz

from benchmarks.map.gold import System, home_of
from mapping.matching.engine import propose
from mapping.matching.roles import Candidate, roles
from mapping.matching.weigher import Model
from mapping.objects import ObjectName

#: From here on a proposal counts as sure.
SURE = 0.9


@dataclass(frozen=True)
class Score:
    """Shares of a system's gold pairs, from 0 to 1."""

    system: str
    pairs: int
    at_1: float
    at_3: float
    sure: float  #: proposed with more than 0.9
    sure_right: float  #: of those, how many are right
    baseline_at_1: float  #: the nearest name by rapidfuzz, none below its best threshold
    baseline_at_3: float
    objects: float  #: tables taken for the right object when the schema does not say which feeds which

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def score(system: System, model: Model | None = None) -> Score:
    """Proposes for a system and holds the answer against its gold."""
    found = {(one.object, one.source_field): one for one in propose(system.tables, model).fields}
    first = third = sure = sure_right = 0
    for pair in system.pairs:
        field = found[pair.object, pair.source_field]
        right = home_of(field) in pair.right
        offered = [f"{one.target_table}.{one.target_column}" for one in field.alternatives[:2]]
        first += right
        third += right or any(one in pair.right for one in offered)
        sure += field.confidence > SURE
        sure_right += right and field.confidence > SURE
    base_1, base_3 = _baseline(system)
    count = max(1, len(system.pairs))
    return Score(
        system.name,
        len(system.pairs),
        first / count,
        third / count,
        sure / count,
        sure_right / max(1, sure),
        base_1,
        base_3,
        _objects(system),
    )


def _objects(system: System) -> float:
    told: dict[str, set[ObjectName]] = {}
    for table in system.tables:
        told.setdefault(table.name, set()).update(table.objects)
    spoken_of = {pair.source_field for pair in system.pairs}
    plain = {table.name: replace(table, objects=(), main=False) for table in system.tables}
    asked = [
        one.table for one in propose(list(plain.values())).tables
        if any(f"{one.table}.{column.name}" in spoken_of for column in plain[one.table].columns)
        and one.object in told[one.table]
    ]  # fmt: skip
    tables = [one for one in plain.values() if any(f"{one.name}.{column.name}" in spoken_of for column in one.columns)]
    return len(asked) / max(1, len(tables))


def _columns() -> Mapping[ObjectName, list[Candidate]]:
    found: dict[ObjectName, dict[str, Candidate]] = {}
    for role in roles().values():
        if role.object is not None:
            found.setdefault(role.object, {}).update({one.name: one for one in role.candidates if not one.extra})
    return {name: list(own.values()) for name, own in found.items()}


def _baseline(system: System) -> tuple[float, float]:
    """What likeness of names alone gives: the object's columns ranked by rapidfuzz, none below a threshold.

    The threshold is the best one for this very system, which flatters the baseline.
    """
    columns = _columns()
    ranked: list[tuple[frozenset[str], list[tuple[float, str]]]] = []
    for pair in system.pairs:
        field = pair.source_field.split(".", 1)[1]
        likeness = sorted(
            ((fuzz.WRatio(field.lower(), one.column.lower()), one.name) for one in columns.get(pair.object, [])),
            reverse=True,
        )
        ranked.append((pair.right, likeness[:3]))
    best = (0.0, 0.0)
    for threshold in range(0, 101, 5):
        first = third = 0
        for right, likeness in ranked:
            answers = [name for value, name in likeness if value >= threshold]
            answers = [*answers, "none.none"][:3] if answers else ["none.none"]
            first += answers[0] in right
            third += any(answer in right for answer in answers)
        best = max(best, (first / max(1, len(ranked)), third / max(1, len(ranked))))
    return best
