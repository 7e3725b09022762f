"""Keys of datasets and references between them, from the values of the samples and the names of the columns."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final

import duckdb

from sources.profiling.fields import Loaded
from sources.profiling.model import DatasetDocument, FieldProfile, Reference
from sources.profiling.names import meanings, says_id, words

#: A key may have this share of duplicates or empty cells: exports are not clean.
_FLAWS: Final = 0.1
#: Share of a column's different values that must be ids of the other dataset: with a name that says so, and without.
_NAMED: Final = 0.5
_NAMELESS: Final = 0.9
#: Without a name that says so, this many different values must agree.
_ENOUGH: Final = 3
_LONGEST_ID: Final = 100
#: Columns that are tried in twos and threes where no single one is a key.
_TRIED: Final = 6

Tables = Mapping[str, Loaded]


def find_keys(db: duckdb.DuckDBPyConnection, documents: Sequence[DatasetDocument], tables: Tables) -> None:
    """Sets ``key``, ``duplicates`` and ``missing`` of each document."""
    for one in documents:
        scored = [(_key_score(one, place, tables[one.name].rows), -place) for place in range(len(one.fields))]
        score, place = max(scored, default=(0.0, 0))
        if score > 0:
            best = one.fields[-place]
            one.key, one.missing, one.duplicates = [best.name], best.empty, best.filled - best.distinct
        else:
            one.key = _several(db, one, tables[one.name])


def _key_score(one: DatasetDocument, place: int, rows: int) -> float:
    """How much a column looks like the key; 0 when it cannot be one."""
    field = one.fields[place]
    if field.nested or not field.filled or field.dates or field.max_length > _LONGEST_ID:
        return 0
    if field.filled < (1 - _FLAWS) * rows or field.distinct < (1 - _FLAWS) * field.filled:
        return 0
    called = says_id(field.name)
    if not called and (field.type in ("decimal", "memo") or field.share("email") > 0.5 or field.share("phone") > 0.5):
        return 0
    if not called and (place or not field.unique):
        return 0
    own = bool(meanings(field.name) & meanings(one.name)) or not meanings(field.name)
    return 1.0 + 2.0 * (called and own) + 0.6 * called + 0.4 * (place == 0) + 0.4 * field.unique


def _several(db: duckdb.DuckDBPyConnection, one: DatasetDocument, loaded: Loaded) -> list[str]:
    """Two or three columns that together tell rows apart; [] when none do."""
    likely = [field for field in one.fields if not field.nested and field.distinct > 1 and not field.empty]
    likely = sorted(likely, key=lambda field: (not says_id(field.name), not field.dates, -field.distinct))[:_TRIED]
    for size in (2, 3):
        for chosen in combinations(likely, size):
            cells = ", ".join(loaded.cells[field.name] for field in chosen)
            found = db.execute(f"SELECT count(*) FROM (SELECT DISTINCT {cells} FROM {loaded.table})").fetchone()
            if found and found[0] == loaded.rows:
                return [field.name for field in chosen]
    return []


def find_references(db: duckdb.DuckDBPyConnection, documents: Sequence[DatasetDocument], tables: Tables) -> None:
    """Sets ``reference`` of each column whose values are ids of a dataset (its own included: a parent's)."""
    by_name = {one.name: one for one in documents}
    db.execute("CREATE OR REPLACE TEMP TABLE keys (dataset VARCHAR, v VARCHAR)")
    db.execute("CREATE OR REPLACE TEMP TABLE used (dataset VARCHAR, field VARCHAR, v VARCHAR)")
    for one in documents:
        loaded = tables[one.name]
        if len(one.key) == 1:
            cell = loaded.cells[one.key[0]]
            db.execute(f"INSERT INTO keys SELECT DISTINCT $name, {cell} FROM {loaded.table}", {"name": one.name})
        for field in one.fields:
            if _may_refer(one, field):
                db.execute(
                    f"INSERT INTO used SELECT DISTINCT $name, $field, {_value(field, loaded)} FROM {loaded.table}",
                    {"name": one.name, "field": field.name},
                )
    found = db.execute(
        "WITH counted AS (SELECT dataset, field, count(v) AS n FROM used GROUP BY ALL)"
        " SELECT used.dataset, used.field, keys.dataset, count(*), any_value(counted.n) FROM used JOIN keys USING (v)"
        " JOIN counted ON counted.dataset = used.dataset AND counted.field = used.field"
        " WHERE v != '' GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    best: dict[tuple[str, str], float] = {}
    for dataset, name, parent, shared, distinct in found:
        field = next(one for one in by_name[dataset].fields if one.name == name)
        weight, reference = _reference(by_name[dataset], field, by_name[parent], int(shared), int(distinct))
        if weight > best.get((dataset, name), 0.0):
            best[dataset, name] = weight
            field.reference = reference


def _value(field: FieldProfile, loaded: Loaded) -> str:
    """SQL of the values that may be ids: the cell, or each part of it, up to a colon (``0001:attended``)."""
    cell = loaded.cells[field.name]
    if not field.separator:
        return cell
    separator = field.separator.replace("'", "''")
    return f"trim(split_part(unnest(string_split({cell}, '{separator}')), ':', 1))"


def _may_refer(one: DatasetDocument, field: FieldProfile) -> bool:
    if not field.filled or field.nested or field.type not in ("text", "integer", "decimal") or [field.name] == one.key:
        return False
    return field.max_length <= _LONGEST_ID or bool(field.separator)


def _reference(
    child: DatasetDocument, field: FieldProfile, parent: DatasetDocument, shared: int, distinct: int
) -> tuple[float, Reference | None]:
    """The reference with its weight; 0 when values or names speak against it."""
    # Of a parent that was sampled only a part of the ids is known: what is found of them stands for the whole.
    known = parent.sample.stride * (1 if parent.sample.whole else 2)
    share = min(1.0, shared * known / max(distinct, 1))
    key = parent.key[0]
    same = words(field.name) == words(key) and bool(meanings(key))
    of_parent = meanings(parent.name)
    spoken = meanings(field.name) & of_parent
    named = same or bool(spoken or meanings(field.name) & meanings(key))
    if child is parent and "parent" in words(field.name):
        named = True
    if share < (_NAMED if named else _NAMELESS):
        return 0.0, None
    if not named and (shared < _ENOUGH or _plain_numbers(field)):
        return 0.0, None
    if child is parent and not named:
        return 0.0, None
    # Of party_party and party_address, a column called party means the one that is about nothing else.
    weight = share + 1.0 * named + 1.0 * same + 0.5 * len(spoken) / max(len(of_parent), 1)
    each = bool(field.separator)
    return weight, Reference(dataset=parent.name, column=key, share=round(share, 4), named=named, each=each)


def _plain_numbers(field: FieldProfile) -> bool:
    """Small numbers: every table's running number agrees with them."""
    return field.type in ("integer", "decimal") and field.max_length < 6 and not field.share("leading_zero")
