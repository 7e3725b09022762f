"""A private DuckDB for one bucket: flat memory, its own temporary folder, no way to other files."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

import duckdb

from sources.errors import BadProfile, BadSource

#: DuckDB does not start to work in less.
LEAST_MEMORY_MB: Final = 64

#: Errors about the SQL text itself. Others may quote values, so only their kind is told.
_ABOUT_SQL: Final = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)


def quoted(name: str) -> str:
    """An identifier for SQL."""
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def private_database(readable: Path, work_in: Path, memory_mb: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database that spills to its own folder below ``work_in`` and may read files below ``readable`` only.

    Args:
        memory_mb: DuckDB's limit; what does not fit goes to the folder, which is deleted at the end.
    """
    folder = Path(mkdtemp(prefix=".work-", dir=work_in))
    try:
        db = duckdb.connect(
            str(folder / "bucket.db"),
            config={
                "memory_limit": f"{max(memory_mb, LEAST_MEMORY_MB)}MB",
                "threads": "1",
                "temp_directory": str(folder / "spill"),
                "autoload_known_extensions": "false",
                "autoinstall_known_extensions": "false",
            },
        )
        try:
            db.execute(f"SET allowed_directories = [{_literal(readable)}]")
            db.execute("SET enable_external_access = false")
            db.execute("SET lock_configuration = true")
            yield db
        finally:
            db.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _literal(path: Path) -> str:
    return "'" + str(path.resolve()).replace("'", "''") + "'"


@contextmanager
def sql_of(what: str) -> Iterator[None]:
    """Turns DuckDB's errors into BadProfile (BadSource when memory ran out), naming ``what``, without values."""
    try:
        yield
    except _ABOUT_SQL as error:
        raise BadProfile(f"{what}: {str(error).splitlines()[0]}") from None
    except duckdb.OutOfMemoryException:
        raise BadSource(
            f"{what}: too much for the memory limit; raise it, or spread the rows over more buckets"
        ) from None
    except duckdb.Error as error:
        raise BadProfile(f"{what}: {type(error).__name__} (the text is left out, it may hold values)") from None
