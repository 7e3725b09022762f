"""One DuckDB for the whole process. Starting one takes about 17 ms, several times what most of its work here takes."""

import atexit
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import duckdb

#: Memory of all queries of the process together; what does not fit goes to a private folder on disk.
MEMORY: Final = "128MB"

#: Queries that read JSON take 32 MB each, however little they read: so many at once leave room for the others.
JSON_AT_ONCE: Final = 2

_lock = threading.Lock()
_json = threading.BoundedSemaphore(JSON_AT_ONCE)
_kept: list[duckdb.DuckDBPyConnection] = []


def cursor() -> duckdb.DuckDBPyConnection:
    """A connection of one's own to the process's DuckDB: its temporary tables are seen by nobody else and go when it
    is closed. Each query runs in the thread that asks. Use it as a context manager, from one thread at a time."""
    with _lock:
        if not _kept:
            spill = tempfile.mkdtemp(prefix="carryover-duckdb-")
            atexit.register(shutil.rmtree, spill, True)
            kept = duckdb.connect(config={"memory_limit": MEMORY, "threads": 1, "temp_directory": spill})
            # Files are read once: what the cache holds would only be memory that is not given back.
            kept.execute("SET enable_external_file_cache = false")
            _kept.append(kept)
        return _kept[0].cursor()


@contextmanager
def json_cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    """As `cursor`, for a query that reads JSON: waits until there is room. Not to be nested in a thread."""
    with _json, cursor() as db:
        yield db
