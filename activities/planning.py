"""The join that decides what happens to each record: mapped records against the ledger's current receipts.

One file of the index (a bucket's records of one object) at a time, so that memory stays flat; what concerns all of them
(keys that come twice, parents) is looked up in narrow tables. Never a read per record. Works on local files that the
activity has fetched.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from activities import holding
from activities.holding import HELD, LEFT, Chosen
from ledger import duck
from mapping.properties import PREFIX

#: What ``plan`` may say of a record that is written now, and of one that does not land.
WRITES: Final = ("create", "update", "join", "adopt")
REFUSED: Final = ("excepted", "duplicate", "orphan", "rerouted", "ambiguous")
EXCEPTED: Final = (*REFUSED, HELD)

#: What ``plan`` says, once a run has loaded, of the records that have a row, and of those that have none.
LANDED: Final = ("unchanged", "update")
NOT_LANDED: Final = (*WRITES, *REFUSED, "excluded")

#: What is said of a custom property whose patient did not land: code and words. It names the patient as its cause.
WITH_PATIENT: Final = ("missing_parent", "The patient record it belongs to did not land.")

#: (source id, field or None, code, message, cause, column)
Excepted = tuple[str, str | None, str, str, str | None, str | None]

#: Keys are compared without case, by a digest: 16 bytes, however long they are.
_KEY: Final = "md5_number(lower(source_key))"

#: Codes of the records that the plan itself refuses, by action; the others bring their own.
CODES: Final = {
    "duplicate": "duplicate_id", "orphan": "missing_parent", "rerouted": "rerouted", "ambiguous": "ambiguous_match",
}  # fmt: skip

_WRITTEN: Final = ", ".join(f"'{action}'" for action in WRITES)
_NOT_LANDED: Final = ", ".join(f"'{action}'" for action in REFUSED)
#: What has a row, is to get one, or is left to a run to come: it is listed by its fields.
_GOING: Final = f"{_WRITTEN}, '{LEFT}', 'unchanged'"

_WHOLE: Final = f"""
CREATE TEMP TABLE twice AS
SELECT {_KEY} AS k, min(chunk || lpad(pos::VARCHAR, 9, '0')) AS first FROM read_parquet($index)
WHERE {_KEY} IN (SELECT {_KEY} FROM read_parquet($index) GROUP BY 1 HAVING count(*) > 1) GROUP BY 1;

CREATE TEMP TABLE cur AS
SELECT k, source_id, "table", row_id, hash, refused, linked, state, adopted FROM read_parquet($current) WHERE object = $object;
CREATE TEMP TABLE parents AS
SELECT k, "table", row_id FROM read_parquet($current) WHERE object IN (SELECT unnest($parents));
CREATE TEMP TABLE shared AS
SELECT row_k AS k, any_value(row_id) AS row_id, any_value("table") AS "table"
FROM read_parquet($current) WHERE object <> $object AND row_k <> k GROUP BY 1
"""

_PLANNED_PARENTS: Final = f"""
INSERT INTO parents SELECT {_KEY}, "table", 'planned' FROM read_parquet($planned) WHERE status = 'mapped'
"""

#: The rows that match rules have found, a record each, and what makes a match doubtful: more than one row, another record
#: that matches the same row, a row that was adopted for another record.
_NO_MATCHES: Final = "CREATE TEMP TABLE found (k UHUGEINT, row_id VARCHAR, doubt VARCHAR)"
_MATCHES: Final = f"""
INSERT INTO found
WITH hits AS (SELECT {_KEY} AS k, any_value(source_id) AS source_id, any_value(row_ids) AS row_ids, any_value(taken) AS taken
              FROM read_json($matches, format = 'newline_delimited', compression = 'gzip', columns =
                {{source_key: 'VARCHAR', source_id: 'VARCHAR', row_ids: 'VARCHAR[]', taken: 'VARCHAR[]'}}) GROUP BY 1),
     each AS (SELECT k, source_id, unnest(row_ids) AS row_id FROM hits),
     claimed AS (SELECT row_id, list(source_id ORDER BY source_id) AS ids FROM each GROUP BY 1 HAVING count(*) > 1),
     rival AS (SELECT each.k, min(each.row_id) AS row_id,
                      arg_min(list_filter(ids, lambda one: one <> each.source_id), each.row_id) AS ids
               FROM each JOIN claimed USING (row_id) GROUP BY 1),
     kept AS (SELECT held.k, min(held.row_id) AS row_id, arg_min(c.object || ' ' || c.source_id, held.row_id) AS whose
              FROM (SELECT k, unnest(taken) AS row_id FROM hits) AS held
              JOIN read_parquet($current) AS c ON c.row_id = held.row_id AND c.adopted GROUP BY 1)
