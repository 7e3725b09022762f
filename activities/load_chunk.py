"""Load one chunk, exactly once: log the intents, write, log the outcome, keep the receipts.

Each line may be the last one before the process dies. What makes that safe: ids are known before writes, intents are
durable before effects and are never replaced, a lost answer is settled by reading the rows again, and the chunk's
result is kept so that a second delivery of the activity returns it instead of working again.
"""

from dataclasses import replace
from typing import Any

import orjson

from activities import jobs
from activities.batch import Batch
from activities.current import current_keys
from activities.documents import Documents
from activities.fence import Fence
from activities.planning import WITH_PATIENT, WRITES, read_part
from activities.probing import probes
from activities.resources import storage, workplace
from activities.rows import Op, RowBuilder
from activities.target import chunk_client
from ledger import paths, receipts
from ledger.audit import AuditLog
from ledger.chunks import read_records
from ledger.exceptions import ExceptionRow
from ledger.exceptions import write_part as write_exceptions
from ledger.lease import chunk_lease
from ledger.receipts import Receipt
from ledger.storage import NotStored, Storage
from mapping.properties import PREFIX


async def load_chunk(job: dict[str, Any]) -> dict[str, Any]:
    """One chunk of one phase (load, link, state) of a run.

    Returns ``{"landed", "excepted", "properties", "fields_excepted"}``, counts of this chunk.
    """
    store = await storage()
    migration, run, name, phase = job["migration"], job["run"], job["object"], job["phase"]
    chunk = paths.chunk(job["chunk"])
    label = chunk if phase == "load" else f"{phase}-{chunk}"
    result_name = paths.work(migration, run, f"{name}/{label}.result.json")
    async with chunk_lease(store, paths.lease(migration, run, name, label), wait=jobs.LEASE_WAIT) as lease:
        if await store.exists("staging", result_name):
            return dict(orjson.loads(await store.get("staging", result_name)))
        async with workplace("load") as folder:
            plan_file = folder / "plan.parquet"
            await store.download("staging", paths.work(migration, run, f"{name}/plan/{chunk}.parquet"), plan_file)
            plan = read_part(plan_file)
            mapped_name = next(iter(plan.values()))["chunk"]
            await store.download("staging", jobs.mapped_chunk(job, name, mapped_name), folder / "mapped.gz")
            schema = await jobs.schema(store, job)
            builder = RowBuilder(schema, job["generation"])
            wanted = {pos for pos, row in plan.items() if _wanted(row, phase)}
            ops = [
                builder.op(row, plan[row["pos"]]) for row in read_records(folder / "mapped.gz") if row["pos"] in wanted
            ]
            for op in ops:
                written = plan[op.pos]["written"]
                op.written = dict(orjson.loads(written)["columns"]) if written and op.operation == "update" else {}

        kept = {} if phase == "load" else await _kept(store, job, name, chunk)
        if phase != "load":  # what was to be written now and did not land has no second pass
            ops = [op for op in ops if plan[op.pos]["action"] == "unchanged" or op.source_key in kept]
        stamp = {"by": job["operator"], "map_hash": job["map_hash"]}
        log = await AuditLog.open(store, migration, run, name, label, **stamp, check=lease.check)
        async with chunk_client(store, job, lease) as client:
            known = await probes(store, migration)
            batch = Batch(store, client, log, Fence(store, job, lease), job, builder, label, known)
            if phase == "load":
                documents = await Documents.open(store, job) if name == "document" else None
                failed = await _load(batch, ops, documents)
            elif phase == "link":
                failed = await _link(batch, ops, plan)
            else:
                failed = await batch.close(ops)

        await write_exceptions(store, migration, run, name, label, failed)
        lost = {row.source_id for row in failed if row.field is None}
        landed = [op for op in ops if op.source_id not in lost]
        if phase == "load":
            rows = [_receipt(job, op, _payload(op)) for op in landed]
        else:
            unfinished = {row.source_id for row in failed}
            rows = _passed(job, phase, kept, [op for op in ops if op.source_id not in unfinished], plan)
        await receipts.write_part(store, migration, run, name, chunk, rows)
        result = {"landed": 0, "excepted": 0, "fields_excepted": sum(1 for row in failed if row.field is not None)}
        if phase == "load":
            gone = [plan[op.pos] for op in ops if op.source_id in lost]
            created = sum(1 for op in landed if op.operation == "create")
            adopted = sum(1 for op in landed if plan[op.pos]["action"] == "adopt")
            result |= {"landed": len(landed), "created": created, "adopted": adopted, "excepted": len(lost)}
            # Custom properties of patients who are lost: the tally must not count them as landed.
            result |= _property_counts(gone)
            # What a run that pauses has not taken up did not land either.
            result |= {"taken": len(ops)}
            result |= {f"taken_{key}": count for key, count in _property_counts([plan[op.pos] for op in ops]).items()}
            if name == "patient":
                await write_exceptions(store, migration, run, "custom_property", label, lost_properties(gone))
        await store.put("staging", result_name, orjson.dumps(result))
        await jobs.ended(store, job, name, label, done=len(ops), excepted=len(lost), head=log.head)
    return result


