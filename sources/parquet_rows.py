"""Rows of a Parquet file as text; lists and structs as the lists and dicts they are."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import duckdb

from sources.errors import BadSource
from sources.json_rows import plain

_FETCH: Final = 1000
_NESTED: Final = ("STRUCT", "MAP", "[]", "JSON", "UNION")


def parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows in file order.

    Raises:
        BadSource: the file is no Parquet file or damaged.
    """
    try:
        with duckdb.connect(config={"threads": "1"}) as db:
            columns = db.execute("DESCRIBE SELECT * FROM read_parquet($file)", {"file": str(path)}).fetchall()
            nested = {name for name, kind, *_ in columns if any(mark in kind for mark in _NESTED)}
            picks = ", ".join(
                (f"to_json({quoted})::VARCHAR" if name in nested else f"{quoted}::VARCHAR")
                for name, quoted in ((name, '"' + name.replace('"', '""') + '"') for name, *_ in columns)
            )
            result = db.execute(f"SELECT {picks} FROM read_parquet($file)", {"file": str(path)})
            while rows := result.fetchmany(_FETCH):
                for row in rows:
                    yield {
                        name: plain(
                            json.loads(value, parse_int=str, parse_float=str) if value and name in nested else value
                        )
                        for (name, *_), value in zip(columns, row, strict=True)
                    }
    except duckdb.Error:
        raise BadSource(f"{path.name} is not a Parquet file that can be read") from None
