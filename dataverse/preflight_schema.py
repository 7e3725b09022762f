"""Holds the schema a map needs against what the target has. Pure: metadata in, findings out."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, Literal

from dataverse.metadata import ColumnInfo, TableInfo
from mapping.schema import Schema, SchemaColumn, SchemaTable

Severity = Literal["error", "warning", "info"]

_IMPORT: Final = "Import the solution of this migration."
#: Our column types and the attribute types of the target that hold them.
_TYPES: Final[Mapping[str, frozenset[str]]] = {
    "text": frozenset({"String", "Memo"}),
    "memo": frozenset({"Memo", "String"}),
    "integer": frozenset({"Integer", "BigInt"}),
    "decimal": frozenset({"Decimal", "Double"}),
    "money": frozenset({"Money"}),
    "boolean": frozenset({"Boolean"}),
    "date": frozenset({"DateTime"}),
    "datetime": frozenset({"DateTime"}),
    "choice": frozenset({"Picklist", "State", "Status"}),
    "choices": frozenset({"MultiSelectPicklist"}),
    "lookup": frozenset({"Lookup", "Customer", "Owner"}),
    "owner": frozenset({"Owner"}),
    "parties": frozenset({"PartyList"}),
    "uniqueidentifier": frozenset({"Uniqueidentifier"}),
    "state": frozenset({"State"}),
    "status": frozenset({"Status"}),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of the checks. ``code`` is stable, ``subject`` what it is about, ``fix`` what a person can do."""

    code: str
    severity: Severity
    subject: str
    message: str
    fix: str = ""


def schema_findings(schema: Schema, there: Mapping[str, TableInfo], bulk: AbstractSet[str]) -> list[Finding]:
    """What the target lacks of the schema. ``bulk`` are the tables that take CreateMultiple."""
    return [f for table in schema.tables.values() for f in _table(table, there, bulk)]


def _table(table: SchemaTable, there: Mapping[str, TableInfo], bulk: AbstractSet[str]) -> Iterator[Finding]:
    found = there.get(table.logical)
    if found is None:
        fix = _IMPORT if table.custom else "The target needs Dynamics 365 Sales."
        yield Finding("table_missing", "error", table.plain, f"The target has no table {table.logical}.", fix)
        return
    if found.set_name != table.set_name or found.id_column != table.id_column:
        message = f"The table {table.logical} is addressed as {found.set_name} by {found.id_column} in the target."
        yield Finding("table_differs", "error", table.plain, message, "Rename the table in the map's catalog.")
    if table.has_notes and not found.has_notes:
        message = f"Notes cannot be attached to {table.logical}."
        yield Finding("notes_off", "error", table.plain, message, "Enable notes on the table; it cannot be undone.")
    if table.bulk and table.logical not in bulk:
        message = f"{table.logical} takes no CreateMultiple; rows are created one by one in batches."
        yield Finding("bulk_missing", "warning", table.plain, message, "None needed; the load takes longer.")
    for column in table.columns.values():
        yield from _column(table, column, found)
    if table.key_column:
        yield from _key(table, found)


def _column(table: SchemaTable, column: SchemaColumn, found: TableInfo) -> Iterator[Finding]:
    subject = f"{table.plain}.{column.plain}"
    there = found.columns.get(column.logical)
    if there is None:
        fix = _IMPORT if column.custom else "Map the field to another column."
        yield Finding("column_missing", "error", subject, f"{table.logical} has no column {column.logical}.", fix)
        return
    if there.type not in _TYPES.get(column.type, frozenset({there.type})):
        message = f"{table.logical}.{column.logical} is a {there.type} column; the map needs {column.type}."
        yield Finding("column_type", "error", subject, message, "Map the field to another column, or replace this one.")
        return
    if column.type in ("text", "memo") and _shorter(column, there):
        message = (
            f"{table.logical}.{column.logical} takes {there.max_length} characters; the map needs {column.max_length}."
        )
        fix = (
            _IMPORT if column.custom else "Raise the column's length in the target, or let the map cut or continue it."
        )
        yield Finding("column_too_short", "error", subject, message, fix)
    if column.type in ("date", "datetime") and there.behavior:
        only_date = there.behavior == "DateOnly"
        if only_date != (column.type == "date"):
            message = (
                f"{table.logical}.{column.logical} is {there.behavior} in the target; the map needs {column.type}."
            )
            yield Finding("column_type", "error", subject, message, "Map the field to another column.")
    if column.type in ("choice", "choices", "status") and there.options:
        missing = sorted(set(column.options.values()) - set(there.options))
        if missing:
            listed = ", ".join(map(str, missing))
            message = f"{table.logical}.{column.logical} lacks the options {listed}."
            yield Finding("option_missing", "error", subject, message, _IMPORT)
    if column.type in ("lookup", "owner"):
        yield from _lookup(table, column, found, subject)


def _shorter(column: SchemaColumn, there: ColumnInfo) -> bool:
    return column.max_length is not None and there.max_length is not None and there.max_length < column.max_length


def _lookup(table: SchemaTable, column: SchemaColumn, found: TableInfo, subject: str) -> Iterator[Finding]:
    known = found.lookups.get(column.logical, {})
    for target, nav in column.nav.items():
        # An owner's property leads to the base type of users and teams, whatever the relationship names.
        if column.type == "owner" or known.get(target) == nav:
            continue
        if target in known:
            message = f"{table.logical}.{column.logical} is bound as {known[target]} in the target, not {nav}."
            yield Finding(
                "lookup_differs", "error", subject, message, "Remove the column in the target and import again."
            )
        else:
            message = f"{table.logical}.{column.logical} does not point at {target}."
            yield Finding("lookup_missing", "error", subject, message, _IMPORT)


def _key(table: SchemaTable, found: TableInfo) -> Iterator[Finding]:
    keys = [key for key in found.keys if key.columns == (table.key_column,)]
    subject = f"{table.plain}.{table.key_column}"
    if not keys:
        message = f"{table.logical} has no alternate key on {table.key_column}."
        yield Finding("key_missing", "error", subject, message, _IMPORT)
    elif all(key.status != "Active" for key in keys):
        message = f"The alternate key on {table.logical}.{table.key_column} is {keys[0].status}, not Active."
        fix = "Wait until its index is built; when it Failed, remove duplicates and reactivate the key."
        yield Finding("key_not_active", "error", subject, message, fix)
