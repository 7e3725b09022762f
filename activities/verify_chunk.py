"""Read one chunk's rows back and compare every field with the source, mapped anew."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from activities import jobs
from activities.current import current_keys
from activities.diff import Codes, Differ, names_of
from activities.papers import Papers
from activities.planning import LANDED, read_part
from activities.resources import storage, workplace
from activities.rows import Op, RowBuilder
from activities.target import chunk_client
from dataverse.afterimage import same
from dataverse.client import DataverseClient
from dataverse.notes import file_digest
from dataverse.reads import read_rows
from dataverse.states import state_values
from ledger import paths
from ledger.chunks import pack, read_records
from ledger.exceptions import each
from ledger.storage import Storage, bounded
from mapping.derived import derive
from mapping.model import ClinicMap
from mapping.objects import DERIVED

#: Files read back at once, per chunk.
_PARALLEL = 4


@dataclass
class Compared:
    """What one chunk's comparison found; ``findings`` name record, column and class, never a value."""

    rows: int = 0
    verified: int = 0
    differing: int = 0
    properties_verified: int = 0
    properties_differing: int = 0
    missing: int = 0
    findings: list[dict[str, Any]] = field(default_factory=list)


async def verify_chunk(job: dict[str, Any]) -> dict[str, Any]:
    """Compare one chunk. Writes its result and findings to the run's work; with ``diff`` also the field-level diff.

    Returns ``{"verified", "differing", "missing"}``.
    """
    store = await storage()
    migration, run, name = job["migration"], job["run"], job["object"]
    chunk = paths.chunk(job["chunk"])
    clinic_map, schema = await jobs.map_and_schema(store, job)
    builder = RowBuilder(schema, job["generation"])
    async with workplace("verify") as folder:
        plan, mapped = await _fetch(store, job, folder, chunk)
        ops = {pos: _expected(builder, row, plan[pos]) for pos, row in mapped.items() if plan[pos]["action"] in LANDED}
        await _own_lookups(store, job, builder, mapped, ops)
        actual: dict[str, dict[str, Any]] = {}
        async with chunk_client(store, job) as client:
            for table in {op.table.plain: op.table for op in ops.values()}.values():
                group = [op for op in ops.values() if op.table is table]
                columns = sorted({column for op in group for column in op.columns} | _state_column(table.logical))
                actual |= await read_rows(client, table, [op.row_id for op in group], columns)
            digests = await _digests(client, ops) if name == "document" else {}
            if job.get("diff"):
                differ = Differ(clinic_map, builder, name, await _codes(store, job))
                linked = await _linked(client, builder, differ, ops, actual)
                shaped = await _shaped(store, job, folder, mapped)
                rows = pack(differ.rows(shaped, mapped, plan, ops, actual, linked))
                await store.put("staging", paths.work(migration, run, f"diff/{name}-{chunk}.ndjson.gz"), rows)
        papers = Papers(await jobs.optional_document(store, migration, "files.json", {})) if digests else None
        result = _compare(clinic_map, builder, name, ops, actual, digests, papers)
    base = paths.work(migration, run, f"verify/{name}-{chunk}")
    await store.put("staging", f"{base}.findings.ndjson.gz", pack(result.findings))
    counts = {key: value for key, value in vars(result).items() if key != "findings"}
    await store.put("staging", f"{base}.json", orjson.dumps({"object": name, **counts}))
    await jobs.ended(store, job, name, f"verify-{chunk}", done=result.rows, excepted=result.differing + result.missing)
    return {"verified": result.verified, "differing": result.differing, "missing": result.missing}


async def _fetch(
    store: Storage, job: dict[str, Any], folder: Path, chunk: str
) -> tuple[dict[int, dict[str, Any]], dict[int, dict[str, Any]]]:
    """The chunk's plan and its mapped records, for the records that have a row; for a diff, of all that are planned."""
    name = job["object"]
    await store.download(
        "staging", paths.work(job["migration"], job["run"], f"{name}/verify/{chunk}.parquet"), folder / "plan"
    )
    plan = read_part(folder / "plan")
    mapped_name = next(iter(plan.values()))["chunk"]
    await store.download("staging", jobs.mapped_chunk(job, name, mapped_name), folder / "mapped.gz")
    wanted = {pos for pos, row in plan.items() if job.get("diff") or row["action"] in LANDED}
    return plan, {row["pos"]: row for row in read_records(folder / "mapped.gz") if row["pos"] in wanted}


def _expected(builder: RowBuilder, mapped: dict[str, Any], plan: dict[str, Any]) -> Op:
    """What should stand in the row: the record as mapped now, less what was refused and listed when it was written."""
    op = builder.op(mapped, plan)
    op.refused = list(plan["refused"])
    for column in op.refused:
        op.columns.pop(column, None)
    return op


