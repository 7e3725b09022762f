"""Values of the source that no option of their choice answers: where each lands as the map stands, in how many records."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from dataclasses import field as member
from typing import Any, Final

from activities.scope import merged
from ledger.migrations import Migration
from ledger.storage import Storage
from mapping.landing import landing
from mapping.model import ClinicMap, FieldMap
from mapping.schema import Schema, SchemaColumn
from reports.masking import mask
from services.history import fields_of
from services.source import by_count, counted
from sources.inventory import MAX_VALUES, ValueCounts

#: Transforms that look a value up among options.
_CHOOSING: Final = ("choice", "choices")


@dataclass(frozen=True, slots=True)
class Unanswered:
    """One value of one field. It is a patient's data."""

    key: str  #: the field's place
    object: str
    field: FieldMap
    column: SchemaColumn
    value: str
    records: int
    lands: str | None  #: the default that takes it; None: an exception of its field


@dataclass(slots=True)
class Found:
    """Every value of a mapped choice that its map does not name, in the map's order, most frequent first."""

    values: list[Unanswered] = member(default_factory=list)
    #: Fields of too many different values to know them, as ``object.source``.
    uncounted: list[str] = member(default_factory=list)


async def unanswered(store: Storage, migration: Migration, clinic_map: ClinicMap, schema: Schema) -> Found:
    """Such values of the latest reading of the source, so that one seen later for the first time is among them."""
    inventory = await merged(store, {"migration": migration.id, "snapshot": migration.snapshot})
    found = Found()
    for key, name, table, field in fields_of(clinic_map):
        column, counts = _choice(schema, table, field), counted(inventory, name, field.source)
        if column is None or counts is None:
            continue
        if counts.options is None and (named := f"{name}.{field.source}") not in found.uncounted:
            found.uncounted.append(named)
        found.values += _unanswered(key, name, field, column, counts)
    return found


def summed(found: Found) -> dict[str, Any]:
    """Counts of both kinds: values that are refused and values that a default takes, with the records of each (a record
    counts once for each of its values); the fields whose values were not counted; ``said``: the same in words."""
    values, records = Counter(one.lands is None for one in found.values), Counter[bool]()
    for one in found.values:
        records[one.lands is None] += one.records
    return {
        "refused": values[True], "refused_records": records[True],
        "default": values[False], "default_records": records[False],
        "uncounted": found.uncounted, "said": _said(values, records, found.uncounted),
    }  # fmt: skip


def shown(one: Unanswered, *, revealed: bool) -> dict[str, Any]:
    """One of them as a program reads it; its value masked for those who may not see it."""
    return {
        "field": one.key, "object": one.object, "source": one.field.source, "column": one.column.plain,
        "value": one.value if revealed else mask(one.value), "records": one.records, "default": one.lands,
    }  # fmt: skip


def _said(values: Counter[bool], records: Counter[bool], uncounted: Sequence[str]) -> str:
    kinds = ((True, "Without an option, to be listed as exceptions"), (False, "Taken by a default"))
    said = [
        f"{words}: {_number(values[kind], 'value')} in {_number(records[kind], 'record')}."
        for kind, words in kinds
        if values[kind]
    ]
    if uncounted:
        said.append(f"Of more than {MAX_VALUES} different values, not looked at: {', '.join(uncounted)}.")
    return " ".join(said)


def _number(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _choice(schema: Schema, table: str, field: FieldMap) -> SchemaColumn | None:
    target = schema.tables.get(table)
    wanted = field.status != "ignored" and field.transform in _CHOOSING and field.review != "redact"
    return target.columns.get(field.column) if target and wanted and field.column else None


def _unanswered(
    key: str, name: str, field: FieldMap, column: SchemaColumn, counts: ValueCounts
) -> Iterator[Unanswered]:
    lands = landing(field, column.options)
    for value, records in by_count(counts).items():
        if value.strip() and (where := lands(value)) != "answered":
            default = str(field.args["default"]) if where == "default" else None
            yield Unanswered(key, name, field, column, value, records, default)