SELECT hits.k, hits.row_ids[1],
       CASE WHEN len(hits.row_ids) > 1
              THEN 'More than one row of the target matches it: ' || array_to_string(hits.row_ids[1:5], ', ') || '.'
            WHEN rival.k IS NOT NULL
              THEN 'The row ' || rival.row_id || ' of the target matches other records too: '
                   || array_to_string(rival.ids[1:5], ', ') || '.'
            WHEN kept.k IS NOT NULL
              THEN 'The row ' || kept.row_id || ' of the target matches it, but was adopted for ' || kept.whose || '.' END
FROM hits LEFT JOIN rival USING (k) LEFT JOIN kept USING (k)
"""

_SLICE: Final = f"""
CREATE OR REPLACE TEMP TABLE rec AS
SELECT i.*, {_KEY} AS k, coalesce(i.chunk || lpad(i.pos::VARCHAR, 9, '0') <> t.first, false) AS again
FROM read_parquet($slice) AS i LEFT JOIN twice AS t ON t.k = {_KEY};

CREATE OR REPLACE TEMP TABLE links AS
SELECT n.chunk, n.pos,
       list({{'column': col, 'table': p."table", 'row_id': p.row_id}}) FILTER (p.row_id IS NOT NULL) AS resolved,
       list({{'column': col, 'object': n.object, 'key': n.key}} ORDER BY col) FILTER (p.row_id IS NULL AND NOT own) AS missing,
       coalesce(bool_or(required AND p.row_id IS NULL AND NOT own), false) AS orphan,
       any_value({{'object': n.object, 'key': n.key}}) FILTER (required AND p.row_id IS NULL AND NOT own) AS orphan_of,
       count(*) FILTER (own) AS own_refs
FROM (SELECT chunk, pos, ref.column AS col, ref.object AS object, ref.required AS required, ref.object = $object AS own, ref.key AS key,
             md5_number(lower(ref.key)) AS k
      FROM (SELECT chunk, pos, unnest(refs) AS ref FROM rec WHERE status = 'mapped' AND NOT again)) AS n
LEFT JOIN parents AS p ON p.k = n.k AND NOT own
GROUP BY 1, 2;

CREATE OR REPLACE TEMP TABLE plan AS
WITH known AS (
  SELECT r.*, l.resolved, l.missing, l.orphan, l.orphan_of, coalesce(l.own_refs, 0) AS own_refs,
         r.hash || coalesce('~' || array_to_string(list_transform(l.missing, lambda x: x.column), ','), '') AS full_hash
  FROM rec AS r LEFT JOIN links AS l ON l.chunk = r.chunk AND l.pos = r.pos)
SELECT r.chunk, r.pos, r.k, r.source_id, r.source_key, r.row_key, r."table", r.patient, r.reason, r.message,
       r.properties, r.properties_refused, r.properties_ignored, r.issues, r.state, r.resolved, r.missing, r.orphan_of,
       r.own_refs, r.full_hash AS hash, coalesce(cur.row_id, shared.row_id, found.row_id) AS row_id, found.doubt,
       -- Columns that an earlier run held back; when a record is written again, the write itself says.
       coalesce(cur.refused, []) AS refused,
       CASE WHEN r.status <> 'mapped' THEN r.status
            WHEN r.again THEN $again
            WHEN coalesce(r.orphan, false) THEN 'orphan'
            WHEN cur."table" <> r."table" THEN 'rerouted'
            WHEN cur.row_id IS NOT NULL AND cur.hash = r.full_hash THEN 'unchanged'
            WHEN cur.row_id IS NOT NULL THEN 'update'
            WHEN shared.row_id IS NOT NULL AND shared."table" = r."table" THEN 'join'
            WHEN found.doubt IS NOT NULL THEN 'ambiguous'
            WHEN found.row_id IS NOT NULL THEN 'adopt'
            ELSE 'create' END AS action,
       action = 'adopt' OR coalesce(cur.adopted, false) AS theirs,
       theirs AS adopted, $keep_owner AND theirs AS keep_owner, shared.row_id IS NOT NULL AS shared,
       -- The second passes: for what is written now, and for what an earlier run wrote and could not finish.
       r.own_refs > 0 AND (action IN ({_WRITTEN}) OR action = 'unchanged' AND NOT cur.linked) AS todo_link,
       r.state IS NOT NULL AND (action IN ({_WRITTEN}) OR action = 'unchanged' AND cur.state <> r.state)
         AS todo_state,
       false AS held
