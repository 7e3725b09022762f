"""Makes and changes custom tables, columns and relationships: what a solution import and the metadata API share.

Everything works on copies that ``Catalog.apply`` takes in at the end, so that a refused import changes nothing.
"""

from copy import deepcopy
from typing import Final

from local.dataverse.catalog import Catalog
from local.dataverse.model import Choice, Column, Key, Relationship, Table

#: Columns that the platform gives every user-owned table; the account's definitions are taken over.
_SYSTEM: Final = (
    "importsequencenumber", "overriddencreatedon", "ownerid", "owningbusinessunit", "owningteam", "owninguser",
    "timezoneruleversionnumber", "utcconversiontimezonecode", "createdby", "createdon", "createdonbehalfby",
    "modifiedby", "modifiedon", "modifiedonbehalfby", "versionnumber", "statecode", "statuscode",
)  # fmt: skip
_MAX_KEYS: Final = 10
_MAX_KEY_COLUMNS: Final = 16
_MAX_KEY_BYTES: Final = 900
_KEY_TYPES: Final = frozenset({"Decimal", "Integer", "String", "DateTime", "Lookup", "Picklist"})
_LIMITS: Final = {"String": 4000, "Memo": 1_048_576}


class CustomizationError(Exception):
    """Why a customization cannot be taken in; the message is for the administrator."""


