"""Matches two schemas nobody has told anything about: names, descriptions, types, keys and what refers to what.

Our own target has a lexicon of roles (``engine``); this serves any other catalog, given as tables. Which table is which is
settled together with which column is which: tables are alike when their columns are, and columns are likelier in a table
that is alike, or when they refer to tables that are.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from mapping.matching.kinds import kind_of
from mapping.matching.lexicon import words
from mapping.matching.model import Alternative, Column, Table
from mapping.matching.roles import mass
from mapping.matching.tokens import Reader

#: What each kind of likeness counts, of columns and of tables.
_NAME, _TOLD, _TYPE, _REFERS, _KEY, _TABLE = 1.0, 0.5, 0.12, 0.8, 0.15, 1.1
_TABLE_NAME, _TABLE_TOLD, _TABLE_COLUMNS = 1.0, 2.0, 1.2
#: How near a kin word comes to the word itself, and what a word tells that the table's name says already.
_KIN, _SAID = 0.75, 0.3
_ROUNDS = 2
#: Words that tell nothing in a description.
_EMPTY = words().empty


@dataclass(frozen=True, slots=True)
class _Column:
    table: int
    column: Column
    name: frozenset[str]
    told: dict[str, float]
    kind: str
    key: bool


@dataclass(frozen=True, slots=True)
class _Table:
    table: Table
    name: frozenset[str]
    told: dict[str, float]
    columns: tuple[_Column, ...]


def match(
    source: Sequence[Table], target: Sequence[Table], *, best: int = 5
) -> dict[tuple[str, str], list[Alternative]]:
    """For every (table, column) of the source the likeliest columns of the target, best first.

    Confidences are shares among the offered, no probabilities. "None" is not among them: what is left out is decided by
    whoever knows the target.
    """
    froms, tos = _prepare(source, target)
    likeness = [[_tables_alike(one, other) for other in tos] for one in froms]
    names = {
        (id(one), id(other)): _NAME * _names_alike(one.name, other.name, froms[one.table].name, tos[other.table].name)
        + _TOLD * _cosine(one.told, other.told)
        + _TYPE * _types_alike(one.kind, other.kind)
        + _KEY * (one.key and other.key)
        for table in froms
        for one in table.columns
        for to in tos
        for other in to.columns
    }
    scores = names
    for _ in range(_ROUNDS):
        likeness = [
            [_tables_alike(one, other) + _TABLE_COLUMNS * _columns_alike(one, other, scores) for other in tos]
            for one in froms
        ]
        likeness = [_shares(row) for row in likeness]
        scores = _with_references(froms, tos, names, likeness)
    found: dict[tuple[str, str], list[Alternative]] = {}
    for at, table in enumerate(froms):
        for column in table.columns:
            ranked = sorted(
                (
                    (scores[id(column), id(other)] + _TABLE * likeness[at][place], to.table.name, other.column.name)
                    for place, to in enumerate(tos)
                    for other in to.columns
                ),
                key=lambda one: (-one[0], one[1:]),
            )[:best]
            total = sum(score for score, *_ in ranked) or 1.0
            found[table.table.name, column.column.name] = [
                Alternative(name, other_name, round(score / total, 4)) for score, name, other_name in ranked
            ]
    return found


def _prepare(source: Sequence[Table], target: Sequence[Table]) -> tuple[list[_Table], list[_Table]]:
    reader = Reader()
    texts = [
        Counter(_told(reader, text))
        for table in (*source, *target)
        for text in (f"{table.name} {table.description}", *(f"{one.name} {one.description}" for one in table.columns))
    ]
    seen = Counter(word for text in texts for word in text)
    rare = {word: math.log((1 + len(texts)) / (1 + count)) for word, count in seen.items()}

    def vector(text: str) -> dict[str, float]:
        counts = Counter(_told(reader, text))
        raw = {word: (1 + math.log(count)) * rare[word] for word, count in counts.items()}
        length = math.sqrt(sum(value * value for value in raw.values())) or 1.0
        return {word: value / length for word, value in raw.items()}

    def prepared(tables: Sequence[Table]) -> list[_Table]:
        return [
            _Table(
                table,
                frozenset(reader.read(table.name)),
                vector(f"{table.name} {table.name} {table.description}"),
                tuple(
                    _Column(
                        place, column, frozenset(reader.read(column.name)),
                        vector(f"{column.name} {column.name} {column.description}"),
                        kind_of(column), column.name in table.key,
                    )
                    for column in table.columns
                ),
            )
            for place, table in enumerate(tables)
        ]  # fmt: skip

    return prepared(source), prepared(target)


def _told(reader: Reader, text: str) -> Iterable[str]:
    kin = _kin()
    for word in text.replace("-", " ").split()[:60]:
        for plain in reader.read(word):
            if plain not in _EMPTY and len(plain) > 1:
                yield plain
                yield from (f"~{group}" for group in kin.get(plain, ()))


@cache
def _kin() -> dict[str, frozenset[int]]:
    """Word -> the groups of near words it is in."""
    found: dict[str, set[int]] = {}
    for group, members in enumerate(words().kin):
        for word in members:
            found.setdefault(word, set()).add(group)
    return {word: frozenset(groups) for word, groups in found.items()}


def _near(word: str, others: frozenset[str]) -> float:
    if word in others:
        return 1.0
    groups = _kin().get(word)
    if groups and any(groups & _kin().get(other, frozenset()) for other in others):
        return _KIN
    return 0.0


def _names_alike(one: frozenset[str], other: frozenset[str], said: frozenset[str], other_said: frozenset[str]) -> float:
    """How far two names share words, from 0 to 1; what a table's name says already counts little."""

    def covered(left: frozenset[str], right: frozenset[str], said: frozenset[str]) -> float:
        total = shared = 0.0
        for word in left:
            weight = mass((word,)) * (_SAID if word in said else 1.0)
            total += weight
            shared += weight * _near(word, right)
        return shared / total if total else 0.0

    there, back = covered(one, other, said), covered(other, one, other_said)
    return 2 * there * back / (there + back) if there + back else 0.0