FROM known AS r
LEFT JOIN cur ON cur.k = r.k
LEFT JOIN shared ON shared.k = md5_number(lower(r.row_key))
LEFT JOIN found ON found.k = r.k
"""

_PART: Final = """
SELECT p.* EXCLUDE (k), {written} AS written FROM plan AS p {old} WHERE p.chunk = $chunk ORDER BY p.pos
"""
#: What was last written, of the records that are written again or were not finished.
_OLD: Final = f"""
LEFT JOIN (SELECT {_KEY} AS k, payload FROM read_parquet($old)) AS o ON o.k = p.k AND (p.action = 'update' OR p.todo_link OR p.todo_state)
"""

_EXCEPTED_RECORDS: Final = f"""
SELECT source_id, NULL,
       CASE action {" ".join(f"WHEN '{action}' THEN '{code}'" for action, code in CODES.items())} ELSE reason END,
       CASE action WHEN 'duplicate' THEN 'Another record of this object has the same id; the first one was taken.'
            WHEN 'orphan' THEN 'The ' || orphan_of.object || ' it belongs to is not in the target.'
            WHEN 'rerouted' THEN 'It would land in another table than before; roll its run back first.'
            WHEN 'ambiguous' THEN doubt
            ELSE coalesce(message, '') END,
       orphan_of.key, NULL
FROM plan WHERE action IN ({_NOT_LANDED}) ORDER BY chunk, pos
"""

_EXCEPTED_FIELDS: Final = f"""
SELECT source_id, issue.field, issue.code, issue.message, NULL, issue.column
FROM (SELECT source_id, chunk, pos, unnest(issues) AS issue FROM plan WHERE action IN ({_GOING}) AND NOT held)
WHERE NOT starts_with(issue.field, '{PREFIX}')
UNION ALL
SELECT source_id, lost.column, 'missing_parent', 'The ' || lost.object || ' it points at is not in the target.', lost.key,
       lost.column
FROM (SELECT source_id, unnest(missing) AS lost FROM plan WHERE action IN ({_GOING}) AND NOT held)
UNION ALL
SELECT source_id, col, 'held_back', 'The column was held back when the record was written, in an earlier run.', NULL, col
FROM (SELECT source_id, unnest(refused) AS col FROM plan WHERE action = 'unchanged' AND NOT held)
ORDER BY 1, 2
"""

#: Custom properties are records of their own: one that was refused, however many columns it was to fill, and all of a
#: patient who does not land.
_EXCEPTED_PROPERTIES: Final = f"""
SELECT source_id || '.' || property, NULL, '{WITH_PATIENT[0]}', '{WITH_PATIENT[1]}', nullif(source_key, ''), NULL
FROM (SELECT source_id, source_key, unnest(properties) AS property,
             list_transform(CASE action WHEN '{HELD}' THEN issues END, lambda one: one.field) AS listed
      FROM plan WHERE action IN ({_NOT_LANDED}, '{HELD}'))
WHERE NOT list_contains(coalesce(listed, []), '{PREFIX}' || property)
UNION ALL
SELECT any_value(source_id) || '.' || substr(issue.field, {len(PREFIX) + 1}), NULL, first(issue.code), first(issue.message), NULL,
       first(issue.column)
