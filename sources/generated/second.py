"""A second look at the matcher's homes, with what only the data knows: references, values in use, whose name fits best.

It fills columns that are still free: links from references, columns whose own name, label or synonym is just what a
field is called, and the state from columns whose words say that a row is out of use.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

from mapping.catalog import load_catalog
from mapping.catalog.model import CatalogColumn
from mapping.matching.model import NONE, FieldProposal
from mapping.objects import ObjectName
from sources.generated.routes import TABLES
from sources.generated.sql import deleted_field
from sources.generated.ways import INACTIVE
from sources.profiling.model import DatasetDocument, FieldProfile
from sources.profiling.names import ID_WORDS, words

#: The matcher is followed from here on, even where another column is called just so.
_SURE: Final = 0.99
#: Confidence of homes found here.
_BY_REFERENCE: Final = 0.8
_BY_NAME: Final = 0.75
_BY_SYNONYM: Final = 0.65

#: Words that do not tell columns apart.
_STOP: Final = frozenset(("of", "the", "for", "is", "and", "a", "in", "clinic", "record"))
_WHEN: Final = frozenset(("date", "time", "datetime", "on", "at", "timestamp", "day"))
_FORM: Final = frozenset(("html", "text", "rtf", "txt", "plain", "name"))
#: Fields about the row itself: they give way to every other.
_ABOUT_ROWS: Final = frozenset(("created", "updated", "modified", "entered", "inserted"))
_ENDINGS: Final = ("ation", "ment", "ing", "age", "ies", "ed", "er", "al", "s", "e")
_STATE_WORDS: Final = frozenset(("status", "active", "inactive", "enabled", "disabled", "archived", "retired"))
#: Columns that nothing of the source fills directly.
_NEVER: Final = frozenset(
    ("SourceKey", "SourceSystem", "SourceOwnerStatus", "importsequencenumber", "ContactKind", "DEASchedule")
)


Columns = Mapping[str, CatalogColumn]


def second_look(
    document: DatasetDocument, name: ObjectName, proposed: Sequence[FieldProposal], objects: dict[str, ObjectName],
    besides: frozenset[str] = frozenset(),
) -> list[FieldProposal]:  # fmt: skip
    """The proposals of one head, every column filled by at most one field.

    Args:
        objects: dataset -> the object whose head it is.
        besides: columns that this dataset fills none of.
    """
    if name not in TABLES:
        return list(proposed)
    columns = {plain: column for plain, column in _columns(name).items() if plain not in besides}
    found = {one.column: one for one in proposed if one.object == name}
    gone = deleted_field(document)
    fields = [field for field in document.fields if field.name in found and field is not gone and field.filled]
    for one in proposed:
        if one.object == name and one.target_column in besides:
            found[one.column] = replace(one, target_table=NONE, target_column=NONE, reason="another object's column")
    free = _one_each(fields, found, columns, name, objects)
    _links(fields, found, free, columns, name, objects)
    _names(fields, found, free, columns, name, document)
    _states(fields, found, name)
    return list(found.values())


def _columns(name: ObjectName) -> dict[str, CatalogColumn]:
    """The columns that records of an object may fill: its table's, and an opportunity's for referrals."""
    catalog = load_catalog()
    table = TABLES[name][0]
    if table not in catalog.tables:
        return {}
    columns = dict(catalog.tables[table].columns)
    if name == "referral":
        for column in ("estimatedvalue", "estimatedclosedate"):
            columns[column] = catalog.tables["opportunity"].columns[column]
    return {
        plain: column
        for plain, column in columns.items()
        if plain not in _NEVER and column.type not in ("owner", "status", "file", "uniqueidentifier", "state")
    }


def _table_of(name: ObjectName, column: str) -> str:
    return "opportunity" if name == "referral" and column.startswith("estimated") else TABLES[name][0]


def _one_each(
    fields: Iterable[FieldProfile], found: dict[str, FieldProposal], columns: Columns, name: ObjectName,
    objects: dict[str, ObjectName],
) -> set[str]:  # fmt: skip
    """Leaves each column to the field that fits it best, the others without a home; the columns that stay free."""
    takers: dict[str, list[FieldProfile]] = {}
    for field in fields:
        target = columns.get(found[field.name].target_column)
        if target is None:
            continue
        points_at = objects.get(field.reference.dataset) if field.reference and not field.reference.each else None
        if target.type == "lookup" and points_at != target.object:
            _free(field, found, f"{target.label} is a link, and its values are no ids of {target.object} records")
        else:
            takers.setdefault(target.name, []).append(field)
    for column, some in takers.items():
        some.sort(
            key=lambda field: (
                bool(_ABOUT_ROWS & set(words(field.name))),
                -_likeness(field, columns[column], name),
                -found[field.name].confidence,
            )
        )
        for field in some[1:]:
            _free(field, found, f"{columns[column].label} is filled from {some[0].name}")
    return set(columns) - set(takers)


def _free(field: FieldProfile, found: dict[str, FieldProposal], reason: str) -> None:
    found[field.name] = replace(found[field.name], target_table=NONE, target_column=NONE, reason=reason)


def _links(
    fields: Iterable[FieldProfile], found: dict[str, FieldProposal], free: set[str], columns: Columns,
    name: ObjectName, objects: dict[str, ObjectName],
) -> None:  # fmt: skip
    """Ids of other records fill the free link to them."""
    for field in fields:
        target = objects.get(field.reference.dataset) if field.reference and not field.reference.each else None
        if target is None or {"by", "owner"} & set(words(field.name)):
            continue
        taken = columns.get(found[field.name].target_column)
        if taken is not None and taken.type == "lookup" and taken.object == target:
            continue
        fitting = [
            one for one in columns.values() if one.name in free and one.type == "lookup" and one.object == target
        ]
        fitting = [one for one in fitting if one.name not in ("CarrierAccount", "primarycontactid", "parentcontactid")]
        if fitting:
            best = max(fitting, key=lambda one: _likeness(field, one, name))
            _give(field, best, found, free, name, _BY_REFERENCE, f"its values are ids of {target} records")


def _names(
    fields: Iterable[FieldProfile], found: dict[str, FieldProposal], free: set[str], columns: Columns,
    name: ObjectName, document: DatasetDocument,
) -> None:  # fmt: skip
    """Fields that are called just as a free column is."""
    about = frozenset(map(_stem, (*words(name), *words(document.name))))
    for least in (2, 1):
        for field in fields:
            one = found[field.name]
            called_so = one.target_column in columns and _likeness(field, columns[one.target_column], name, about) > 0
            new = one.target_column.startswith("custom:")
            # A new column is for patients; what another record has beyond the target's columns is looked at once more.
            if one.migrated and (called_so or (new and name == "patient") or (one.confidence >= _SURE and not new)):
                continue
            ranked = [
                (likeness, column)
                for column in columns.values()
                if column.name in free and _holds(column, field)
                and (likeness := _likeness(field, column, name, about)) >= least
            ]  # fmt: skip
            if ranked:
                likeness, best = max(ranked, key=lambda each: each[0])
                if one.migrated and one.target_column in columns:
                    free.add(one.target_column)
                confidence = _BY_NAME if likeness == 2 else _BY_SYNONYM
                _give(field, best, found, free, name, confidence, f"it is called as {best.label} is")


def _give(
    field: FieldProfile, column: CatalogColumn, found: dict[str, FieldProposal], free: set[str], name: ObjectName,
    confidence: float, reason: str,
) -> None:  # fmt: skip
    free.discard(column.name)
    table = _table_of(name, column.name)
    found[field.name] = replace(
        found[field.name], target_table=table, target_column=column.name, confidence=confidence, reason=reason,
        values=None, unanswered=(), custom=None, junction=False,
    )  # fmt: skip


def _states(fields: Iterable[FieldProfile], found: dict[str, FieldProposal], name: ObjectName) -> None:
    """A column that says whether a row is in use decides its state, where nothing else does."""
    table = load_catalog().tables.get(TABLES[name][0])
    if (
        table is None
        or "statecode" not in table.columns
        or any(one.target_column == "statecode" for one in found.values())
    ):
        return
    for field in fields:
        one = found[field.name]
        tells = any(INACTIVE.match(value) for value in field.values or {}) or field.type == "boolean"
        if not one.migrated and tells and field.values and _STATE_WORDS & set(words(field.name)):
            reason = "its words say whether the row is in use"
            found[field.name] = replace(
                one, target_table=table.name, target_column="statecode", confidence=_BY_SYNONYM, reason=reason
            )
            return


def _holds(column: CatalogColumn, field: FieldProfile) -> bool:
    """Whether a column can hold what a field has."""
    match column.type:
        case "date" | "datetime":
            return bool(field.dates)
        case "integer":
            return field.type == "integer" or column.name == "Duration"
        case "decimal" | "money":
            return field.type in ("integer", "decimal") or field.share("money") > 0.5
        case "boolean":
            return field.type == "boolean" or (field.type == "integer" and field.distinct <= 2)
        case "choice" | "choices":
            return not field.dates and field.distinct <= 100
        case "text" | "memo":
            return not field.dates
        case _:
            return False


def _likeness(field: FieldProfile, column: CatalogColumn, name: ObjectName, about: frozenset[str] = frozenset()) -> int:
    """2: the field is called as the column's name or label is; 1: as one of its synonyms; 0: neither."""
    drop = _WHEN if column.type in ("date", "datetime") else ID_WORDS if column.type == "lookup" else frozenset[str]()
    besides = about or frozenset(map(_stem, words(name)))
    called = _said(field.name, drop, besides)
    if any(called == _said(phrase, drop, besides) for phrase in (column.name, column.label)):
        return 2
    return int(any(called == _said(phrase, drop, besides) for phrase in column.synonyms))


@lru_cache(maxsize=1 << 14)
def _said(phrase: str, drop: frozenset[str], besides: frozenset[str]) -> frozenset[str]:
    """The words that tell what a name is about."""
    left = {_stem(word) for word in words(phrase) if word not in _STOP and word not in drop}
    told = left - besides - {_stem(word) for word in _FORM}
    return frozenset(told or left)


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
