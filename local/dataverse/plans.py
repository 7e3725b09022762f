"""A table's metadata compiled once: which payload names do what, and how rows are selected.

A request then works with dict look-ups only. A plan is thrown away when its table changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from local.dataverse import errors
from local.dataverse.model import Column, Relationship, Table
from local.dataverse.store import quoted, type_column
from local.dataverse.values import Reader, reader

BIND: Final = "@odata.bind"


@dataclass(slots=True, frozen=True)
class Bind:
    """A navigation property that may be set: the lookup column behind it and the tables it may point at."""

    nav: str
    column: str
    typed: str | None
    targets: tuple[str, ...]


@dataclass(slots=True, frozen=True)
class Operation:
    """What a payload name means in a create or an update."""

    readers: Mapping[str, Reader]
    binds: Mapping[str, Bind]  #: by "<nav>@odata.bind"
    ignored: frozenset[str]


@dataclass(slots=True, frozen=True)
class Reading:
    """A compiled $select: SQL columns and how a fetched row becomes a JSON object."""

    columns: str
    names: tuple[str, ...]
    booleans: tuple[str, ...]
    selected: tuple[Column, ...]

    def row(self, values: Sequence[Any]) -> dict[str, Any]:
        document = dict(zip(self.names, values, strict=False))
        for name in self.booleans:
            value = document[name]
            if value is not None:
                document[name] = value == 1
        return document


class Plan:
    """Everything the rows of one table need to be written and read."""

    def __init__(self, table: Table, tables: Mapping[str, Table]) -> None:
        self.table = table
        self.binds = _binds(table)
        self.create = self._operation(creating=True)
        self.update = self._operation(creating=False)
        self.navs = {bind.nav: bind for bind in self.binds}
        self.many = [c for c in table.columns.values() if c.is_lookup and c.many_targets]
        self.collections = _collections(table, tables)
        self.defaults = _defaults(table)
        self.required = [
            c.name for c in table.columns.values()
            if c.required == "SystemRequired" and c.update and c.type not in ("State", "EntityName", "Owner")
        ]  # fmt: skip
        self.needed = [
            c.name for c in table.columns.values()
            if c.required == "SystemRequired" and c.create
            and c.name != table.id_column and c.type not in ("State", "EntityName", "Owner")
        ]  # fmt: skip
        self.owned = "ownerid" in table.columns
        self.stamped = "createdon" in table.columns
        state, status = table.columns.get("statecode"), table.columns.get("statuscode")
        self.states = {o.value: o for o in state.options} if state else {}
        self.statuses = {o.value: o.state for o in status.options} if status else {}
        self.read_names = {c.read_name: c for c in table.columns.values() if c.read}
        self._readings: dict[tuple[str, ...] | None, Reading] = {}

    def _operation(self, *, creating: bool) -> Operation:
        readers: dict[str, Reader] = {}
        binds: dict[str, Bind] = {}
        ignored: set[str] = set()
        for column in self.table.columns.values():
            allowed = column.create if creating else column.update
            if column.is_lookup or column.type == "PartyList":
                continue
            if allowed:
                readers[column.name] = reader(self.table, column)
            else:
                ignored.add(column.name)
        for bind in self.binds:
            column = self.table.columns[bind.column]
            name = bind.nav + BIND
            if column.create if creating else column.update:
                binds[name] = bind
            else:
                ignored.add(name)
        return Operation(readers, binds, frozenset(ignored))

    def reading(self, select: Sequence[str] | None) -> Reading:
        """The compiled $select; unknown names are refused as the service does. The id always comes along."""
        key = tuple(select) if select is not None else None
        found = self._readings.get(key)
        if found is None:
            found = self._readings[key] = self._compile(key)
        return found

    def _compile(self, select: tuple[str, ...] | None) -> Reading:
        table = self.table
        names = list(self.read_names) if select is None else list(dict.fromkeys(select))
        if select is not None and table.id_column not in names:
            names.append(table.id_column)
        columns: list[Column] = []
        for name in names:
            column = self.read_names.get(name)
            if column is None:
                raise errors.unknown_property(name, table.name)
            columns.append(column)
        sql = ["'W/\"' || t.versionnumber || '\"'"] + [f"t.{quoted(c.name)}" for c in columns]
        booleans = tuple(c.read_name for c in columns if c.type == "Boolean")
        return Reading(", ".join(sql), ("@odata.etag", *names), booleans, tuple(columns))

    def column(self, name: str) -> Column:
        """The column behind a property name of a query."""
        column = self.read_names.get(name)
        if column is None:
            raise errors.unknown_property(name, self.table.name)
        return column


def _binds(table: Table) -> list[Bind]:
    binds: list[Bind] = []
    for relationship in table.relationships:
        column = table.columns[relationship.column]
        targets = ("systemuser", "team") if relationship.referenced == "owner" else (relationship.referenced,)
        typed = type_column(column.name) if column.many_targets else None
        binds.append(Bind(relationship.nav, column.name, typed, targets))
    return binds


def _collections(table: Table, tables: Mapping[str, Table]) -> dict[str, Relationship]:
    """One-to-many relationships by the name of their collection on this table."""
    found = {r.collection: r for other in tables.values() for r in other.relationships if r.referenced == table.name}
    if table.activity:
        parties = f"{table.name}_activity_parties"
        found[parties] = Relationship(
            parties, table.name, "activityparty", "activityid", f"activityid_{table.name}", parties, "Cascade"
        )
    return found


def _defaults(table: Table) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for column in table.columns.values():
        if column.type == "State" and column.options:
            values["statecode"] = column.options[0].value
            values["statuscode"] = column.options[0].default_status
        elif column.default is not None:
            values[column.name] = int(column.default)
    if table.activity:
        values["activitytypecode"] = table.name
    return values
