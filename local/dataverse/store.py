"""SQLite under the Web API: one table per Dataverse table with real columns, and the definitions as JSON.

Everything runs on one connection in one thread. Text compares without regard to ASCII case, as the service's
collation does. A lookup that may point at several tables has a second column, ``<name>__type``.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import orjson

from local.dataverse.model import Choice, Column, Key, Option, Table, table_from_json, table_to_json

_AFFINITY: Final = {
    "Integer": "INTEGER", "BigInt": "INTEGER", "Boolean": "INTEGER", "Picklist": "INTEGER", "State": "INTEGER",
    "Status": "INTEGER", "Decimal": "REAL", "Double": "REAL", "Money": "REAL",
    "String": "TEXT COLLATE NOCASE", "Memo": "TEXT COLLATE NOCASE", "EntityName": "TEXT COLLATE NOCASE",
}  # fmt: skip


def quoted(name: str) -> str:
    return f'"{name}"'


def type_column(name: str) -> str:
    """The column beside a many-target lookup that names the table it points at."""
    return f"{name}__type"


class Store:
    """The database file. ``rows`` methods take and give stored values (see ``values``), keyed by column name."""

    def __init__(self, path: str) -> None:
        self.path = path
        # Few statements and pages are kept: what is read twice comes from the system's own cache, and a process that
        # holds it too would grow with the rows.
        self.db = sqlite3.connect(path, isolation_level=None, cached_statements=200, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=OFF", "temp_store=MEMORY", "cache_size=-8192"):
            self.db.execute(f"PRAGMA {pragma}")
        self._own_tables()
        self.version = 1_000_000
        self.filled: set[str] = set()  #: tables that may hold rows; the others need no look before a delete
        self.transfers: dict[str, tuple[str, bytearray]] = {}  #: files that come in chunks, by session token
        self._inserts: dict[str, tuple[str, list[str]]] = {}  #: by table, its one INSERT and the columns it takes
        self._depth = 0

    def close(self) -> None:
        self.db.close()

    def wipe(self) -> None:
        """Drops every table of the file, the definitions included."""
        with self.transaction():
            names = [r[0] for r in self.db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for name in names:
                self.db.execute(f"DROP TABLE {quoted(name)}")
            self._own_tables()
        self.filled.clear()
        self._inserts.clear()

    def _own_tables(self) -> None:
        self.db.execute("CREATE TABLE IF NOT EXISTS _sim_table (name TEXT PRIMARY KEY, document BLOB NOT NULL)")
        self.db.execute("CREATE TABLE IF NOT EXISTS _sim_choice (name TEXT PRIMARY KEY, document BLOB NOT NULL)")
        self.db.execute("CREATE TABLE IF NOT EXISTS _sim_file (id TEXT PRIMARY KEY, data BLOB NOT NULL)")
        self.db.execute("CREATE TABLE IF NOT EXISTS _sim_bin (name TEXT, id TEXT, PRIMARY KEY (name, id))")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; inside another one, a savepoint."""
        depth = self._depth
        self._depth = depth + 1
        self.db.execute(f"SAVEPOINT s{depth}" if depth else "BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self.db.in_transaction:  # a full disk makes SQLite undo everything by itself
                self.db.execute(f"ROLLBACK TO s{depth}" if depth else "ROLLBACK")
                if depth:
                    self.db.execute(f"RELEASE s{depth}")
            raise
        else:
            if not self.db.in_transaction:
                raise sqlite3.OperationalError("the database is full: the transaction was undone")
            self.db.execute(f"RELEASE s{depth}" if depth else "COMMIT")
        finally:
            self._depth = depth

    # Definitions

    def load_tables(self) -> list[Table]:
        rows = self.db.execute("SELECT document FROM _sim_table ORDER BY rowid")
        return [table_from_json(orjson.loads(row[0])) for row in rows]

    def load_choices(self) -> list[Choice]:
        documents = [orjson.loads(row[0]) for row in self.db.execute("SELECT document FROM _sim_choice")]
        return [Choice(d["name"], d["label"], [Option(*o) for o in d["options"]]) for d in documents]

    def save_table(self, table: Table) -> None:
        document = orjson.dumps(table_to_json(table))
        self.db.execute(
            "INSERT INTO _sim_table VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET document = excluded.document",
            (table.name, document),
        )

    def save_choice(self, choice: Choice) -> None:
        options = [[o.value, o.label] for o in choice.options]
        document = orjson.dumps({"name": choice.name, "label": choice.label, "options": options})
        self.db.execute("INSERT OR REPLACE INTO _sim_choice VALUES (?, ?)", (choice.name, document))

    def ensure_table(self, table: Table) -> None:
        """Creates the SQLite table, or adds the columns and indexes that it has not got yet."""
        held = {row[1] for row in self.db.execute(f"PRAGMA table_info({quoted(table.name)})")}
        if not held:
            columns = [pair for column in table.columns.values() for pair in _stored(column)]
            parts = [f"{quoted(n)} {k}" if n != table.id_column else f"{quoted(n)} TEXT NOT NULL PRIMARY KEY"
                     for n, k in columns]  # fmt: skip
            self.db.execute(f"CREATE TABLE {quoted(table.name)} ({', '.join(parts)})")
            held = {name for name, _ in columns}
        for column in table.columns.values():
            for name, kind in _stored(column):
                if name in held:
                    continue
                self.db.execute(f"ALTER TABLE {quoted(table.name)} ADD COLUMN {quoted(name)} {kind}")
                self._inserts.pop(table.name, None)
                if name != column.name and column.name in held:
                    # A lookup that had one target so far: its rows all point at the first.
                    self.db.execute(
                        f"UPDATE {quoted(table.name)} SET {quoted(name)} = ? WHERE {quoted(column.name)} IS NOT NULL",
                        (column.targets[0],),
                    )
        for relationship in table.relationships:
            if relationship.delete != "NoCascade":
                column_name = relationship.column
                self.db.execute(
                    f"CREATE INDEX IF NOT EXISTS {quoted(f'ix_{table.name}_{column_name}')} ON {quoted(table.name)} "
                    f"({quoted(column_name)}) WHERE {quoted(column_name)} IS NOT NULL"
                )
        highest, rows = self.db.execute(f"SELECT max(versionnumber), count(*) FROM {quoted(table.name)}").fetchone()
        self.version = max(self.version, highest or 0)
        if rows:
            self.filled.add(table.name)

    def drop_table(self, table: Table) -> None:
        self.db.execute(f"DROP TABLE {quoted(table.name)}")
        self.db.execute("DELETE FROM _sim_table WHERE name = ?", (table.name,))
        self.filled.discard(table.name)
        self._inserts.pop(table.name, None)

    def drop_column(self, table: Table, column: Column) -> None:
        self.db.execute(f"DROP INDEX IF EXISTS {quoted(f'ix_{table.name}_{column.name}')}")
        for name, _ in _stored(column):
            self.db.execute(f"ALTER TABLE {quoted(table.name)} DROP COLUMN {quoted(name)}")
        self._inserts.pop(table.name, None)

    def drop_key(self, table: Table, key: Key) -> None:
        self.db.execute(f"DROP INDEX IF EXISTS {quoted(f'key_{table.name}_{key.name}')}")

    def drop_choice(self, choice: Choice) -> None:
        self.db.execute("DELETE FROM _sim_choice WHERE name = ?", (choice.name,))

    def delete_pointing(self, table: Table, column: str, referenced: str) -> None:
        """Deletes the rows whose many-target lookup points at any row of that table."""
        self.db.execute(f"DELETE FROM {quoted(table.name)} WHERE {quoted(type_column(column))} = ?", (referenced,))

    def build_key(self, table: Table, key: Key) -> bool:
        """Builds the key's unique index; False when the rows hold duplicates."""
        columns = ", ".join(quoted(c) for c in key.columns)
        try:
            self.db.execute(
                f"CREATE UNIQUE INDEX IF NOT EXISTS {quoted(f'key_{table.name}_{key.name}')} "
                f"ON {quoted(table.name)} ({columns})"
            )
        except sqlite3.IntegrityError:
            return False
        return True

    # Rows

    def next_version(self) -> int:
        self.version += 1
        return self.version

    def insert(self, table: str, row: dict[str, Any]) -> None:
        """Adds a row; ``sqlite3.IntegrityError`` when its id or a key is there already, KeyError for no such column."""
        if table not in self._inserts:
            columns = [found[1] for found in self.db.execute(f"PRAGMA table_info({quoted(table)})")]
            self._inserts[table] = (f"INSERT INTO {quoted(table)} VALUES ({', '.join('?' * len(columns))})", columns)
        # One statement a table, not one for each set of columns that a row may have: there is no end of those.
        sql, columns = self._inserts[table]
        values = dict.fromkeys(columns)
        values.update(row)
        if len(values) != len(columns):
            raise KeyError(f"{table} has no column {', '.join(row.keys() - set(columns))}")
        self.db.execute(sql, tuple(values.values()))
        self.filled.add(table)

    def update(self, table: Table, identity: str, changes: dict[str, Any]) -> None:
        names = ", ".join(f"{quoted(name)} = ?" for name in changes)
        self.db.execute(
            f"UPDATE {quoted(table.name)} SET {names} WHERE {quoted(table.id_column)} = ?",
            (*changes.values(), identity),
        )

    def delete(self, table: Table, identity: str) -> bool:
        sql = f"DELETE FROM {quoted(table.name)} WHERE {quoted(table.id_column)} = ?"
        return self.db.execute(sql, (identity,)).rowcount > 0

    def bin(self, table: str, identity: str) -> None:
        """Puts a deleted row's id in the recycle bin."""
        self.db.execute("INSERT OR IGNORE INTO _sim_bin VALUES (?, ?)", (table, identity))

    def in_bin(self, table: str, identity: str) -> bool:
        return (
            self.db.execute("SELECT 1 FROM _sim_bin WHERE name = ? AND id = ?", (table, identity)).fetchone()
            is not None
        )

    def put_file(self, identity: str, data: bytes) -> None:
        """Keeps the content of a file column."""
        self.db.execute("INSERT INTO _sim_file VALUES (?, ?)", (identity, data))

    def file(self, identity: str) -> bytes | None:
        row = self.db.execute("SELECT data FROM _sim_file WHERE id = ?", (identity,)).fetchone()
        return row[0] if row else None

    def fetch(self, table: Table, identity: str, columns: Sequence[str]) -> tuple[Any, ...] | None:
        names = ", ".join(quoted(name) for name in columns)
        sql = f"SELECT {names} FROM {quoted(table.name)} WHERE {quoted(table.id_column)} = ?"
        row: tuple[Any, ...] | None = self.db.execute(sql, (identity,)).fetchone()
        return row

    def exists(self, table: Table, identity: str) -> bool:
        sql = f"SELECT 1 FROM {quoted(table.name)} WHERE {quoted(table.id_column)} = ?"
        return self.db.execute(sql, (identity,)).fetchone() is not None

    def find_key(self, table: Table, values: dict[str, Any]) -> str | None:
        """The id of the row with these key values."""
        where = " AND ".join(f"{quoted(name)} = ?" for name in values)
        sql = f"SELECT {quoted(table.id_column)} FROM {quoted(table.name)} WHERE {where}"
        row = self.db.execute(sql, tuple(values.values())).fetchone()
        return row[0] if row else None

    def pointing_at(self, table: Table, column: Column, referenced: str, identity: str) -> list[str]:
        """Ids of the rows whose lookup holds that row."""
        typed = column.many_targets
        sql = (
            f"SELECT {quoted(table.id_column)} FROM {quoted(table.name)} WHERE {quoted(column.name)} = ?"
            f"{f' AND {quoted(type_column(column.name))} = ?' if typed else ''}"
        )
        values = (identity, referenced) if typed else (identity,)
        return [row[0] for row in self.db.execute(sql, values)]

    def others(self, table: Table, identity: str, columns: Sequence[str], values: Sequence[Any]) -> bool:
        """Whether another row has these values."""
        where = " AND ".join(f"{quoted(name)} = ?" for name in columns)
        sql = f"SELECT 1 FROM {quoted(table.name)} WHERE {where} AND {quoted(table.id_column)} <> ? LIMIT 1"
        return self.db.execute(sql, (*values, identity)).fetchone() is not None

    def count(self, table: str) -> int:
        return int(self.db.execute(f"SELECT count(*) FROM {quoted(table)}").fetchone()[0])


def _stored(column: Column) -> list[tuple[str, str]]:
    columns = [(column.name, _AFFINITY.get(column.type, "TEXT"))]
    if column.is_lookup and column.many_targets:
        columns.append((type_column(column.name), "TEXT"))
    return columns