def _cosine(one: dict[str, float], other: dict[str, float]) -> float:
    small, large = (one, other) if len(one) < len(other) else (other, one)
    return sum(value * large.get(word, 0.0) for word, value in small.items())


_NUMBERS = frozenset(("integer", "decimal", "money"))
_DATES = frozenset(("date", "datetime", "time"))
_TEXTS = frozenset(("text", "long_text"))


def _types_alike(one: str, other: str) -> float:
    if one == other:
        return 1.0
    for family in (_DATES, _NUMBERS, _TEXTS):
        if (one in family) != (other in family):
            # A code may be a number here and a text there; a date is always a date.
            return -3.0 if family is _DATES else -0.5
    return 0.5


def _tables_alike(one: _Table, other: _Table) -> float:
    none: frozenset[str] = frozenset()
    return _TABLE_NAME * _names_alike(one.name, other.name, none, none) + _TABLE_TOLD * _cosine(one.told, other.told)


def _columns_alike(one: _Table, other: _Table, scores: dict[tuple[int, int], float]) -> float:
    best = [max(scores[id(column), id(to)] for to in other.columns) for column in one.columns]
    return sum(best) / max(1, len(best))


def _shares(row: list[float]) -> list[float]:
    """Likeness beside that of the best table: 1 for the best."""
    most = max(row) or 1.0
    return [max(0.0, value / most) ** 3 for value in row]


def _with_references(
    froms: list[_Table], tos: list[_Table], names: dict[tuple[int, int], float], likeness: list[list[float]]
) -> dict[tuple[int, int], float]:
    """Adds what references say: a column that refers to a table fits one that refers to the table it is like."""
    place_from = {table.table.name.lower(): at for at, table in enumerate(froms)}
    place_to = {table.table.name.lower(): at for at, table in enumerate(tos)}
    scores = dict(names)
    for table in froms:
        for column in table.columns:
            if column.column.reference is None:
                continue
            at = place_from.get(column.column.reference.table.lower())
            if at is None:
                continue
            for to in tos:
                for other in to.columns:
                    pointed = other.column.reference
                    place = place_to.get(pointed.table.lower()) if pointed else None
                    if place is None and other.key:
                        place = other.table
                    if place is not None:
                        scores[id(column), id(other)] += _REFERS * likeness[at][place]
    return scores
