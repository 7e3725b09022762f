"""Ids that are health information themselves (an SSN, say): a keyed hash takes their place before anything is shaped.

The key belongs to one migration, so that the same id gives the same hash in every reading and in every dataset that
names it, and nobody finds the id from the hash by trying all of them.
"""

import hashlib

import duckdb

#: What the SQL calls the value itself of a hashed column ``ssn``: ``plain_ssn``.
PLAIN = "plain_"


def keyed(secret: str, id: str) -> str:
    """What stands for an id everywhere. The same as the SQL macro ``keyed``."""
    return "h" + hashlib.sha256(f"{secret}{id.strip(' ')}".encode()).hexdigest()[:32]


def add_macro(db: duckdb.DuckDBPyConnection, secret: str) -> None:
    """Gives SQL the macro ``keyed(id)``, for ids that stand in lists. ``secret`` is hexadecimal."""
    db.execute(f"CREATE MACRO keyed(id) AS 'h' || substr(sha256('{secret}' || trim(id, ' ')), 1, 32)")
