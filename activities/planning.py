"""The join that decides what happens to each record: mapped records against the ledger's current receipts.

One DuckDB join per object; never a read per record. Works on local files that the activity has fetched.
"""

from pathlib import Path
from typing import Any

import duckdb

from ledger import duck

#: What ``plan`` may say of a record. The first three lead to a write.
WRITES = ("create", "update", "join")

_PLAN = """
CREATE TABLE rec AS
SELECT *, row_number() OVER (PARTITION BY lower(source_key) ORDER BY chunk, pos) AS nth
FROM read_parquet($index) {only};

CREATE TABLE cur AS SELECT * FROM read_parquet($current) WHERE object = $object;
CREATE TABLE parents AS
SELECT lower(source_key) AS k, "table", row_id FROM read_parquet($current) WHERE object <> $object
{planned_parents};
CREATE TABLE shared AS
SELECT lower(row_key) AS k, any_value(row_id) AS row_id, any_value("table") AS "table"
FROM read_parquet($current) WHERE object <> $object GROUP BY 1;

CREATE TABLE need AS
SELECT chunk, pos, ref.column AS col, ref.object AS object, ref.required AS required, lower(ref.key) AS k,
       ref.object = $object AS own
FROM (SELECT chunk, pos, unnest(refs) AS ref FROM rec WHERE status = 'mapped' AND nth = 1);

CREATE TABLE links AS
SELECT n.chunk, n.pos,
       list({{'column': col, 'table': p."table", 'row_id': p.row_id}}) FILTER (p.row_id IS NOT NULL) AS resolved,
       list({{'column': col, 'object': n.object}} ORDER BY col) FILTER (p.row_id IS NULL AND NOT own) AS missing,
       coalesce(bool_or(required AND p.row_id IS NULL AND NOT own), false) AS orphan,
       any_value(n.object) FILTER (required AND p.row_id IS NULL AND NOT own) AS orphan_of,
       count(*) FILTER (own) AS own_refs
FROM need n LEFT JOIN parents p ON p.k = n.k AND NOT own
GROUP BY 1, 2;

CREATE TABLE decided AS
SELECT r.chunk, r.pos, r.source_id, r.source_key, r.row_key, r."table", r.patient, r.reason, r.message, r.properties,
       r.properties_refused, r.properties_ignored, r.issues, r.state, r.review, r.owner_rule,
       l.resolved, l.missing, l.orphan_of, coalesce(l.own_refs, 0) AS own_refs,
       r.hash || coalesce('~' || array_to_string(list_transform(l.missing, lambda x: x.column), ','), '') AS hash,
       coalesce(cur.row_id, shared.row_id) AS row_id, cur.payload AS written, cur.generation AS generation,
       -- Columns that were held back when an unchanged record was written; for a write, the write itself says.
       CASE WHEN cur.hash = r.hash || coalesce('~' || array_to_string(list_transform(l.missing, lambda x: x.column), ','), '')
            THEN coalesce(from_json(cur.payload -> '$.refused', '["VARCHAR"]'), []) ELSE [] END AS held,
       CASE WHEN r.status <> 'mapped' THEN r.status
            WHEN r.nth > 1 THEN 'duplicate'
            WHEN coalesce(l.orphan, false) THEN 'orphan'
            WHEN cur."table" <> r."table" THEN 'rerouted'
            WHEN cur.row_id IS NOT NULL AND cur.hash
                 = r.hash || coalesce('~' || array_to_string(list_transform(l.missing, lambda x: x.column), ','), '')
            THEN 'unchanged'
            WHEN cur.row_id IS NOT NULL THEN 'update'
            WHEN shared.row_id IS NOT NULL AND shared."table" = r."table" THEN 'join'
            ELSE 'create' END AS action
FROM rec r
LEFT JOIN links l ON l.chunk = r.chunk AND l.pos = r.pos
LEFT JOIN cur ON lower(cur.source_key) = lower(r.source_key)
LEFT JOIN shared ON shared.k = lower(r.row_key);

-- The second passes: for what is written now, and for what an earlier run wrote and could not finish.
CREATE TABLE plan AS
SELECT *, own_refs > 0 AND (action IN ('create', 'update', 'join')
              OR action = 'unchanged' AND NOT coalesce((written ->> '$.linked')::BOOLEAN, false)) AS todo_link,
       state IS NOT NULL AND (action IN ('create', 'update', 'join')
              OR action = 'unchanged' AND coalesce(written ->> '$.state', '') <> state) AS todo_state
FROM decided;
"""


_EXCEPTED_RECORDS = """
SELECT source_id, NULL,
       CASE action WHEN 'duplicate' THEN 'duplicate_id' WHEN 'orphan' THEN 'missing_parent' WHEN 'rerouted' THEN 'rerouted'
            ELSE reason END,
       CASE action WHEN 'duplicate' THEN 'Another record of this object has the same id; the first one was taken.'
            WHEN 'orphan' THEN 'The ' || orphan_of || ' it belongs to is not in the target.'
            WHEN 'rerouted' THEN 'It would land in another table than before; roll its run back first.'
            ELSE coalesce(message, '') END,
       orphan_of, NULL
FROM plan WHERE action IN ('excepted', 'duplicate', 'orphan', 'rerouted') ORDER BY chunk, pos
"""

