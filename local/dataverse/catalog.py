"""All tables of the environment: the standard ones from ``metadata/*.json``, and what was added since.

Changes go through ``apply``, which stores the definition, alters the SQLite table and drops the compiled plans.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

import orjson

from local.dataverse.errors import ApiError
from local.dataverse.faults.behaviour import DEFAULT, Behaviour
from local.dataverse.faults.trigger import Waiting
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


@dataclass(slots=True)
class Lagging:
    """A change that the data endpoints do not know yet; ``known``: the table itself is not new."""

    waiting: Waiting
    known: bool


class Catalog:
    """Tables by logical name and by set name, with their compiled plans."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.tables: dict[str, Table] = {}
        self.sets: dict[str, Table] = {}
        self.choices: dict[str, Choice] = {}
        self._plans: dict[str, Plan] = {}
        self._inbound: dict[str, list[tuple[Relationship, str]]] | None = None
        self.behaviour = DEFAULT
        self.clock: Callable[[], float] = monotonic
        self.lagging: dict[str, Lagging] = {}  #: tables whose changes the data endpoints do not know yet
        self._waiting: dict[tuple[str, str], Waiting] = {}  #: keys whose index is being built
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

    def inbound(self, name: str) -> list[tuple[Relationship, str]]:
        """Relationships in which this table is the referenced one and deleting it matters, with what it does."""
        if self._inbound is None:
            self._inbound = {}
            for table in self.tables.values():
                for relationship in table.relationships:
                    delete = self.cascade(relationship)
                    if delete != "NoCascade":
                        self._inbound.setdefault(relationship.referenced, []).append((relationship, delete))
        return self._inbound.get(name, [])

    def cascade(self, relationship: Relationship) -> str:
        """What deleting the referenced row does to the rows that point at it."""
        return self.behaviour.cascades.get(relationship.schema, relationship.delete)

    def behave(self, behaviour: Behaviour, clock: Callable[[], float]) -> None:
        """Takes the environment's traits over, as far as they are about definitions."""
        self.behaviour, self.clock = behaviour, clock
        self._inbound = None

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
        known = {table.name: self._known(table) for table in tables if self._lags(table)}
        for table in tables:
            self.tables[table.name] = table
            for key in table.keys:
                if key.status == "Pending" and (table.name, key.name) not in self._waiting:
                    self._waiting[(table.name, key.name)] = self.behaviour.keys.start(self.clock())
        self._forget()
        for name, plan in known.items():
            self.lagging[name] = Lagging(self.behaviour.metadata.start(self.clock()), known=plan is not None)
            if plan is not None:
                self._plans[name] = plan

    def _lags(self, table: Table) -> bool:
        """Whether what changes about a table stays unknown to the data endpoints for a while."""
        held = self.tables.get(table.name)
        changed = held is None or held.columns.keys() != table.columns.keys()
        return self.behaviour.metadata != DEFAULT.metadata and changed

    def _known(self, table: Table) -> Plan | None:
        """What rows of the table are still read and written by; None for a new table."""
        return self.plan(table.name) if table.name in self.tables else None

    def look(self, name: str, *, strong: bool) -> bool:
        """Whether the data endpoints know the table; each look brings the end of a lag nearer, ``strong`` ends it."""
        lagging = self.lagging[name]
        if strong or lagging.waiting.look(self.clock()):
            del self.lagging[name]
            self._plans.pop(name, None)
            return True
        return lagging.known

    def drop_table(self, table: Table) -> None:
        """Takes a custom table away, with its rows."""
        with self.store.transaction():
            self.store.drop_table(table)
        del self.tables[table.name]
        self._forget()

    def drop_choice(self, choice: Choice) -> None:
        """Takes a global choice away."""
        self.store.drop_choice(choice)
        del self.choices[choice.name]

    def settle_keys(self, table: Table) -> None:
        """Builds the indexes of pending keys, once they have waited long enough: the service's background job.

        Called after each look at the keys.
        """
        pending = [key for key in table.keys if key.status in ("Pending", "InProgress")]
        if not pending:
            return
        now = self.clock()
        with self.store.transaction():
            for key in pending:
                waiting = self._waiting.setdefault((table.name, key.name), DEFAULT.keys.start(now))
                waiting.look(now)
                if not waiting.over(now):
                    key.status = "InProgress"
                    continue
                del self._waiting[(table.name, key.name)]
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
