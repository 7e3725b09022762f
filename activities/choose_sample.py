"""Choose the sample: patients that together cover the variety of the data, with all that hangs on them."""

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import duckdb
import orjson

from activities import jobs, kinds
from activities.kinds import Looked, Shown
from activities.resources import storage, workplace
from ledger import duck, paths
from ledger.chunks import read_records
from ledger.storage import Storage
from mapping.model import ClinicMap
from mapping.objects import DERIVED, ObjectName
from mapping.schema import Schema
from mapping.transforms.base import or_nothing

MIN_PATIENTS: Final = 50
MAX_PATIENTS: Final = 100
#: Patients looked at for the choice; more would cost memory without adding variety.
CANDIDATES: Final = 1000


async def choose_sample(job: dict[str, Any]) -> dict[str, Any]:
    """Choose 50 to 100 patients. Returns ``{"sample": prefix of the index of their records and of what these point at}``."""
    store = await storage()
    clinic_map, schema = await jobs.map_and_schema(store, job)
    base = paths.work(job["migration"], job["run"], "sample/")
    async with workplace("sample") as folder:
        for name in job["objects"]:
            await store.download("staging", f"{jobs.mapped_prefix(job, name)}index/", folder / "index" / name)
        buckets = await asyncio.to_thread(_buckets, folder / "index" / "patient")
        await _fetch(store, job, folder, buckets | {jobs.bucket_label(-1)})
        most = max(MIN_PATIENTS, min(MAX_PATIENTS, int(job["patients"])))
        chosen = await asyncio.to_thread(choose, folder, clinic_map, schema, buckets, most)
        for path in sorted((folder / "sample").iterdir()):
            await store.upload("staging", f"{base}{path.stem}/sample.parquet", path)
    await store.put("staging", paths.work(job["migration"], job["run"], "sample/chosen.json"), orjson.dumps(chosen))
    return {"sample": base, "patients": chosen["patients"]}


async def _fetch(store: Storage, job: dict[str, Any], folder: Path, labels: set[str]) -> None:
    """Brings the records of these buckets as they are mapped, and as the source has them."""
    shaped = set(await store.names("staging", paths.shaped(job["migration"], job["snapshot"])))
    for name in job["objects"]:
        mapped = await store.names("staging", jobs.mapped_prefix(job, name))
        wanted = {one: folder / "mapped" / name / Path(one).name for one in mapped if _bucket(one) in labels}
        for label in () if name in DERIVED else labels:
            blob = paths.shaped_chunk(job["migration"], job["snapshot"], name, label)
            if blob in shaped:
                wanted[blob] = folder / "shaped" / name / Path(blob).name
        await store.fetch("staging", wanted)


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


def choose(folder: Path, clinic_map: ClinicMap, schema: Schema, buckets: set[str], most: int) -> dict[str, Any]:
    """Choose from ``folder``: ``index`` of all records, and of these buckets ``mapped`` and ``shaped``, by object. Writes
    the index of the sample to ``sample``; returns what is in it, what it covers, and what it could not."""
    with duck.cursor() as db:
        patients = _tables(db, folder, buckets)
        shown = kinds.of_index(db, "own")
        for patient, found in _look(folder, Looked(clinic_map, schema, shown)).items():
            shown[patient] |= found
        weights = dict(db.execute("SELECT patient, count(*) FROM own GROUP BY 1").fetchall())
        chosen = cover(shown, weights, most)
        pick(db, chosen)
        counts = dict(db.execute("SELECT object, count(*) FROM picked GROUP BY 1").fetchall())
        (folder / "sample").mkdir()
        for name in counts:
            rows = f"SELECT * EXCLUDE (object, file) FROM picked WHERE object = '{name}'"
            db.execute(f"COPY ({rows}) TO '{folder / 'sample' / name}.parquet' (FORMAT parquet, COMPRESSION zstd)")
        covered = kinds.in_index(db, "picked").union(*(shown[patient] for patient in chosen))
        in_data = kinds.in_index(db, "rec").union(*shown.values())
        keys = {row[0] for row in db.execute("SELECT source_key FROM picked WHERE patient IS NULL").fetchall()}
    rest = _look_at_rest(folder, Looked(clinic_map, schema, ("sampled", "left")), keys)
    covered |= rest["sampled"]
    in_data |= rest["sampled"] | rest["left"]
    return {
        "patients": len(chosen),
        "records": counts,
        "looked_at": len(shown),
        "of": patients,
        "covered": sorted(covered),
        "not_covered": sorted(in_data - covered),
        "not_seen": sorted(kinds.expected(clinic_map, schema) - in_data),
    }


