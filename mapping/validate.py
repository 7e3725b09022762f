"""Everything that is wrong with a map, in words for the person who is to confirm it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from mapping.adopting import rule_problems
from mapping.model import ClinicMap, FieldMap, Route
from mapping.objects import DERIVED, LOAD_ORDER, ObjectName
from mapping.properties import PREFIX, ROWS
from mapping.schema import Schema, SchemaColumn, SchemaTable
from mapping.steps import BadMap, step_of
from mapping.transforms import REGISTRY
from mapping.transforms.base import TEXTS

#: Rows of these tables are found, never written.
_NEVER_WRITTEN: Final = ("systemuser",)

_SYSTEM: Final = re.compile(r"[A-Za-z0-9-]{1,50}")
_PREFIX: Final = re.compile(r"[a-z][a-z0-9]{1,7}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_COLUMN_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,40}")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. ``object`` and ``field`` are empty where the whole map or object is meant. ``unfilled``: the
    column that no field fills, though records of the object need it; such a map may be kept, but not confirmed."""

    object: str
    field: str
    message: str
    unfilled: str = ""


def problems(map: ClinicMap, schema: Schema) -> list[Problem]:
    """What keeps the map from being confirmed, in the order of the map; empty when nothing does.

    A map without problems compiles, and fills what its records need.
    """
    zone, found = _settings(map)
    found += _custom_columns(map, schema)
    for name, object_map in map.objects.items():
        if name in LOAD_ORDER:
            found += _object(map, name, schema, zone)
        else:
            found += [
                Problem(name, "", f"{_plain(name)} records are never written to the table {route.table}.")
                for route in object_map.routes
                if route.table in schema.tables and route.table not in _NEVER_WRITTEN
            ]
        for route in object_map.routes:
            if route.table in schema.tables:
                found += _unfilled(name, route, schema.tables[route.table])
    return found


def frame_problems(*, prefix: str, time_zone: str, currency: str) -> list[str]:
    """What is wrong with the values that a map is made with, and that stay the same however its fields change."""
    found = []
    if _zone(time_zone) is None:
        found.append(f"The time zone {time_zone!r} is not known; give an IANA name such as America/New_York.")
    if not _PREFIX.fullmatch(prefix) or prefix.startswith("mscrm"):
        found.append("The prefix needs 2 to 8 lower-case letters or digits, beginning with a letter, and not mscrm.")
    if not _CURRENCY.fullmatch(currency):
        found.append("The currency needs its three-letter code, such as USD.")
    return found


def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def _settings(map: ClinicMap) -> tuple[tzinfo, list[Problem]]:
    found = frame_problems(prefix=map.prefix, time_zone=map.time_zone, currency=map.currency)
    zone = _zone(map.time_zone)
    if not _SYSTEM.fullmatch(map.system):
        found.append("The system's name may hold letters, digits and dashes only, at most 50.")
    if "prescription" in map.objects and map.controlled is None:
        found.append("Choose what becomes of controlled substances: suppress, redact or include.")
    return zone or UTC, [Problem("", "", message) for message in found]


def _custom_columns(map: ClinicMap, schema: Schema) -> Iterator[Problem]:
    taken: set[tuple[str, str]] = set()
    for column in map.custom_columns:
        where = f"{column.table}.{column.name}"
        key = (column.table, column.name.lower())
        if column.table not in schema.tables:
            yield Problem(
                "", where, f"The map writes no table {column.table}, so it cannot have a column {column.name}."
            )
        elif not schema.tables[column.table].key_column:
            yield Problem("", where, f"The table {column.table} takes no columns of ours.")
        if not _COLUMN_NAME.fullmatch(column.name):
            yield Problem("", where, "A column's name needs letters, digits and underscores, beginning with a letter.")
        if key in taken:
            yield Problem("", where, "Two columns have this name (upper and lower case do not tell them apart).")
        taken.add(key)
        if column.type in ("choice", "choices") and not (column.options or map.options.get(where)):
            yield Problem("", where, "A choice needs at least one option.")
        if column.type not in (
            "text",
            "memo",
            "integer",
            "decimal",
            "money",
            "boolean",
            "date",
            "datetime",
            "choice",
            "choices",
        ):
            yield Problem("", where, f"A custom column cannot be of type {column.type}.")


def _object(map: ClinicMap, name: ObjectName, schema: Schema, zone: tzinfo) -> Iterator[Problem]:
    object_map = map.objects[name]
    if name in DERIVED and DERIVED[name].of not in map.objects:
        parent = _plain(DERIVED[name].of).lower()
        yield Problem(name, "", f"{_plain(name)} records are made from {parent} records, which the map leaves out.")
    if not object_map.routes:
        yield Problem(
            name, "", f"{_plain(name)} records have nowhere to go: give at least one table, or leave the object out."
        )
    elif all(route.when for route in object_map.routes):
        yield Problem(name, "", "Every table has a condition; records that meet none would be exceptions.")
    for route in object_map.routes[:-1]:
        if route.when is None:
            yield Problem(name, "", f"{route.table} takes every record, so the tables after it would get none.")
    if not object_map.owner:
        yield Problem(name, "", "Give at least one owner rule; nothing may land without an owner.")
    for route in object_map.routes:
        table = schema.tables.get(route.table)
        if table is None or route.table in _NEVER_WRITTEN:
            yield Problem(name, "", f"There is no table {route.table} to write to.")
        else:
            yield from _route(map, name, route, table, schema, zone)
    yield from (Problem(name, rule, words) for rule, words in rule_problems(object_map, schema))


