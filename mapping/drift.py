"""What changed in a source since the one before it, as far as a map cares: columns, choice values, lengths, properties.

Pure: two inventories in, lines for people out.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from mapping.catalog import build_schema
from mapping.landing import landing
from mapping.model import ClinicMap, FieldMap
from mapping.properties import PREFIX
from mapping.schema import SchemaColumn
from mapping.trim import used_fields

#: What a line about a mapped field is called.
MAPPED: Final = "mapped field"
#: Values that one line lists.
_LISTED: Final = 10


class Inventory(BaseModel):
    """What is remembered of a source."""

    model_config = ConfigDict(extra="forbid")

    columns: dict[str, list[str]] = Field(default_factory=dict)  #: dataset -> columns of its files
    unread: dict[str, list[str]] = Field(default_factory=dict)  #: of those, the ones that the profile does not declare
    values: dict[str, list[str]] = Field(default_factory=dict)  #: ``object.field`` of a choice -> its values
    lengths: dict[str, int] = Field(default_factory=dict)  #: ``object.field`` -> longest text
    properties: dict[str, str] = Field(default_factory=dict)  #: custom patient property -> type of its values

    def kept(self, clinic_map: ClinicMap) -> "Inventory":
        """The same without values of fields that the map does not use."""
        used = {f"{name}.{field}" for name, fields in used_fields(clinic_map).items() for field in fields}
        return self.model_copy(update={"values": {key: one for key, one in self.values.items() if key in used}})


class Drift(NamedTuple):
    """One thing that changed. ``follows``: what comes of it."""

    what: str
    where: str
    before: str
    now: str
    follows: str


@dataclass(frozen=True, slots=True)
class _Target:
    field: FieldMap
    column: SchemaColumn


def compare(before: Inventory, now: Inventory, old: ClinicMap, new: ClinicMap) -> list[Drift]:
    """What changed. ``old`` and ``new``: the map before and after the new reading; the same one while it stands."""
    was, will = _targets(old), _targets(new)
    return [
        *_columns(before, now),
        *_properties(before, now),
        *_values(before, now, was, will),
        *_lengths(before, now, was, will),
    ]


def changed_fields(old: ClinicMap, new: ClinicMap) -> list[Drift]:
    """Mapped fields that are new, gone, or go another way: what asks for a new confirmation."""
    was, will = _ways(old), _ways(new)
    found = [Drift(MAPPED, key, "", will[key], "new in the map") for key in will.keys() - was.keys()]
    found += [Drift(MAPPED, key, was[key], "", "not in the map any more") for key in was.keys() - will.keys()]
    found += [
        Drift(MAPPED, key, was[key], will[key], "goes another way")
        for key in was.keys() & will.keys()
        if was[key] != will[key]
    ]
    return sorted(found, key=lambda one: one.where)


def _targets(clinic_map: ClinicMap) -> dict[str, list[_Target]]:
    """The columns that each field fills, by ``object.field``."""
    tables = build_schema(clinic_map).tables
    found: dict[str, list[_Target]] = {}
    for name, one in clinic_map.objects.items():
        for route in one.routes:
            columns = tables[route.table].columns if route.table in tables else {}
            for field in route.fields:
                if field.status != "ignored" and field.column in columns:
                    found.setdefault(f"{name}.{field.source}", []).append(_Target(field, columns[field.column]))
    return found


def _ways(clinic_map: ClinicMap) -> dict[str, str]:
    """Where each field goes and how, in a few words."""
    types = {(one.table, one.name): one.type for one in clinic_map.custom_columns}
    ways: dict[str, list[str]] = {}
    for name, one in clinic_map.objects.items():
        for route in one.routes:
            for field in route.fields:
                if field.status != "ignored" and field.column:
                    kind = types.get((route.table, field.column))
                    way = f"{route.table}.{field.column} by {field.transform}" + (f" ({kind})" if kind else "")
                    ways.setdefault(f"{name}.{field.source}", []).append(way)
    return {key: "; ".join(some) for key, some in ways.items()}


def _columns(before: Inventory, now: Inventory) -> Iterator[Drift]:
    for name in sorted(now.columns.keys() - before.columns.keys()):
        yield Drift("new dataset", name, "", f"{len(now.columns[name])} columns", "see the datasets")
    for name in sorted(before.columns.keys() - now.columns.keys()):
        yield Drift(
            "dataset gone", name, f"{len(before.columns[name])} columns", "", "its records are gone from the source"
        )
    for name in sorted(before.columns.keys() & now.columns.keys()):
        old = {column.casefold() for column in before.columns[name]}
        new = {column.casefold() for column in now.columns[name]}
        unread = {column.casefold() for column in now.unread.get(name, ())}
        for column in now.columns[name]:
            if column.casefold() not in old:
                follows = "the profile reads it"
                if column in now.properties:
                    follows = "a custom property of patients"
                elif column.casefold() in unread:
                    follows = "the profile does not read it"
                yield Drift("new column", f"{name}.{column}", "", "", follows)
        for column in before.columns[name]:
            if column.casefold() not in new:
                yield Drift("column gone", f"{name}.{column}", "", "", "what it filled is empty")


def _properties(before: Inventory, now: Inventory) -> Iterator[Drift]:
    for name in sorted(before.properties.keys() | now.properties.keys()):
        old, new = before.properties.get(name, ""), now.properties.get(name, "")
        if old and not new:
            yield Drift("custom property gone", name, old, "", "nobody has a value any more")
        elif new and not old:
            yield Drift("new custom property", name, "", new, "a column of its own, once the map is confirmed")
        elif old != new:
            yield Drift("type of a custom property", name, old, new, "its column takes the wider type")


def _values(
    before: Inventory, now: Inventory, was: Mapping[str, list[_Target]], will: Mapping[str, list[_Target]]
) -> Iterator[Drift]:
    for key in sorted(before.values.keys() & now.values.keys()):
        known = {value.strip().casefold() for value in before.values[key]}
        new = [value for value in now.values[key] if value.strip() and value.strip().casefold() not in known]
        if not new:
            continue
        listed = ", ".join(new[:_LISTED]) + (f" and {len(new) - _LISTED} more" if len(new) > _LISTED else "")
        answered = _answered(was.get(key, []))
        follows = "the map has an answer for each"
        if not all(map(answered, new)):
            grown = all(map(_answered(will.get(key, [])), new))
            follows = (
                "options are added to the column" if grown else "no answer in the map yet: excepted until it has one"
            )
        yield Drift("new choice values", key, "", listed, follows)


def _answered(targets: list[_Target]) -> Callable[[str], bool]:
    """Whether every column that a field fills has an answer for a value."""
    choices = [target for target in targets if target.column.type in ("choice", "choices")]
    lands = [landing(target.field, target.column.options) for target in choices]
    return lambda value: all(one(value) != "refused" for one in lands)


def _lengths(
    before: Inventory, now: Inventory, was: Mapping[str, list[_Target]], will: Mapping[str, list[_Target]]
) -> Iterator[Drift]:
    for key, longest in sorted(now.lengths.items()):
        shorter = before.lengths.get(key, 0)
        if longest <= shorter:
            continue
        room = _room(was.get(key, []))
        if room is not None and longest > room:
            more = _room(will.get(key, [])) or 0
            follows = (
                f"the column grows from {room:,} to {more:,}"
                if more >= longest
                else f"longer than the {room:,} characters of the column: refused"
            )
            yield Drift("longer text", key, f"{shorter:,}", f"{longest:,}", follows)


def _room(targets: list[_Target]) -> int | None:
    """Characters of the shortest text column that a field fills."""
    lengths = [
        one.column.max_length for one in targets if one.column.type in ("text", "memo") and one.column.max_length
    ]
    return min(lengths, default=None)


def property_key(name: str) -> str:
    """How the inventory calls a custom patient property among fields."""
    return f"patient.{PREFIX}{name}"
