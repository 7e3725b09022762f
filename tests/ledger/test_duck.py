"""One DuckDB serves all threads of a process within its memory."""

from pathlib import Path

import duckdb
import pytest

from ledger import duck


def test_so_many_queries_may_read_json_at_once_and_no_more() -> None:
    with duck.json_cursor(), duck.json_cursor():
        assert not duck._json.acquire(blocking=False)
    with duck.json_cursor(), duck.json_cursor():
        pass


def test_what_one_such_query_takes_is_as_much_as_is_reckoned(tmp_path: Path) -> None:
    """32 MB at least: four would leave nothing of what all queries of a process have."""
    lines = tmp_path / "one.ndjson"
    lines.write_text('{"a": 1}\n')
    query = "SELECT a FROM read_json($file, format = 'newline_delimited', columns = {a: 'BIGINT'})"
    with (
        duckdb.connect(config={"memory_limit": "30MB", "threads": 1}) as db,
        pytest.raises(duckdb.OutOfMemoryException),
    ):
        db.execute(query, {"file": str(lines)}).fetchall()
    with duckdb.connect(config={"memory_limit": "44MB", "threads": 1}) as db:
        assert db.execute(query, {"file": str(lines)}).fetchall() == [(1,)]
