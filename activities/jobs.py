"""What a run's activities share: the job they are handed, where its documents are, and the fence.

A job is a small dict of references: migration, run, number, kind, epoch, generation, snapshot, buckets, mapped (the
key of the mapped records), map_hash, operator, pause_percent, bypass, and what the orchestration adds (object, phase, chunk…).
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Final

import orjson

from activities.errors import StepError
from activities.resources import workplace
from activities.signin import users
from activities.standing import standing
from ledger import lease as leases
from ledger import map_versions, migrations, paths
from ledger.audit import Head
from ledger.chunks import read_records
from ledger.migrations import EpochChanged, Migration, Run
from ledger.storage import NotStored, Storage, bounded
from mapping.catalog import build_schema
from mapping.hash import map_hash
from mapping.model import ClinicMap
from mapping.objects import LOAD_ORDER, ObjectName
from mapping.schema import Schema
from settings import settings

Job = dict[str, Any]

#: Seconds that an activity waits for a chunk that another worker holds: longer than a dead worker's lease lasts. A living
#: one may keep it much longer; then the orchestration asks again later.
LEASE_WAIT: Final = leases.SECONDS + 10.0

_schemas: dict[tuple[str, str], tuple[ClinicMap, Schema]] = {}


async def document(store: Storage, migration: str, name: str) -> Any:
    """A JSON document of the migration. Raises NotStored."""
    return orjson.loads(await store.get("ledger", paths.document(migration, name)))


async def keep_document(store: Storage, migration: str, name: str, content: Any) -> None:
    """Store a JSON document of the migration, over an older one."""
    await store.put("ledger", paths.document(migration, name), orjson.dumps(content))


async def optional_document(store: Storage, migration: str, name: str, default: Any) -> Any:
    """A JSON document, or ``default`` when it was never made."""
    try:
        return await document(store, migration, name)
    except NotStored:
        return default


async def documents(store: Storage, prefix: str, ending: str) -> list[Any]:
    """The JSON documents that activities of a run left under a prefix, in the order of their names."""

    async def one(name: str) -> Any:
        return orjson.loads(await store.get("staging", name))

    return await bounded(one, [name for name in await store.names("staging", prefix) if name.endswith(ending)])


async def fence(store: Storage, job: Job) -> None:
    """Raise StepError unless the migration still wants this run's work: its end, a person's stop and a rollback raise the
    epoch."""
    try:
        await migrations.check_epoch(store, job["migration"], job["epoch"])
    except EpochChanged:
        raise StepError(
            "stopped",
            "The run ended, a person stopped it, or a rollback took over.",
            "See where it stands: ./carryover status",
        ) from None


async def current_map(store: Storage, migration: Migration) -> ClinicMap:
    """The latest version of the map. Raises StepError when there is none."""
    if migration.map_version == 0:
        raise StepError("no_map", "There is no map yet.", "scope")
    return await map_version(store, migration.id, migration.map_version)


async def map_version(store: Storage, migration_id: str, version: int) -> ClinicMap:
    """An earlier version of the map."""
    return await map_versions.read(store, migration_id, version)


async def map_and_schema(store: Storage, job: Job) -> tuple[ClinicMap, Schema]:
    """The map of this job and the schema it makes, built once per process and map."""
    return await _map_of(store, job["migration"], job["map_hash"])


async def schema_of_run(store: Storage, job: Job, run: str) -> Schema:
    """The target's schema as the map made it that an earlier run wrote by: the tables its rows are in."""
    map_hash = (await migrations.load_run(store, job["migration"], run)).map_hash
    return (await _map_of(store, job["migration"], map_hash or job["map_hash"]))[1]


async def _map_of(store: Storage, migration_id: str, wanted: str) -> tuple[ClinicMap, Schema]:
    key = (migration_id, wanted)
    if key not in _schemas:
        migration = await migrations.load(store, migration_id)
        clinic_map = await current_map(store, migration)
        version = migration.map_version
        while map_hash(clinic_map) != wanted and version > 1:
            version -= 1
            clinic_map = await map_version(store, migration_id, version)
        # Staff are matched, never written, and claims leave as files: their tables are no part of the target.
        written = {name: one for name, one in clinic_map.objects.items() if name in LOAD_ORDER}
        _schemas[key] = (clinic_map, build_schema(clinic_map.model_copy(update={"objects": written})))
    return _schemas[key]


async def schema(store: Storage, job: Job) -> Schema:
    """The target's schema as this job's map makes it."""
    return (await map_and_schema(store, job))[1]


def mapped_key(size: int, snapshot: int, map_hash: str, owners: bytes) -> str:
    """Names one set of mapped records: the same reading, map, owners and chunk size give the same chunks."""
    return f"{snapshot:04d}-{hashlib.sha256(f'{size}{map_hash}'.encode() + owners).hexdigest()[:16]}"