_EXCEPTED_FIELDS = """
SELECT source_id, issue.field, issue.code, issue.message, NULL, issue.column
FROM (SELECT source_id, chunk, pos, unnest(issues) AS issue FROM plan WHERE action IN ('create', 'update', 'join', 'unchanged'))
UNION ALL
SELECT source_id, lost.column, 'missing_parent', 'The ' || lost.object || ' it points at is not in the target.', lost.object,
       lost.column
FROM (SELECT source_id, unnest(missing) AS lost FROM plan WHERE action IN ('create', 'update', 'join', 'unchanged'))
UNION ALL
SELECT source_id, held, 'held_back', 'The column was held back when the record was written, in an earlier run.', NULL, held
FROM (SELECT source_id, unnest(held) AS held FROM plan WHERE action = 'unchanged')
ORDER BY 1, 2
"""


def make_plan(
    folder: Path,
    object_name: str,
    *,
    wanted: tuple[str, ...],
    selection: Path | None,
    planned_parents: bool,
    memory_mb: int,
) -> dict[str, Any]:
    """Decide for every record of one object; write ``part-<n>.parquet`` files for the chunks with wanted actions.

    ``folder`` holds ``index/*.parquet`` (this object's mapped index), ``current/*.parquet`` (current receipts of all
    objects; at least one file, maybe empty), and with ``planned_parents`` ``parents/*.parquet`` (index of the objects
    before this one, for a plan made before anything is written).

    Returns counts by action, sums for the tally, and ``chunks``: names of the mapped chunks in plan order.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_mb}MB",
        "threads": 1,
        "temp_directory": str(folder / "spill"),
    }
    with duckdb.connect(str(folder / "plan.duckdb"), config=config) as db:
        db.begin()  # one transaction: the tables go to disk once, not at each statement
        only = "WHERE source_key IN (SELECT source_key FROM read_parquet($selection))" if selection else ""
        also = (
            "UNION SELECT lower(source_key), \"table\", 'planned' FROM read_parquet($parents) WHERE status = 'mapped'"
            if planned_parents and any((folder / "parents").rglob("*.parquet"))
            else ""
        )
        values = {
            "index": str(folder / "index" / "*.parquet"),
            "current": str(folder / "current" / "*.parquet"),
            "object": object_name,
            "selection": str(selection),
            "parents": str(folder / "parents" / "**" / "*.parquet"),
        }
        for statement in _PLAN.format(only=only, planned_parents=also).split(";\n"):
            if statement.strip():
                used = {key: value for key, value in values.items() if f"${key}" in statement}
                db.execute(statement, used)
        chunks = [
            row[0]
            for row in db.execute(
                "SELECT DISTINCT chunk FROM plan WHERE list_contains($wanted, action) OR $passes AND (todo_link OR todo_state) "
                "ORDER BY chunk",
                {"wanted": list(wanted), "passes": wanted == WRITES},
            ).fetchall()
        ]
        for number, chunk in enumerate(chunks):
            db.execute(
                f"COPY (SELECT * FROM plan WHERE chunk = $chunk ORDER BY pos) TO '{folder / f'part-{number:06d}.parquet'}' "
                "(FORMAT parquet, COMPRESSION zstd)",
                {"chunk": chunk},
            )
        summary = {**_sums(db), "chunks": chunks, "gone": _gone(db) if selection is None else []}
        db.commit()
    return summary


def _sums(db: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    rows = db.execute(
        """SELECT action, count(*), sum(properties), sum(properties_refused), sum(properties_ignored),
                  sum(len(coalesce(issues, [])) + len(coalesce(missing, [])) + len(held))
                    FILTER (action IN ('create','update','join','unchanged')),
                  count(*) FILTER (todo_link), count(*) FILTER (todo_state)
           FROM plan GROUP BY 1 ORDER BY 1"""
    ).fetchall()
    actions = {
        row[0]: {
            "records": row[1],
            "properties": int(row[2] or 0),
            "refused": int(row[3] or 0),
            "ignored": int(row[4] or 0),
        }
        for row in rows
    }
    return {
        "actions": actions,
        "read": sum(row[1] for row in rows),
        "fields_excepted": int(sum(row[5] or 0 for row in rows)),
        "links": int(sum(row[6] or 0 for row in rows)),
        "states": int(sum(row[7] or 0 for row in rows)),
    }


def _gone(db: duckdb.DuckDBPyConnection) -> list[str]:
    """Source ids that have a row but are in the source no more."""
    return [
        row[0]
        for row in db.execute(
            "SELECT source_id FROM cur WHERE lower(source_key) NOT IN (SELECT lower(source_key) FROM rec) ORDER BY 1"
        ).fetchall()
    ]


def read_exceptions(folder: Path) -> list[tuple[str, str | None, str, str, str | None, str | None]]:
    """What the plan could not let through: (source id, field or None, code, message, cause, column), records first."""
    with duckdb.connect(str(folder / "plan.duckdb"), read_only=True) as db:
        records = db.execute(_EXCEPTED_RECORDS).fetchall()
        fields = db.execute(_EXCEPTED_FIELDS).fetchall()
    return [*records, *fields]


def read_part(path: Path) -> dict[int, dict[str, Any]]:
    """One plan part by position in its mapped chunk."""
    with duck.cursor() as db:
        cursor = db.execute("SELECT * FROM read_parquet($path)", {"path": str(path)})
        names = [column[0] for column in cursor.description or []]
        return {row["pos"]: row for row in (dict(zip(names, values, strict=True)) for values in cursor.fetchall())}
