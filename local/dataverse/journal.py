"""What was written to each row, counted by SQLite itself: what a transaction takes back is not counted.

Off until asked for; then triggers of this connection count every row that is added, changed or deleted.
"""

from typing import Final

from local.dataverse.catalog import Catalog
from local.dataverse.model import Table
from local.dataverse.store import Store, quoted

#: Column of the count, by what happens to the row, and which of its two versions names it.
_EVENTS: Final = {"INSERT": ("created", "NEW"), "UPDATE": ("updated", "NEW"), "DELETE": ("deleted", "OLD")}


class Journal:
    """Writes by table and row since ``start``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def start(self, catalog: Catalog) -> None:
        """Counts from now on, from nothing, in every table that exists now and holds no rows of the service's own."""
        db = self._store.db
        db.execute(
            "CREATE TEMP TABLE IF NOT EXISTS _sim_written (name TEXT, id TEXT, created INTEGER DEFAULT 0,"
            " updated INTEGER DEFAULT 0, deleted INTEGER DEFAULT 0, PRIMARY KEY (name, id))"
        )
        db.execute("DELETE FROM _sim_written")
        for table in catalog.tables.values():
            if not table.system:
                self._watch(table)

    def _watch(self, table: Table) -> None:
        for event, (column, version) in _EVENTS.items():
            self._store.db.execute(
                f"CREATE TEMP TRIGGER IF NOT EXISTS {quoted(f'written_{table.name}_{column}')}"
                f" AFTER {event} ON main.{quoted(table.name)} BEGIN"
                f" INSERT INTO _sim_written (name, id, {column})"
                f" VALUES ('{table.name}', {version}.{quoted(table.id_column)}, 1)"
                f" ON CONFLICT (name, id) DO UPDATE SET {column} = {column} + 1; END"
            )

    def read(self) -> dict[str, dict[str, list[int]]]:
        """{table: {id: [times created, updated, deleted]}}; empty before ``start``."""
        found: dict[str, dict[str, list[int]]] = {}
        if self._store.db.execute("SELECT 1 FROM temp.sqlite_master WHERE name = '_sim_written'").fetchone():
            for name, identity, *times in self._store.db.execute("SELECT * FROM _sim_written ORDER BY name, id"):
                found.setdefault(name, {})[identity] = times
        return found
