"""Choose the sample: patients that together cover the variety of the data, with all that hangs on them."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any, Final

import duckdb
import orjson

from activities import jobs
from activities.resources import storage, workplace
from ledger import duck, paths
from ledger.chunks import read_records
from mapping.schema import Schema

MIN_PATIENTS: Final = 50
MAX_PATIENTS: Final = 100
#: Patients looked at for the choice; more would cost memory without adding variety.
CANDIDATES: Final = 1000


async def choose_sample(job: dict[str, Any]) -> dict[str, Any]:
    """Choose 50 to 100 patients. Returns ``{"sample": prefix of the index of their records and of what these point at}``."""
    store = await storage()
    _, schema = await jobs.map_and_schema(store, job)
    base = paths.work(job["migration"], job["run"], "sample/")
    async with workplace("sample") as folder:
        for name in job["objects"]:
            await store.download("staging", f"{jobs.mapped_prefix(job, name)}index/", folder / "index" / name)
        buckets = await asyncio.to_thread(_buckets, folder / "index" / "patient")
        for name in job["objects"]:
            chunks = await store.names("staging", jobs.mapped_prefix(job, name))
            wanted = {one: folder / "chunks" / name / Path(one).name for one in chunks if _bucket(one) in buckets}
            await store.fetch("staging", wanted)
        chosen = await asyncio.to_thread(_choose, folder, schema, buckets)
        for path in sorted((folder / "sample").iterdir()):
            await store.upload("staging", f"{base}{path.stem}/sample.parquet", path)
    await store.put("staging", paths.work(job["migration"], job["run"], "sample/chosen.json"), orjson.dumps(chosen))
    return {"sample": base, "patients": chosen["patients"]}


def _bucket(blob: str) -> str:
    """The bucket of a mapped chunk, "" for what is none."""
    name = blob.rpartition("/")[2]
    return name.rpartition("-")[0] if name.endswith(".ndjson.gz") else ""


def _buckets(patients: Path) -> set[str]:
    """Buckets that together have patients enough. Patients are spread by a hash, so some buckets are as good as others."""
    rows = 0
    chosen = set()
    with duck.cursor() as db:
        for file in sorted(patients.glob("*.parquet"), key=lambda path: _spread(path.stem)):
            if rows >= CANDIDATES:
                break
            found = db.execute("SELECT count(*) FROM read_parquet($file)", {"file": str(file)}).fetchone()
            rows += found[0] if found else 0
            chosen.add(file.stem)
    return chosen


def _choose(folder: Path, schema: Schema, buckets: set[str]) -> dict[str, Any]:
    with duck.cursor() as db:
        # A view: the index of all buckets is scanned for what the chosen point at, and never held.
        files = ", ".join(f"'{path}'" for path in sorted(folder.glob("index/*/*.parquet")))
        db.execute(
            f"""CREATE TEMP VIEW rec AS SELECT * EXCLUDE (filename), split_part(filename, '/', -2) AS object,
                split_part(filename, '/', -1) AS file FROM read_parquet([{files}], filename = true)"""
        )
        db.execute(
            f"""CREATE TEMP TABLE candidate AS SELECT DISTINCT patient FROM rec
                WHERE object = 'patient' AND status = 'mapped' AND file IN (SELECT unnest($files))
                ORDER BY md5(patient) LIMIT {CANDIDATES}""",
            {"files": [f"{bucket}.parquet" for bucket in buckets]},
        )
        features = _features(db, folder, schema)
        weights = db.execute(
            "SELECT patient, count(*) FROM rec SEMI JOIN candidate USING (patient) GROUP BY 1"
        ).fetchall()
        chosen = cover(features, dict(weights))
        db.execute("CREATE TEMP TABLE chosen (patient VARCHAR)")
        db.executemany("INSERT INTO chosen VALUES (?)", [[patient] for patient in chosen] or [[None]])
        db.execute("CREATE TEMP TABLE keys AS SELECT source_key FROM rec WHERE patient IN (SELECT patient FROM chosen)")
        _close(db)
        _bring_along(db)
        counts = db.execute("SELECT object, count(*) FROM rec SEMI JOIN keys USING (source_key) GROUP BY 1").fetchall()
        (folder / "sample").mkdir()
        for name, _ in counts:
            picked = (
                f"SELECT * EXCLUDE (object, file) FROM rec SEMI JOIN keys USING (source_key) WHERE object = '{name}'"
            )
            db.execute(f"COPY ({picked}) TO '{folder / 'sample' / name}.parquet' (FORMAT parquet, COMPRESSION zstd)")
    every = set().union(*features.values()) if features else set()
    covered = set().union(*(features[patient] for patient in chosen)) if chosen else set()
    return {
        "patients": len(chosen),
        "records": dict(counts),
        "covered": sorted(covered),
        "not_covered": sorted(every - covered),
    }


def _features(db: duckdb.DuckDBPyConnection, folder: Path, schema: Schema) -> dict[str, set[str]]:
    """Per candidate patient: which objects, routes, columns, choice values, refusals and owner rules its records show."""
    choices = {
        column.logical
        for table in schema.tables.values()
        for column in table.columns.values()
        if column.type in ("choice", "choices", "boolean")
    }
    rows = db.execute(
        """WITH own AS MATERIALIZED (SELECT * FROM rec SEMI JOIN candidate USING (patient))
           SELECT patient, list(DISTINCT feature) FROM (
             SELECT patient, object || ' ' || status || ' ' || coalesce(nullif(reason, ''), "table") AS feature FROM own
             UNION ALL SELECT patient, object || ' state ' || state FROM own WHERE state IS NOT NULL
             UNION ALL SELECT patient, object || ' owner by ' || owner_rule FROM own WHERE owner_rule <> ''
             UNION ALL SELECT patient, object || ' refused ' || issue.code || ' ' || issue.field
                       FROM (SELECT patient, object, unnest(issues) AS issue FROM own)
           ) GROUP BY 1"""
    ).fetchall()
    known: dict[str, str] = {}  # one text for each feature, however many patients show it
    features = {patient: {known.setdefault(one, one) for one in found} for patient, found in rows}
    for path in folder.glob("chunks/*/*.ndjson.gz"):
        name = path.parent.name
        for record in read_records(path):
            found = features.get(record["patient"])
            if found is None or record["status"] != "mapped":
                continue
            for column, value in record["payload"].items():
                feature = f"{name} {column}={value}" if column in choices else f"{name} {column}"
                found.add(known.setdefault(feature, feature))
    return features


def cover(features: dict[str, set[str]], records: dict[str, int] | None = None) -> list[str]:
    """Greedy cover: whoever adds most that is new for the records they bring, until nothing is new; then by hash up to
    the least number. A patient with thousands of records is taken only for what nobody else shows."""
    weight = {patient: (records or {}).get(patient, 1) ** 0.5 for patient in features}
    left = {patient: set(found) for patient, found in features.items()}
    chosen: list[str] = []
    covered: set[str] = set()
    while left and len(chosen) < MAX_PATIENTS:
        best = max(
            left,
            key=lambda patient: (len(left[patient] - covered) / weight[patient], -weight[patient], _spread(patient)),
        )
        gain = left.pop(best) - covered
        if not gain and len(chosen) >= MIN_PATIENTS:
            break
        covered |= gain
        chosen.append(best)
    return chosen


def _spread(patient: str) -> str:
    return hashlib.md5(patient.encode(), usedforsecurity=False).hexdigest()


def _close(db: duckdb.DuckDBPyConnection) -> None:
    """Everything the chosen records point at comes along: practitioners, locations, and what those point at."""
    while True:
        added = db.execute(
            """INSERT INTO keys
               SELECT DISTINCT r.source_key FROM rec r
               JOIN (SELECT unnest(refs).key AS k FROM rec SEMI JOIN keys USING (source_key)) n ON lower(n.k) = lower(r.source_key)
               ANTI JOIN keys k2 ON k2.source_key = r.source_key"""
        ).fetchone()
        if not added or not added[0]:
            return


def _bring_along(db: duckdb.DuckDBPyConnection) -> None:
    """Rows that are derived from no patient's record come with the record that they are derived from."""
    db.execute(
        """INSERT INTO keys
           SELECT DISTINCT r.source_key FROM (SELECT source_key, unnest(refs).key AS parent FROM rec
                                              WHERE object = 'specialization') AS r
           JOIN keys AS k ON lower(k.source_key) = lower(r.parent)"""
    )
