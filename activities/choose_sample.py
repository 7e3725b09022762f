"""Choose the sample: patients that together cover the variety of the data, with all that hangs on them."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any, Final

import duckdb
import orjson

from activities import jobs
from activities.resources import storage, workplace
from ledger import paths
from mapping.model import ClinicMap
from mapping.objects import LOAD_ORDER
from mapping.schema import Schema
from settings import settings

MIN_PATIENTS: Final = 50
MAX_PATIENTS: Final = 100
#: Patients looked at for the choice; more would cost memory without adding variety.
CANDIDATES: Final = 2000


async def choose_sample(job: dict[str, Any]) -> dict[str, Any]:
    """Choose 50 to 100 patients. Returns ``{"sample": blob of their source keys and those of all that hangs on them}``."""
    store = await storage()
    clinic_map, schema = await jobs.map_and_schema(store, job)
    blob = paths.work(job["migration"], job["run"], "sample/keys.parquet")
    async with workplace("sample") as folder:
        for name in LOAD_ORDER:
            await store.download("staging", jobs.mapped_prefix(job, name), folder / name)
        chosen = await asyncio.to_thread(_choose, folder, clinic_map, schema, settings().memory_mb)
        await store.upload("staging", blob, folder / "keys.parquet")
    await store.put("staging", paths.work(job["migration"], job["run"], "sample/chosen.json"), orjson.dumps(chosen))
    return {"sample": blob, "patients": chosen["patients"]}


def _choose(folder: Path, clinic_map: ClinicMap, schema: Schema, memory_mb: int) -> dict[str, Any]:
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_mb}MB",
        "threads": 1,
        "temp_directory": str(folder / "spill"),
    }
    with duckdb.connect(config=config) as db:
        db.execute(
            "CREATE TABLE rec AS SELECT *, split_part(filename, '/', -3) AS object FROM read_parquet($files, filename=true)",
            {"files": [str(path) for path in folder.glob("*/index/*.parquet")]},
        )
        db.execute(
            f"""CREATE TABLE candidate AS SELECT DISTINCT patient FROM rec WHERE object = 'patient' AND status = 'mapped'
                ORDER BY md5(patient) LIMIT {CANDIDATES}"""
        )
        features = _features(db, folder, schema)
        chosen = cover(features, dict(db.execute("SELECT patient, count(*) FROM rec GROUP BY 1").fetchall()))
        db.execute("CREATE TABLE chosen (patient VARCHAR)")
        db.executemany("INSERT INTO chosen VALUES (?)", [[patient] for patient in chosen] or [[None]])
        db.execute("CREATE TABLE keys AS SELECT source_key FROM rec WHERE patient IN (SELECT patient FROM chosen)")
        _close(db)
        db.execute(f"COPY keys TO '{folder / 'keys.parquet'}' (FORMAT parquet)")
        every = set().union(*features.values()) if features else set()
        covered = set().union(*(features[patient] for patient in chosen)) if chosen else set()
        counts = db.execute("SELECT object, count(*) FROM rec SEMI JOIN keys USING (source_key) GROUP BY 1").fetchall()
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
        """SELECT patient, list(DISTINCT feature) FROM (
             SELECT patient, object || ' ' || status || ' ' || coalesce(nullif(reason, ''), "table") AS feature FROM rec
             UNION ALL SELECT patient, object || ' state ' || state FROM rec WHERE state IS NOT NULL
             UNION ALL SELECT patient, object || ' owner by ' || owner_rule FROM rec WHERE owner_rule <> ''
             UNION ALL SELECT patient, object || ' refused ' || issue.code || ' ' || issue.field
                       FROM (SELECT patient, object, unnest(issues) AS issue FROM rec)
           ) SEMI JOIN candidate USING (patient) GROUP BY 1"""
    ).fetchall()
    features = {patient: set(found) for patient, found in rows}
    for path in folder.glob("*/*.ndjson.gz"):
        found = db.execute(
            """SELECT patient, payload FROM read_json($file, format='newline_delimited', compression='gzip',
                      maximum_object_size=33554432, columns={patient: 'VARCHAR', status: 'VARCHAR', payload: 'JSON'})
               SEMI JOIN candidate USING (patient) WHERE status = 'mapped'""",
            {"file": str(path)},
        )
        name = path.parent.name
        while batch := found.fetchmany(1000):
            for patient, payload in batch:
                for column, value in orjson.loads(payload).items():
                    features[patient].add(f"{name} {column}={value}" if column in choices else f"{name} {column}")
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
