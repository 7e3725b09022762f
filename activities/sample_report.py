"""The end of a sample: its proofs, its field-level diff, and what a person has to explain before signing it."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import orjson

from activities import jobs
from activities.differences import Difference, differences, unseen_in_fields
from activities.drugs import list_drugs
from activities.keep import keep_report
from activities.proofs import prove
from activities.reconcile import compared
from activities.resources import storage, workplace
from ledger import duck, paths
from ledger.chunks import longest_line, unpack, write_records
from ledger.storage import Storage
from mapping.compile import zone_of
from reports.diff import FIELDS, diff_report, in_order, plain
from reports.model import Report
from reports.render import render

#: The document that lists what differs in the latest sample: its run, and the source ids by cause.
DIFFERENCES: Final = "differences.json"
#: The document with the report's figures and tables, all but the fields: these are in the index.
HEAD: Final = "diff.json"
#: What the index says of a field, beside its place in the report.
_INDEX: Final = {
    **dict.fromkeys(
        (
            "object",
            "patient",
            "source_id",
            "field",
            "source",
            "transform",
            "column",
            "value",
            "verdict",
            "reason",
            "proof",
        ),
        "VARCHAR",
    ),
    **dict.fromkeys(("lossy", "proved"), "BOOLEAN"),
}


async def make_diff(job: dict[str, Any]) -> dict[str, Any]:
    """Prove, compare and report the sample; the outcome of the step."""
    store = await storage()
    rows: list[dict[str, Any]] = []
    for blob in await store.names("staging", paths.work(job["migration"], job["run"], "diff/")):
        rows += unpack(await store.get("staging", blob))
    chosen = orjson.loads(await store.get("staging", paths.work(job["migration"], job["root"], "sample/chosen.json")))
    clinic_map, _ = await jobs.map_and_schema(store, job)
    prove(rows, clinic_map.system, zone_of(clinic_map))
    totals, every = await compared(store, job)
    findings = unseen_in_fields(rows, every)
    open_ones = differences(rows, findings)
    rehearsal = Counter[str]()
    for one in job["rehearsal"].values():
        rehearsal.update(one)
    await jobs.keep_document(store, job["migration"], DIFFERENCES, listed(job["root"], open_ones))
    rows = in_order(rows)
    report = diff_report(job["migration"], rows, chosen, rehearsal, findings, clinic_map.time_zone)
    await keep_report(store, report)
    await keep_index(store, report, rows)
    await list_drugs(job)
    kinds = Counter(one.kind for one in open_ones)
    records = sum(one["rows"] for one in totals.values())
    return {
        "message": (
            f"{chosen['patients']} patients with {records:,} records were migrated, undone ({rehearsal['deleted']:,} rows, "
            f"proved gone) and migrated again. {kinds['differs']:,} of {len(rows):,} fields differ; other findings: "
            f"{kinds['finding']:,}; proofs that fail at a field: {kinds['proof']:,}."
        ),
        "counts": {name: {"records": one["rows"], "verified": one["verified"]} for name, one in totals.items()},
        "differences": {
            "patients": chosen["patients"],
            "records": records,
            "fields": len(rows),
            "refused": sum(1 for row in rows if row["verdict"] == "refused"),
            "differ": kinds["differs"],
            "findings": kinds["finding"],
            "not_proved": kinds["proof"],
            "differences": len(open_ones),
        },
    }


async def keep_index(store: Storage, report: Report, rows: Sequence[dict[str, Any]]) -> None:
    """The report for pages that show a part of it: figures and small tables at once, fields by what is asked for."""
    async with workplace("diff") as folder:
        await asyncio.to_thread(write_index, rows, folder / "fields.parquet")
        await store.upload("reports", paths.diff_index(report.migration), folder / "fields.parquet")
    small = replace(report, tables=[table for table in report.tables if table.title != FIELDS], csv_table=0)
    head = orjson.loads(render(small, "json"))
    head["table_notes"] = {table.title: table.note if table.rows else table.empty for table in report.tables}
    await jobs.keep_document(store, report.migration, HEAD, head)


def write_index(rows: Sequence[dict[str, Any]], target: Path) -> None:
    """The fields as one Parquet file, in the order of the report."""
    given = target.with_suffix(".ndjson.gz")
    write_records(given, ({name: plain(row.get(name)) for name in _INDEX} for row in rows))
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in _INDEX.items())
    with duck.json_cursor() as db:
        db.execute(
            f"COPY (SELECT row_number() OVER () AS place, * FROM read_json($file, format = 'newline_delimited', "
            f"compression = 'gzip', columns = {{{columns}}}, maximum_object_size = {longest_line(given)})) "
            f"TO '{target}' (FORMAT parquet, COMPRESSION zstd)",
            {"file": str(given)},
        )


def listed(sample: str, found: list[Difference]) -> dict[str, Any]:
    """The document of what differs: source ids by cause."""
    causes: dict[str, list[str]] = {}
    for one in found:
        causes.setdefault(one.cause, []).append(one.source_id)
    return {"sample": sample, "causes": causes}
