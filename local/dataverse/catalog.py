"""All tables of the environment: the standard ones from ``metadata/*.json``, and what was added since.

Changes go through ``apply``, which stores the definition, alters the SQLite table and drops the compiled plans.
"""

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import orjson

from local.dataverse.errors import ApiError
from local.dataverse.model import Choice, Key, Relationship, Table, table_from_json
from local.dataverse.plans import Plan
from local.dataverse.store import Store

_METADATA: Final = Path(__file__).parent / "metadata"
_NAMESPACE: Final = uuid.UUID("6f2f7b0e-6d4c-4c8e-9d2e-0f3d5a1c7e11")
#: First object type code of custom tables.
_FIRST_CUSTOM_CODE: Final = 10_000


def stable_id(*parts: str) -> str:
    """A metadata id that is the same in every run."""
    return str(uuid.uuid5(_NAMESPACE, "|".join(parts)))


class Catalog:
    """Tables by logical name and by set name, with their compiled plans."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.tables: dict[str, Table] = {}
        self.sets: dict[str, Table] = {}
        self.choices: dict[str, Choice] = {}
        self._plans: dict[str, Plan] = {}
        self._inbound: dict[str, list[Relationship]] | None = None
        self.load()

    def load(self) -> None:
        """Reads the standard tables and what this database file has changed about them."""
        self.tables = {}
        for path in sorted(_METADATA.glob("*.json")):
            table = table_from_json(orjson.loads(path.read_bytes()))
            self.tables[table.name] = table
        for table in self.store.load_tables():
            self.tables[table.name] = table
        self.choices = {choice.name: choice for choice in self.store.load_choices()}
        with self.store.transaction():
            for table in self.tables.values():
                self.store.ensure_table(table)
        self._forget()

    def _forget(self) -> None:
        self.sets = {table.set_name: table for table in self.tables.values()}
        self._plans = {}
        self._inbound = None

    def plan(self, name: str) -> Plan:
        plan = self._plans.get(name)
        if plan is None:
            plan = self._plans[name] = Plan(self.tables[name], self.tables)
        return plan

    def inbound(self, name: str) -> list[Relationship]:
        """Relationships in which this table is the referenced one, and deleting it matters."""
        if self._inbound is None:
            self._inbound = {}
            for table in self.tables.values():
                for relationship in table.relationships:
                    if relationship.delete != "NoCascade":
                        self._inbound.setdefault(relationship.referenced, []).append(relationship)
        return self._inbound.get(name, [])

    def apply(self, tables: list[Table], choices: Sequence[Choice] = ()) -> None:
        """Takes new and changed definitions in, all or nothing."""
        with self.store.transaction():
            for choice in choices:
                self.store.save_choice(choice)
            for table in tables:
                if table.custom and not table.code:
                    table.code = max([_FIRST_CUSTOM_CODE, *(t.code for t in self.tables.values())]) + 1
                self.store.ensure_table(table)
                self.store.save_table(table)
        for choice in choices:
            self.choices[choice.name] = choice
        for table in tables:
            self.tables[table.name] = table
        self._forget()

    def settle_keys(self, table: Table) -> None:
        """Builds the indexes of pending keys: what the service does in a background job."""
        pending = [key for key in table.keys if key.status == "Pending"]
        if not pending:
            return
        with self.store.transaction():
            for key in pending:
                key.status = "Active" if self.store.build_key(table, key) else "Failed"
            self.store.save_table(table)

    def key_of(self, table: Table, names: set[str]) -> Key | None:
        """The alternate key with exactly these columns, or None."""
        return next((key for key in table.keys if set(key.columns) == names), None)

    def by_set(self, set_name: str) -> Table | None:
        return self.sets.get(set_name)

    def by_any_name(self, name: str) -> Table:
        """The table with that logical or set name; 404 when there is none."""
        table = self.tables.get(name) or self.sets.get(name)
        if table is None:
            raise ApiError(404, "0x80060888", f"There is no table '{name}'.")
        return table

    def table_id(self, table: Table) -> str:
        return stable_id("table", table.name)