class Workbench:
    """Copies of the tables and choices that an import touches."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.tables: dict[str, Table] = {}
        self.choices: dict[str, Choice] = {}

    def table(self, name: str) -> Table | None:
        """The working copy of a table, by logical name; None when there is no such table."""
        if name not in self.tables and name in self.catalog.tables:
            self.tables[name] = deepcopy(self.catalog.tables[name])
        return self.tables.get(name)

    def need(self, name: str) -> Table:
        table = self.table(name)
        if table is None:
            raise CustomizationError(f"The table '{name}' does not exist in the target environment.")
        return table

    def choice(self, name: str) -> Choice | None:
        return self.choices.get(name) or self.catalog.choices.get(name)

    def commit(self) -> None:
        self.catalog.apply(list(self.tables.values()), list(self.choices.values()))

    def new_table(self, schema: str, set_name: str, label: str, plural: str) -> Table:
        """A user-owned custom table with its id and the system columns."""
        name = schema.lower()
        if self.table(name) is not None:
            raise CustomizationError(f"A table '{name}' exists already.")
        if set_name in self.catalog.sets or any(t.set_name == set_name for t in self.tables.values()):
            raise CustomizationError(f"The set name '{set_name}' is taken.")
        table = Table(name, schema, set_name, f"{name}id", label=label, plural=plural, custom=True)
        table.add(Column(f"{name}id", f"{schema}Id", "Uniqueidentifier", update=False, required="SystemRequired"))
        model = self.catalog.tables["account"]
        for column in _SYSTEM:
            table.add(deepcopy(model.columns[column]))
        for relationship in model.relationships:
            if relationship.column in _SYSTEM:
                schema_name = f"{relationship.referenced}_{name}_{relationship.column}"
                table.relationships.append(
                    Relationship(
                        schema_name, relationship.referenced, name, relationship.column, relationship.nav, schema_name
                    )
                )
        self.tables[name] = table
        return table

    def put_column(self, table: Table, column: Column) -> None:
        """Adds a column, or widens the one that is there: longer text, more options."""
        check_column(table, column)
        held = table.columns.get(column.name)
        if held is None:
            if column.type in ("State", "Status", "Owner"):
                raise CustomizationError(f"A {column.type} column cannot be added: '{column.name}'.")
            column.custom = True
            table.add(column)
            if column.type == "File":
                table.add(_file_name(column))
            return
        if held.type != column.type and not (held.is_lookup and column.is_lookup):
            raise CustomizationError(
                f"The column '{column.name}' of '{table.name}' is of type {held.type}, not {column.type}."
            )
        held.label = column.label or held.label
        if held.custom:
            held.max_length = column.max_length or held.max_length
            held.required, held.default = column.required, column.default
            for name in ("minimum", "maximum", "precision"):
                if getattr(column, name) is not None:
                    setattr(held, name, getattr(column, name))
        if held.type in ("Picklist", "MultiSelectPicklist", "Status"):
            merge_options(held, column)

    def relate(self, relationship: Relationship) -> None:
        """Adds a one-to-many relationship to the referencing table; its lookup column must be there."""
        table = self.need(relationship.referencing)
        self.need(relationship.referenced)
        column = table.columns.get(relationship.column)
        if column is None or not column.is_lookup:
            raise CustomizationError(
                f"The relationship '{relationship.schema}' names '{relationship.column}', which is no lookup of "
                f"'{table.name}'."
            )
        held = next((r for r in table.relationships if r.schema == relationship.schema), None)
        if held is not None:
            held.delete = relationship.delete
            return
        if any(r.nav == relationship.nav for r in table.relationships):
            raise CustomizationError(f"The navigation property '{relationship.nav}' of '{table.name}' is taken.")
        relationship.custom = True
        table.relationships.append(relationship)
        if relationship.referenced not in column.targets:
            column.targets.append(relationship.referenced)

    def allow_notes(self, table: Table) -> None:
        """Makes the table a target of notes: from now on there is ``objectid_<table>``."""
        if not table.notes:
            table.notes = True
            self._point("annotation", "objectid", table, f"{table.name}_Annotations", f"objectid_{table.name}")

    def allow_activities(self, table: Table) -> None:
        """Lets tasks and appointments be regarding rows of the table."""
        if not table.activities:
            table.activities = True
            for name, plural in (("task", "Tasks"), ("appointment", "Appointments")):
                nav = f"regardingobjectid_{table.name}_{name}"
                self._point(name, "regardingobjectid", table, f"{table.name}_{plural}", nav)

    def _point(self, referencing: str, column: str, table: Table, schema: str, nav: str) -> None:
        other = self.need(referencing)
        other.columns[column].targets.append(table.name)
        other.relationships.append(Relationship(schema, table.name, referencing, column, nav, schema, "Cascade"))

    def add_key(self, table: Table, key: Key) -> None:
        """Adds an alternate key; its index is built later, until then it cannot be used."""
        if any(held.name == key.name for held in table.keys):
            return
        if len(table.keys) >= _MAX_KEYS or not 0 < len(key.columns) <= _MAX_KEY_COLUMNS:
            raise CustomizationError(f"The key '{key.name}' of '{table.name}' exceeds the limits of keys.")
        size = 0
        for name in key.columns:
            column = table.columns.get(name)
            if column is None:
                raise CustomizationError(f"The key '{key.name}' names '{name}', which '{table.name}' has not got.")
            if column.type not in _KEY_TYPES:
                raise CustomizationError(f"The column '{name}' is of type {column.type}: no key can hold it.")
            size += 2 * (column.max_length or 0) if column.type == "String" else 16
        if size > _MAX_KEY_BYTES:
            raise CustomizationError(f"The key '{key.name}' is {size} bytes wide; {_MAX_KEY_BYTES} are allowed.")
        key.status = "Pending"
        table.keys.append(key)


def _file_name(column: Column) -> Column:
    """The read-only companion of a file column that says what the file is called."""
    return Column(
        f"{column.name}_name", f"{column.schema}_Name", "String", create=False, update=False, max_length=200,
        label=f"{column.label} name", custom=True, part_of=column.name,
    )  # fmt: skip


def check_column(table: Table, column: Column) -> None:
    """The limits that the platform sets on a column's definition."""
    limit = _LIMITS.get(column.type)
    if limit is not None and not 0 < (column.max_length or 0) <= limit:
        raise CustomizationError(
            f"The maximum length of '{column.name}' of '{table.name}' must be between 1 and {limit}."
        )
    if column.type in ("Picklist", "MultiSelectPicklist") and not column.options:
        raise CustomizationError(f"The choice '{column.name}' of '{table.name}' has no options.")
    values = [option.value for option in column.options]
    if len(values) != len(set(values)):
        raise CustomizationError(f"The choice '{column.name}' of '{table.name}' has an option value twice.")
    if column.type == "Decimal" and not 0 <= (column.precision or 0) <= 10:
        raise CustomizationError(f"The precision of '{column.name}' of '{table.name}' must be between 0 and 10.")


def merge_options(held: Column, given: Column) -> None:
    """Takes new options in and new labels over; options that are no longer named stay."""
    by_value = {option.value: option for option in held.options}
    for option in given.options:
        if option.value in by_value:
            by_value[option.value].label = option.label
        else:
            held.options.append(option)
