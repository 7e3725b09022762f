"""Shapes one bucket of raw rows into records of the twelve objects, and accounts for every raw row."""

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import orjson

from mapping.objects import ObjectName
from sources.database import private_database, quoted, sql_of
from sources.errors import BadProfile, BadSource
from sources.hashing import add_macro
from sources.profile import OUT_OF_SCOPE, Dataset, Profile
from sources.sorting import sorted_by_id
from sources.staging import BROADCAST, MAX_ROW, parse_part_name

_FETCH: Final = 2000
_ACCOUNT: Final = re.compile(r"(fed|merged):([a-z_]+)|excluded:[a-z_]+")


@dataclass(frozen=True, slots=True)
class ShapedBucket:
    """What one bucket gave."""

    objects: dict[ObjectName, tuple[int, Path]]  #: records and their file, for each object shaped in this call
    accounts: dict[str, dict[str, int]]  #: dataset -> account -> raw rows, for each dataset accounted in this call
    left_out: Path  #: NDJSON of (dataset, _row, account) for the excluded raw rows


def shape_bucket(
    profile: Profile, raw_dir: Path, out_dir: Path, bucket: int | None, memory_mb: int, secret: str = ""
) -> ShapedBucket:
    """Runs a profile's SQL over the staged parts in ``raw_dir`` and writes ``<object>.ndjson.gz`` into ``out_dir``.

    Run again on the same parts it writes the same bytes: records are in order of their ids.

    Args:
        raw_dir: holds the parts of this bucket and of the broadcast datasets; others are passed over.
        bucket: which bucket, or None for what is done once: the global objects and broadcast datasets' accounts.
        memory_mb: what DuckDB may use; the Python side needs some 100 MB more, whatever the size of the bucket.
        secret: the key that the rows' hashed columns were staged with.

    Raises:
        BadProfile: SQL that does not run, raw rows that are not accounted for exactly once, records that belong to
            another bucket.
        BadSource: the parts in ``raw_dir`` do not belong together.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    parts, buckets = _parts(profile, raw_dir, bucket)
    with private_database(raw_dir, out_dir, memory_mb) as db:
        _macros(db, bucket, buckets)
        add_macro(db, secret)
        for name, dataset in profile.datasets.items():
            _load(db, profile, name, dataset, parts[name])
        for name, sql in profile.views.items():
            with sql_of(f"{profile.name}, view {name}"):
                db.execute(f"CREATE VIEW {quoted(name)} AS {sql}")
        objects: dict[ObjectName, tuple[int, Path]] = {}
        for object_name, query in profile.objects.items():
            if query.shaped_once == (bucket is None):
                path = out_dir / f"{object_name}.ndjson.gz"
                with _gzip(path) as file, sql_of(f"{profile.name}, SQL of {object_name}"):
                    objects[object_name] = (_shape(db, object_name, query.sql, bucket, file, out_dir), path)
        accounts = {}
        left_out = out_dir / "left_out.ndjson.gz"
        with _gzip(left_out) as file:
            for name, dataset in profile.datasets.items():
                if (dataset.bucket is None) == (bucket is None):
                    with sql_of(f"{profile.name}, account of {name}"):
                        accounts[name] = _account(db, profile, name, dataset, file)
    return ShapedBucket(objects, accounts, left_out)


def _parts(profile: Profile, raw_dir: Path, bucket: int | None) -> tuple[dict[str, list[Path]], int]:
    """The parts that count in this call by dataset, in row order, and the number of buckets they were made for."""
    found: dict[str, list[tuple[int, Path]]] = {name: [] for name in profile.datasets}
    counts: set[int] = set()
    for path in raw_dir.glob("*.ndjson.gz"):
        part = parse_part_name(path.name)
        if part.dataset not in found:
            raise BadSource(f"{path.name} is of no dataset of profile {profile.name}")
        counts.add(part.buckets)
        if part.bucket == BROADCAST or (bucket is not None and part.bucket == str(bucket)):
            found[part.dataset].append((part.first_row, path))
    if len(counts) > 1:
        raise BadSource(f"staged parts of different numbers of buckets ({sorted(counts)}) lie together")
    return {name: [path for _, path in sorted(some)] for name, some in found.items()}, counts.pop() if counts else 1


def _macros(db: duckdb.DuckDBPyConnection, bucket: int | None, buckets: int) -> None:
    """The macros that profile.py promises; ``bucket_of`` is the twin of staging.bucket_of."""
    digits = "substr(md5(trim(coalesce(key, ''), ' ')), 1, 8)"
    db.execute(f"CREATE MACRO bucket_of(key) AS ('0x' || {digits})::UBIGINT % {buckets}")
    here = "true" if bucket is None else f"bucket_of(key) = {bucket}"
    db.execute(f"CREATE MACRO in_bucket(key) AS {here}")
    db.execute("CREATE MACRO is_true(flag) AS coalesce(lower(trim(flag)) IN ('t', 'true', '1', 'yes', 'y'), false)")
    db.execute("CREATE MACRO is_false(flag) AS coalesce(lower(trim(flag)) IN ('f', 'false', '0', 'no', 'n'), false)")


def _load(db: duckdb.DuckDBPyConnection, profile: Profile, name: str, dataset: Dataset, parts: list[Path]) -> None:
    """Makes a table of a dataset. One that no SQL speaks of only brings its row numbers, to be counted."""
    texts = [*profile.views.values(), *(query.sql for query in profile.objects.values())]
    texts += [other.account for other in profile.datasets.values() if other.account]
    spoken_of = any(re.search(rf"\b{name}\b", text, re.IGNORECASE) for text in texts)
    columns = {"_row": "BIGINT"}
    if spoken_of:
        columns |= dict.fromkeys([*profile.declared(name), "_extra"], "VARCHAR")
    if not parts:
        db.execute(f"CREATE TABLE {quoted(name)} ({', '.join(f'{quoted(c)} {t}' for c, t in columns.items())})")
        return
    typed = ", ".join(f"{quoted(column)}: '{kind}'" for column, kind in columns.items())
    with sql_of(f"staged rows of {name}"):
        db.execute(
            f"CREATE TABLE {quoted(name)} AS SELECT * FROM read_json($parts, format = 'newline_delimited',"
            f" compression = 'gzip', maximum_object_size = {MAX_ROW}, columns = {{{typed}}})",
            {"parts": [str(part) for part in parts]},
        )


def _gzip(path: Path) -> gzip.GzipFile:
    # No time in the gzip header: the same records make the same bytes.
    return gzip.GzipFile(path, "wb", compresslevel=1, mtime=0)


def _shape(
    db: duckdb.DuckDBPyConnection, object_name: str, sql: str, bucket: int | None, file: gzip.GzipFile, work: Path
) -> int:
    """Writes the records of one object; how many."""
    query = sql.strip().rstrip(";")
    types = {name: kind for name, kind, *_ in db.execute(f"DESCRIBE {query}").fetchall()}
    needed = {"_id"} if bucket is None else {"_id", "_patient"}
    if missing := needed - types.keys():
        raise BadProfile(f"SQL of {object_name} gives no {', '.join(sorted(missing))}")
    picks = ", ".join(f"{_as_text(name, kind)} AS {quoted(name)}" for name, kind in types.items())
    here = "true" if bucket is None else "in_bucket(r._patient)"
    db.execute(
        f"SELECT coalesce(r._id, ''), to_json(r)::VARCHAR, {here} FROM (SELECT {picks} FROM ({query})) AS r",
    )
    with sorted_by_id(work) as records:
        while rows := db.fetchmany(_FETCH):
            if not all(row[2] for row in rows):
                raise BadProfile(f"SQL of {object_name} gives records whose _patient belongs to another bucket")
            records.add((row[0], row[1]) for row in rows)
        for lines in records.batches():
            file.write(lines)
        return records.count


def _as_text(name: str, kind: str) -> str:
    nested = kind in ("VARCHAR", "JSON") or kind.endswith("[]") or kind.startswith(("STRUCT", "MAP"))
    return quoted(name) if nested else f"{quoted(name)}::VARCHAR"


def _account(
    db: duckdb.DuckDBPyConnection, profile: Profile, name: str, dataset: Dataset, left_out: gzip.GzipFile
) -> dict[str, int]:
    """Raw rows by account; checks that every raw row has exactly one."""
    table = quoted(name)
    query = (dataset.account or f"SELECT _row, '{OUT_OF_SCOPE}' AS account FROM {table}").strip().rstrip(";")
    db.execute(f"CREATE TEMP TABLE _account AS SELECT _row, account FROM ({query})")
    try:
        rows, accounted, distinct = _one(
            db,
            f"SELECT (SELECT count(*) FROM {table}), (SELECT count(*) FROM _account),"
            f" (SELECT count(*) FROM (SELECT DISTINCT _row FROM _account) SEMI JOIN {table} USING (_row))",
        )
        if not rows == accounted == distinct:
            raise BadProfile(
                f"account of {name}: {rows} raw rows, {accounted} accounts, {distinct} of them for different raw rows"
            )
        counts = db.execute("SELECT account, count(*) FROM _account GROUP BY account ORDER BY account").fetchall()
        for account, _ in counts:
            match = _ACCOUNT.fullmatch(account or "")
            if not match or (match[2] and match[2] not in profile.objects):
                raise BadProfile(
                    f"account of {name} gives something else than fed:, merged: or excluded: of a known name"
                )
        for line in _left_out(db, name):
            left_out.write(line)
        return dict(counts)
    finally:
        db.execute("DROP TABLE IF EXISTS _account")


def _one(db: duckdb.DuckDBPyConnection, sql: str) -> tuple[int, int, int]:
    row = db.execute(sql).fetchone()
    assert row is not None  # an aggregate without GROUP BY has one row
    return row[0], row[1], row[2]


def _left_out(db: duckdb.DuckDBPyConnection, name: str) -> Iterator[bytes]:
    db.execute("SELECT _row, account FROM _account WHERE account LIKE 'excluded:%' ORDER BY _row")
    while rows := db.fetchmany(_FETCH):
        yield b"".join(
            orjson.dumps({"dataset": name, "_row": number, "account": account}) + b"\n" for number, account in rows
        )