def _route(
    map: ClinicMap, name: ObjectName, route: Route, table: SchemaTable, schema: Schema, zone: tzinfo
) -> Iterator[Problem]:
    written: dict[str, str] = {}
    states = 0
    for field in route.fields:
        if field.status == "ignored":
            continue
        if field.transform == ROWS:
            yield from _rows(map, name, field)
            continue
        if field.column is None and field.source.startswith(PREFIX):
            continue
        if field.transform == "state":
            states += 1
            if states > 1:
                yield Problem(name, field.source, "A second field decides the state of the row; only one can.")
            yield from _compiles(name, field, None, zone)
            continue
        if field.column is None:
            yield Problem(name, field.source, "Give the field a column, or mark it as ignored with the reason why.")
            continue
        column = table.columns.get(field.column)
        if column is None:
            yield Problem(name, field.source, f"The table {table.plain} has no column {field.column}.")
            continue
        if field.column in written and column.type != "parties":
            yield Problem(
                name,
                field.source,
                f"{field.column} is filled from {written[field.column]} already; use join or first_of.",
            )
        written.setdefault(field.column, field.source)
        yield from _field(map, name, field, column, schema, zone)


def _rows(map: ClinicMap, name: ObjectName, field: FieldMap) -> Iterator[Problem]:
    if name != "patient" or not field.source.startswith(PREFIX):
        yield Problem(name, field.source, "Only a custom property of a patient becomes rows.")
    elif field.column is not None:
        yield Problem(name, field.source, "A property whose values become rows has no column.")
    elif "property_value" not in map.objects:
        yield Problem(name, field.source, "The map says nothing of the rows: it has no property_value object.")


def _field(
    map: ClinicMap, name: ObjectName, field: FieldMap, column: SchemaColumn, schema: Schema, zone: tzinfo
) -> Iterator[Problem]:
    transform = REGISTRY.get(field.transform)
    if transform is None:
        yield Problem(name, field.source, f"There is no transform {field.transform}.")
        return
    if field.review == "redact" and (
        field.transform == "lookup" or (field.args.get("required") and column.type not in TEXTS)
    ):
        yield Problem(name, field.source, f"{column.plain} cannot be redacted: no record lands without it.")
        return
    if column.type in ("owner", "state", "status", "file", "uniqueidentifier"):
        yield Problem(name, field.source, f"{column.plain} is filled by the migration itself, not by a field.")
        return
    if transform.gives and column.type not in transform.gives:
        fitting = ", ".join(sorted(t.name for t in REGISTRY.values() if column.type in t.gives))
        yield Problem(
            name, field.source, f"{field.transform} does not make a {column.type} for {column.plain}; use {fitting}."
        )
        return
    if field.transform == "lookup":
        yield from _lookup(map, name, field, column, schema)
        return
    if column.type in ("choice", "choices") and not column.options:
        yield Problem(name, field.source, f"{column.plain} has no options yet; scope the source or list them.")
    yield from _compiles(name, field, column, zone)


def _lookup(
    map: ClinicMap, name: ObjectName, field: FieldMap, column: SchemaColumn, schema: Schema
) -> Iterator[Problem]:
    parent = field.args.get("object")
    if parent not in LOAD_ORDER:
        yield Problem(name, field.source, "A link needs the object it points at: one of " + ", ".join(LOAD_ORDER) + ".")
        return
    parent_map = map.objects.get(parent)
    if parent_map is None:
        yield Problem(
            name, field.source, f"The link points at {_plain(parent).lower()} records, which the map leaves out."
        )
        return
    for route in parent_map.routes:
        target = schema.tables.get(route.table)
        if target is not None and target.logical not in column.nav:
            yield Problem(
                name,
                field.source,
                f"{column.plain} cannot point at {route.table}, where {_plain(parent).lower()} records go.",
            )


def _compiles(name: ObjectName, field: FieldMap, column: SchemaColumn | None, zone: tzinfo) -> Iterator[Problem]:
    try:
        step_of(name, field, column, zone)
    except BadMap as error:
        yield Problem(name, field.source, f"{error.why[:1].upper()}{error.why[1:]}.")


def _unfilled(name: ObjectName, route: Route, table: SchemaTable) -> Iterator[Problem]:
    """The columns that records of the object need and no field of the route fills."""
    for needed in table.required.get(name, ()):
        column = table.columns.get(needed)
        if column is None or any(_fills(field, column) for field in route.fields):
            continue
        what = f"the link “{column.label}”" if column.type == "lookup" else f"“{column.label}”"
        message = f"{_plain(name)} records need {what}, and no field fills it: give one the column {needed}."
        left = next((one for one in route.fields if one.column == needed and one.status == "ignored"), None)
        if left is not None:
            message = f"{_plain(name)} records need {what}, and {left.source}, which fills it, is left out: migrate it."
        yield Problem(name, left.source if left else "", message, needed)


def _fills(field: FieldMap, column: SchemaColumn) -> bool:
    """Whether a field brings a value to the column; a redacted one does where the mark can stand."""
    if field.status == "ignored" or field.column != column.plain:
        return False
    return field.review != "redact" or column.type in TEXTS


def _plain(name: str) -> str:
    return name.replace("_", " ").capitalize()