def mapped_prefix(job: Job, name: str | None = None) -> str:
    """Prefix of the mapped chunks of one object, or of all."""
    base = paths.work(job["migration"], f"mapped-{job['mapped']}", "")
    return base if name is None else f"{base}{name}/"


def mapped_chunk(job: Job, name: str, chunk: str) -> str:
    """One mapped chunk (gzip NDJSON)."""
    return f"{mapped_prefix(job, name)}{chunk}.ndjson.gz"


def chunk_size(job: Job) -> int:
    """Records in each mapped chunk of this job but the last of a bucket."""
    return int(job["chunk_size"])


def bucket_label(bucket: int) -> str:
    """How a bucket is called in names: ``once`` for the objects that hang on no patient."""
    return "once" if bucket < 0 else f"b{bucket:04d}"


async def own_refs(store: Storage, job: Job, plan: dict[int, Job]) -> dict[int, list[Job]]:
    """Lookups between rows of the same object, by position in the chunk."""
    chunk = next(iter(plan.values()))["chunk"]
    async with workplace("link") as folder:
        await store.download("staging", mapped_chunk(job, job["object"], chunk), folder / "mapped.gz")
        return {
            row["pos"]: own
            for row in read_records(folder / "mapped.gz")
            if (own := [ref for ref in row["refs"] if ref["object"] == job["object"]])
        }


@dataclass(frozen=True, slots=True)
class Ended:
    """A chunk that has come to its end: how many records it had, and where the chain of its log ends, if it has one."""

    object: str
    chunk: str
    done: int
    excepted: int
    head: Head | None


async def ended(
    store: Storage, job: Job, name: str, label: str, *, done: int, excepted: int, head: Head | None = None
) -> None:
    """Say that a chunk has come to its end. Written last: nothing is added to its log afterwards."""
    said = f"{done}-{excepted}" + (f"-{head.count}-{head.hash}" if head and head.count else "")
    await store.put("staging", paths.work(job["migration"], job["run"], f"ended/{name}/{label}/{said}"), b"")


async def all_ended(store: Storage, migration: str, run: str) -> list[Ended]:
    """The chunks of a run that have come to their end. The blobs' names say it all, so one listing reads them."""
    found: dict[tuple[str, str], Ended] = {}
    prefix = paths.work(migration, run, "ended/")
    for blob in await store.names("staging", prefix):
        name, chunk, said = blob.removeprefix(prefix).split("/")
        done, excepted, *rest = said.split("-")
        head = Head(rest[1], int(rest[0])) if rest else None
        found[name, chunk] = Ended(name, chunk, int(done), int(excepted), head)
    return list(found.values())


async def written_objects(store: Storage, migration: Migration) -> list[ObjectName]:
    """The objects that the current map writes rows of, in load order."""
    if migration.map_version == 0:
        return []
    clinic_map = await current_map(store, migration)
    return [name for name in LOAD_ORDER if name in clinic_map.objects]


async def _adopting(store: Storage, migration: Migration) -> list[str]:
    """Objects whose records are looked for among the rows that are in the target already."""
    if migration.map_version == 0:
        return []
    clinic_map = await current_map(store, migration)
    return [name for name in LOAD_ORDER if name in clinic_map.objects and clinic_map.objects[name].match]


async def describe(store: Storage, migration: Migration, run: Run) -> Job:
    """The job of a run: everything its activities need, by reference."""
    scope = await optional_document(store, migration.id, "source.json", {"buckets": 0})
    owners = orjson.dumps(await optional_document(store, migration.id, "owners.json", {}), option=orjson.OPT_SORT_KEYS)
    limits = await optional_document(store, migration.id, "limits.json", {"parallelism": 0})
    size = settings().chunk
    return {
        "migration": migration.id,
        "run": run.id,
        "number": run.number,
        "kind": run.kind,
        "epoch": run.epoch,
        "generation": migration.generation,
        "snapshot": migration.snapshot,
        "buckets": scope["buckets"],
        "chunk_size": size,
        "mapped": mapped_key(size, migration.snapshot, migration.map_hash or "", owners),
        "map_hash": migration.map_hash or "",
        "objects": await written_objects(store, migration),
        "adopting": await _adopting(store, migration),
        "operator": run.by,
        "users": users(),
        "parallelism": settings().slots or limits["parallelism"],
        "undoable": bool(
            [one for one in standing(await migrations.list_runs(store, migration.id)) if one.number < run.number]
        ),
        "undo": run.options.get("runs", "all"),
        "force": bool(run.options.get("force", False)),
        "remove_solution": bool(run.options.get("remove_solution", False)),
        "later": bool(run.options.get("later", False)),
        "bypass": run.bypassed,
        "pause_percent": float(run.options.get("pause_percent", 5.0)),
        "patients": int(run.options.get("patients", 100)),
        "causes": run.options.get("causes", []),
        "listed_by": run.options.get("listed_by"),
    }