async def _own_lookups(
    store: Storage, job: dict[str, Any], builder: RowBuilder, mapped: dict[int, dict[str, Any]], ops: dict[int, Op]
) -> None:
    """Lookups between rows of the same object, which no plan resolves."""
    own = {
        pos: refs for pos, row in mapped.items() if (refs := [r for r in row["refs"] if r["object"] == job["object"]])
    }
    if not own:
        return
    current = await current_keys(store, job["migration"], job["object"])
    for pos, refs in own.items():
        for ref in refs:
            if pos in ops and (parent := current.get(ref["key"].lower())):
                builder.bind(ops[pos].table, ref["column"], *parent, {}, ops[pos].columns)


async def _codes(store: Storage, job: dict[str, Any]) -> Codes:
    """Why records and fields of this object did not land, as the run that loaded them listed it."""
    listed = each(store, job["migration"], run=job["run"], object=job["object"])
    return {(row.source_id, row.field or ""): row.code async for row in listed}


async def _linked(
    client: DataverseClient, builder: RowBuilder, differ: Differ, ops: dict[int, Op], actual: dict[str, dict[str, Any]]
) -> dict[str, list[str]]:
    """Contacts that lookups under proof point at, by id: what each says of whose it is."""
    ids = {id for op in ops.values() if op.row_id in actual for id in differ.links(op, actual[op.row_id])}
    if not ids:
        return {}
    contact = builder.schema.table("contact")
    names = names_of(contact)
    rows = await read_rows(client, contact, sorted(ids), names)
    return {id: [str(row[name]) for name in names if row.get(name)] for id, row in rows.items()}


def _state_column(table: str) -> set[str]:
    return set() if table == "annotation" else {"statecode"}


async def _digests(client: DataverseClient, ops: dict[int, Op]) -> dict[str, str]:
    """SHA-256 of each note's file as the target gives it back."""

    async def one(op: Op) -> tuple[str, str]:
        digest = await file_digest(client, op.row_id)
        return op.row_id, digest.sha256 if digest else ""

    return dict(await bounded(one, list(ops.values()), _PARALLEL))


def _compare(
    clinic_map: ClinicMap,
    builder: RowBuilder,
    name: str,
    ops: dict[int, Op],
    actual: dict[str, dict[str, Any]],
    digests: dict[str, str],
    papers: Papers | None,
) -> Compared:
    result = Compared(rows=len(ops))
    for op in ops.values():
        row = actual.get(op.row_id)
        if row is None:
            result.missing += 1
            result.findings.append(
                {"object": name, "source_id": op.source_id, "column": None, "class": "count mismatch"}
            )
            continue
        custom = property_columns(clinic_map, builder, name, op.table.plain)
        for column, value in op.columns.items():
            good = same(value, row.get(column))
            kind = "properties_" if column in custom else ""
            if good:
                setattr(result, f"{kind}verified", getattr(result, f"{kind}verified") + 1)
            else:
                setattr(result, f"{kind}differing", getattr(result, f"{kind}differing") + 1)
                words = "owner substituted" if column == "_ownerid_value" else "differing field"
                result.findings.append({"object": name, "source_id": op.source_id, "column": column, "class": words})
        extras = []
        if op.state:
            extras.append(("statecode", state_values(op.table.logical, op.state)[0] == row.get("statecode")))
        if papers is not None:
            extras.append(("documentbody", papers.digest(op.file or "") == digests.get(op.row_id)))
        for column, good in extras:
            result.verified += good
            result.differing += not good
            if not good:
                result.findings.append(
                    {"object": name, "source_id": op.source_id, "column": column, "class": "differing field"}
                )
    return result


def property_columns(clinic_map: ClinicMap, builder: RowBuilder, name: str, table: str) -> set[str]:
    """Read names of the columns that hold custom patient properties."""
    key = (id(clinic_map), name, table)
    if key not in _custom:
        schema_table = builder.schema.table(table)
        _custom[key] = {
            schema_table.columns[one.column].read_name
            for route in clinic_map.objects[name].routes  # type: ignore[index]
            if route.table == table
            for one in route.fields
            if one.source.startswith("properties.") and one.column
        }
    return _custom[key]


_custom: dict[tuple[int, str, str], set[str]] = {}


async def _shaped(
    store: Storage, job: dict[str, Any], folder: Path, mapped: dict[int, dict[str, Any]]
) -> dict[int, dict[str, Any]]:
    """The source records of this chunk, by position: the mapped chunk's number says where in the bucket they stand."""
    if not mapped:
        return {}
    name = job["object"]
    label, _, number = next(iter(mapped.values()))["chunk"].rpartition("-")
    source = DERIVED[name].of if name in DERIVED else name
    blob = paths.shaped_chunk(job["migration"], job["snapshot"], source, label)
    await store.download("staging", blob, folder / "shaped.gz")
    records = read_records(folder / "shaped.gz")
    if name in DERIVED:
        records = derive((await jobs.map_and_schema(store, job))[0], name)(records)
    first = int(number) * jobs.chunk_size(job)
    return {place - first: record for place, record in enumerate(records) if place - first in mapped}