FROM (SELECT source_id, chunk, pos, unnest(issues) AS issue FROM plan WHERE action IN ({_GOING}, '{HELD}'))
WHERE starts_with(issue.field, '{PREFIX}') GROUP BY chunk, pos, issue.field
ORDER BY 1
"""

_SUMS: Final = f"""
SELECT action, count(*), sum(len(properties)), sum(properties_refused), sum(properties_ignored),
       sum(len(list_filter(coalesce(issues, []), lambda one: NOT starts_with(one.field, '{PREFIX}')))
           + len(coalesce(missing, [])) + CASE action WHEN 'unchanged' THEN len(refused) ELSE 0 END)
         FILTER (action IN ({_GOING}) AND NOT held),
       count(*) FILTER (todo_link), count(*) FILTER (todo_state)
FROM plan GROUP BY 1 ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Slice:
    """What was decided for the records of one file of the index."""

    name: str  #: of the bucket
    parts: dict[str, Path]  #: mapped chunk -> the Parquet file of its plan, for chunks with wanted actions
    excepted: list[Excepted]  #: records first, then fields
    properties: list[Excepted]  #: custom properties of these records that do not land


class Plan:
    """The plan of one object. Use it as a context manager; blocking, from one thread at a time.

    ``folder`` holds ``index/*.parquet`` (this object's mapped index) and ``current/*.parquet`` (keys of the current
    receipts, as ``activities.current`` folds them; of this object, of ``parents``, and of every object that may share
    rows with this one; at least one file, maybe empty). It may hold ``matches/*.ndjson.gz`` (what ``activities.adopt``
    found; ``current`` is then of all objects), ``old.parquet`` (this object's current receipts with
    payloads: a plan for writing needs them), ``planned/**/*.parquet`` (the index of parents that are not written yet) and
    ``listed/*.ndjson.gz`` (this object's exceptions of the run before: a plan of ``chosen`` causes needs them).
    """

    def __init__(
        self,
        folder: Path,
        object_name: str,
        *,
        wanted: tuple[str, ...],
        parents: set[str],
        keep_owner: bool = True,
        merges: bool = False,
        chosen: Chosen | None = None,
    ) -> None:
        self._folder, self._object, self._wanted, self._parents = folder, object_name, wanted, sorted(parents)
        self._chosen = chosen  # None: everything is taken up
        self._keep_owner = keep_owner  # of rows that are adopted
        # Records with one key: a fault of the source, or (derived rows) made from several parents that say the same.
        self._again = "merged" if merges else "duplicate"
        self._db = duck.cursor()
        self._actions: dict[str, Counter[str]] = {}
        self._sums = Counter[str]()
        self._chunks: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._db.close()

    def slices(self) -> Iterator[Slice]:
        """Decide for every record, bucket by bucket. The files of a slice stay until the folder goes."""
        values = {"index": self._all("index"), "current": self._all("current"), "object": self._object}
        self._run(_WHOLE, values | {"parents": self._parents})
        if any((self._folder / "planned").rglob("*.parquet")):
            self._run(_PLANNED_PARENTS, {"planned": str(self._folder / "planned" / "**" / "*.parquet")})
        self._run(_NO_MATCHES, {})
        if any((self._folder / "matches").glob("*.ndjson.gz")):
            self._run(_MATCHES, values | {"matches": str(self._folder / "matches" / "*.ndjson.gz")})
        if self._chosen is not None:
            self._list(self._chosen)
        for file in sorted((self._folder / "index").glob("*.parquet")):
            given = {"object": self._object, "keep_owner": self._keep_owner, "again": self._again}
            self._run(_SLICE, {"slice": str(file), **given})
            carried = self._hold() if self._chosen is not None else []
            self._add_up()
            excepted = [*self._excepted(), *carried]
            yield Slice(file.stem, self._write_parts(), excepted, self._rows(_EXCEPTED_PROPERTIES))

    def summary(self, *, gone: bool) -> dict[str, Any]:
        """Counts by action, sums for the tally, ``chunks``: names of the mapped chunks in plan order, and ``gone``:
        source ids that have a row but are in the source no more (only when asked for). After all slices."""
        actions = {
            action: {name: counts[name] for name in ("records", "properties", "refused", "ignored")}
            for action, counts in sorted(self._actions.items())
        }
        sums = {name: self._sums[name] for name in ("read", "fields_excepted", "links", "states")}
        return {"actions": actions, **sums, "chunks": self._chunks, "gone": self._gone() if gone else []}

    def _list(self, chosen: Chosen) -> None:
        self._run(holding.NOTHING_LISTED, {})
        if any((self._folder / "listed").glob("*.ndjson.gz")):
            files = str(self._folder / "listed" / "*.ndjson.gz")
            self._run(holding.LISTED, {"listed": files, "records": chosen.records, "fields": chosen.fields})
        self._run(holding.TOLD, {})

    def _hold(self) -> list[Excepted]:
        """Leave in the plan what was chosen; returns what was listed of the records that are held back."""
        self._run(holding.hold(_WRITTEN), {})
        carried = self._rows(holding.CARRIED)
        self._sums["fields_excepted"] += sum(1 for _, field, *_ in carried if field is not None)
        return carried

    def _all(self, part: str) -> str:
        return str(self._folder / part / "*.parquet")

    def _run(self, statements: str, values: dict[str, Any]) -> None:
        for statement in statements.split(";\n"):
            self._db.execute(statement, {key: value for key, value in values.items() if f"${key}" in statement})

    def _add_up(self) -> None:
        for action, records, properties, refused, ignored, fields, links, states in self._db.execute(_SUMS).fetchall():
            found = {"records": records, "properties": properties, "refused": refused, "ignored": ignored}
            counts = self._actions.setdefault(action, Counter())
            counts.update({name: int(count or 0) for name, count in found.items()})
            self._sums.update(read=records, fields_excepted=int(fields or 0), links=links, states=states)

    def _write_parts(self) -> dict[str, Path]:
        old = self._folder / "old.parquet"
        joined = old.exists()
        asked = """SELECT DISTINCT chunk FROM plan
                   WHERE list_contains($wanted, action) OR $passes AND (todo_link OR todo_state) ORDER BY chunk"""
        values = {"wanted": list(self._wanted), "passes": self._wanted == WRITES}
        chunks = [row[0] for row in self._db.execute(asked, values).fetchall()]
        query = _PART.format(written="o.payload" if joined else "NULL", old=_OLD if joined else "")
        parts: dict[str, Path] = {}
        for chunk in chunks:
            parts[chunk] = self._folder / f"part-{chunk}.parquet"
            of = {"chunk": chunk} | ({"old": str(old)} if joined else {})
            self._db.execute(f"COPY ({query}) TO '{parts[chunk]}' (FORMAT parquet, COMPRESSION zstd)", of)
        self._chunks += chunks
        return parts

    def _excepted(self) -> list[Excepted]:
        return [*self._rows(_EXCEPTED_RECORDS), *self._rows(_EXCEPTED_FIELDS)]

    def _rows(self, query: str) -> list[Excepted]:
        return self._db.execute(query).fetchall()

    def _gone(self) -> list[str]:
        left = f"SELECT source_id FROM cur WHERE k NOT IN (SELECT {_KEY} FROM read_parquet($index)) ORDER BY 1"
        return [row[0] for row in self._db.execute(left, {"index": self._all("index")}).fetchall()]


def needed(folder: Path) -> tuple[set[str], bool]:
    """What the records in ``index/*.parquet`` hang on: the objects they point at, and whether any may share its row."""
    with duck.cursor() as db:
        index = {"index": str(folder / "index" / "*.parquet")}
        refs = "SELECT DISTINCT ref.object FROM (SELECT unnest(refs) AS ref FROM read_parquet($index))"
        party = "SELECT count(*) FROM read_parquet($index) WHERE row_key <> source_key"
        found = db.execute(party, index).fetchone()
        return {row[0] for row in db.execute(refs, index).fetchall()}, bool(found and found[0])


def read_part(path: Path) -> dict[int, dict[str, Any]]:
    """One plan part by position in its mapped chunk."""
    with duck.cursor() as db:
        cursor = db.execute("SELECT * FROM read_parquet($path)", {"path": str(path)})
        names = [column[0] for column in cursor.description or []]
        return {row["pos"]: row for row in (dict(zip(names, values, strict=True)) for values in cursor.fetchall())}