async def _load(batch: Batch, ops: list[Op], documents: Documents | None) -> list[ExceptionRow]:
    """Creates and updates of the chunk, table by table (a referral may land in either of two)."""
    failed: list[ExceptionRow] = []
    if documents is not None:
        ops, failed = documents.sort_out(ops)
    for table in {op.table.plain: op.table for op in ops}.values():
        creates = [op for op in ops if op.table is table and op.operation == "create"]
        updates = [op for op in ops if op.table is table and op.operation == "update"]
        failed += await batch.create(table, creates, documents)
        failed += await batch.update(table, updates)
    return failed


async def _link(batch: Batch, ops: list[Op], plan: dict[int, dict[str, Any]]) -> list[ExceptionRow]:
    """The second pass: lookups between rows of the same object, now that all of them are there."""
    current = await current_keys(batch.store, batch.job["migration"], batch.job["object"])
    mapped = await jobs.own_refs(batch.store, batch.job, plan)
    links: list[Op] = []
    failed: list[ExceptionRow] = []
    for op in ops:
        op.operation, op.body, own = "link", {}, mapped.get(op.pos, [])
        columns: dict[str, Any] = {}
        for ref in own:
            parent = current.get(ref["key"].lower())
            if parent is None:
                failed.append(
                    ExceptionRow(
                        batch.job["object"],
                        op.source_id,
                        ref["column"],
                        "missing_parent",
                        f"The {ref['object']} it points at is not in the target.",
                        ref["key"],
                    )
                )
            else:
                batch.builder.bind(op.table, ref["column"], parent[0], parent[1], op.body, columns)
        # Nothing but the lookups: what the first pass wrote, and what it held back, stays as it is.
        op.columns, op.written = columns, {}
        if op.body:
            links.append(op)
    refused = await batch.update(None, links)
    # The record is in the target: what did not land is its lookup.
    columns = {op.source_id: mapped[op.pos][0]["column"] for op in links}
    return failed + [replace(row, field=row.field or columns[row.source_id]) for row in refused]


def _property_counts(patients: list[dict[str, Any]]) -> dict[str, int]:
    """How many custom properties these plan rows of patients have: all, refused by the map, and left out on purpose."""
    sums = {key: sum(one[key] or 0 for one in patients) for key in ("properties_refused", "properties_ignored")}
    return {"properties": sum(len(one["properties"] or ()) for one in patients), **sums}


def lost_properties(patients: list[dict[str, Any]]) -> list[ExceptionRow]:
    """The exceptions of custom properties whose patients did not land, by the patients' plan rows. Those that the map
    refused were listed with the plan."""
    return [
        ExceptionRow("custom_property", f"{one['source_id']}.{name}", None, *WITH_PATIENT, cause=one["source_key"])
        for one in patients
        for name in one["properties"] or ()
        if PREFIX + name not in {issue["field"] for issue in one["issues"] or ()}
    ]


def _wanted(plan: dict[str, Any], phase: str) -> bool:
    return plan["action"] in WRITES if phase == "load" else bool(plan[f"todo_{phase}"])


async def _kept(store: Storage, job: dict[str, Any], name: str, chunk: str) -> dict[str, Receipt]:
    """The receipts of this chunk so far, by source key."""
    try:
        rows = await receipts.read_part(store, job["migration"], job["run"], name, chunk)
    except NotStored:
        return {}
    return {row.source_key: row for row in rows}


def _payload(op: Op) -> dict[str, Any]:
    return {"columns": op.columns, "refused": op.refused} | ({"adopted": True} if op.adopted else {})


def _receipt(job: dict[str, Any], op: Op, payload: dict[str, Any]) -> Receipt:
    return Receipt(
        source_id=op.source_id,
        source_key=op.source_key,
        row_key=op.row_key,
        table=op.table.plain,
        row_id=op.row_id,
        run_number=job["number"],
        generation=job["generation"],
        hash=op.hash,
        payload=orjson.dumps(payload).decode(),
        patient=op.patient,
        tombstone=False,
    )


def _passed(
    job: dict[str, Any], phase: str, kept: dict[str, Receipt], done: list[Op], plan: dict[int, dict[str, Any]]
) -> list[Receipt]:
    """The chunk's receipts after a second pass: what was linked or closed says so, and is not done again."""
    rows = dict(kept)
    for op in done:
        text = kept[op.source_key].payload if op.source_key in kept else plan[op.pos]["written"]
        payload = orjson.loads(text)
        more = {"state": op.state} if phase == "state" else {"linked": True, "columns": payload["columns"] | op.columns}
        rows[op.source_key] = _receipt(job, op, payload | more)
    return list(rows.values())