def _tables(db: duckdb.DuckDBPyConnection, folder: Path, buckets: set[str]) -> int:
    """Makes ``rec`` (all records), ``there`` (keys of those that can land), ``home`` (patients who can land) and ``own``
    (the records of those who are looked at); returns how many patients can land."""
    # A view: the index of all buckets is scanned for what the chosen point at, and never held.
    files = ", ".join(f"'{path}'" for path in sorted(folder.glob("index/*/*.parquet")))
    db.execute(
        f"""CREATE TEMP VIEW rec AS SELECT * EXCLUDE (filename), split_part(filename, '/', -2) AS object,
            split_part(filename, '/', -1) AS file FROM read_parquet([{files}], filename = true)"""
    )
    db.execute(
        "CREATE TEMP TABLE there AS SELECT DISTINCT md5_number(lower(source_key)) AS k FROM rec WHERE status = 'mapped'"
    )
    db.execute(
        """CREATE TEMP TABLE home AS SELECT patient, bool_or(file IN (SELECT unnest($files))) AS near FROM rec
           WHERE object = 'patient' AND status = 'mapped' AND patient IS NOT NULL GROUP BY 1""",
        {"files": [f"{bucket}.parquet" for bucket in buckets]},
    )
    db.execute(
        f"""CREATE TEMP TABLE own AS SELECT * FROM rec SEMI JOIN
            (SELECT patient FROM home WHERE near ORDER BY md5(patient) LIMIT {CANDIDATES}) AS c USING (patient)"""
    )
    found = db.execute("SELECT count(*) FROM home").fetchone()
    return int(found[0]) if found else 0


def _look(folder: Path, looked: Looked) -> Shown:
    """The kinds that records show which hang on a patient."""
    for name, record in _records(folder / "mapped"):
        looked.mapped(name, record, record["patient"])
    for name, record in _records(folder / "shaped"):
        looked.shaped(name, record, record.get("_patient"))
    return looked.kinds()


def _look_at_rest(folder: Path, looked: Looked, keys: set[str]) -> Shown:
    """The kinds that records show which hang on no patient: of those with these keys ("sampled"), and of the others."""
    ids: dict[str, set[str]] = {}
    for name, record in _records(folder / "mapped"):
        if record["patient"] is None:
            sampled = record["source_key"] in keys
            looked.mapped(name, record, "sampled" if sampled else "left")
            if sampled:
                ids.setdefault(name, set()).add(record["source_id"])
    for name, record in _records(folder / "shaped"):
        if record.get("_patient") is None:
            sampled = or_nothing(record.get("_id")) in ids.get(name, ())
            looked.shaped(name, record, "sampled" if sampled else "left")
    return looked.shown


def _records(folder: Path) -> Iterator[tuple[ObjectName, dict[str, Any]]]:
    for path in sorted(folder.glob("*/*.ndjson.gz")):
        for record in read_records(path):
            yield path.parent.name, record  # type: ignore[misc]


def cover(shown: Shown, records: dict[str, int] | None = None, most: int = MAX_PATIENTS) -> list[str]:
    """Greedy cover: whoever adds most that is new for the records they bring, until nothing is new; then by hash up to
    the least number. A patient with thousands of records is taken only for what nobody else shows."""
    weight = {patient: (records or {}).get(patient, 1) ** 0.5 for patient in shown}
    left = {patient: set(found) for patient, found in shown.items()}
    chosen: list[str] = []
    covered: set[str] = set()
    while left and len(chosen) < most:
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


def pick(db: duckdb.DuckDBPyConnection, chosen: list[str]) -> None:
    """Makes ``picked``: the records of the chosen, what these point at, and strays."""
    db.execute("CREATE TEMP TABLE chosen (patient VARCHAR)")
    db.executemany("INSERT INTO chosen VALUES (?)", [[patient] for patient in chosen] or [[None]])
    _strays(db)
    db.execute(
        """CREATE TEMP TABLE keys AS
           SELECT source_key FROM rec WHERE patient IN (SELECT patient FROM chosen) AND source_key <> ''
           UNION SELECT source_key FROM stray WHERE source_key <> ''"""
    )
    _close(db)
    _bring_along(db)
    # A record without an id has no key that could name it.
    db.execute(
        """CREATE TEMP TABLE picked AS
           SELECT * FROM rec WHERE source_key IN (SELECT source_key FROM keys)
           UNION ALL SELECT rec.* FROM rec WHERE source_key = '' AND (patient IN (SELECT patient FROM chosen)
             OR EXISTS (SELECT 1 FROM stray AS s WHERE s.object = rec.object AND s.chunk = rec.chunk AND s.pos = rec.pos))"""
    )


def _strays(db: duckdb.DuckDBPyConnection) -> None:
    """One of each kind of the records that cannot land and hang on nobody who can: excepted and excluded ones, and those
    whose parent is not there. No patient would bring them, and the diff is to show what becomes of them."""
    db.execute(
        """CREATE TEMP TABLE stray AS
           WITH lone AS (SELECT * FROM rec ANTI JOIN home USING (patient)),
                bad AS (SELECT object, chunk, pos, source_key, status || ' ' || reason AS kind FROM lone WHERE status <> 'mapped'
                        UNION ALL
                        SELECT object, chunk, pos, source_key, ref.object AS kind
                        FROM (SELECT *, unnest(refs) AS ref FROM lone WHERE status = 'mapped') AS r
                        ANTI JOIN there ON there.k = md5_number(lower(ref.key)) WHERE ref.required)
           SELECT object, unnest(arg_min({'chunk': chunk, 'pos': pos, 'source_key': source_key}, md5(chunk || pos)))
           FROM bad GROUP BY object, kind"""
    )


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
