"""Which table is which object: by its name, by what its columns are called, and by where the source's schema lists it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from mapping.matching.compare import Index, agreement
from mapping.matching.roles import Role, roles
from mapping.matching.views import TableView

#: How much a table's name, its columns and its place say. Found on the gold systems, each left out in turn.
_NAME, _COLUMNS, _HEAD, _DETAIL = 5.0, 6.0, 2.5, -0.5
#: Of how many columns a role is taken to have at least and at most, when a share of them is told.
_FEW, _MANY = 6, 20


@dataclass(frozen=True, slots=True)
class Taken:
    """What a table is taken for."""

    role: Role
    confidence: float
    by_name: float  #: agreement of the table's name with the role's, 0 to 1
    by_columns: float  #: share of its columns that the role knows, 0 to 1


@cache
def column_index(role: str) -> Index:
    """The phrases of a role's columns, by ``table.column``."""
    return Index.of((one.name, one.phrases) for one in roles()[role].candidates)


def take(view: TableView, allowed: Iterable[Role]) -> list[Taken]:
    """The roles a table may play, likeliest first. Confidences add up to 1."""
    scored: list[tuple[float, Role, float, float]] = []
    for role in allowed:
        by_name = max((agreement(view.words, one, frozenset()) for one in role.tables), default=0.0)
        by_columns = _known_columns(view, role)
        score = _NAME * by_name + _COLUMNS * by_columns
        if view.table.objects:
            score += _HEAD if role.head and view.table.main else _DETAIL if role.head else 0.0
        scored.append((score, role, by_name, by_columns))
    if not scored:
        return []
    most = max(score for score, *_ in scored)
    total = sum(math.exp(score - most) for score, *_ in scored)
    scored.sort(key=lambda one: -one[0])
    return [Taken(role, math.exp(score - most) / total, name, known) for score, role, name, known in scored]


def _known_columns(view: TableView, role: Role) -> float:
    if not role.candidates or not view.fields:
        return 0.0
    index = column_index(role.name)
    found: dict[str, float] = {}
    said = view.said | role.about
    for field in view.fields:
        best = index.best(field.spoken, said)
        if best:
            name, score = max(best.items(), key=lambda one: (one[1], one[0]))
            if score > 0.6:
                found[name] = max(found.get(name, 0.0), score)
    # Different columns that the table fills, of those the role has and of those the table has.
    kinds = sum(found.values())
    return kinds / math.sqrt(len(view.fields) * max(_FEW, min(_MANY, len(role.candidates))))
