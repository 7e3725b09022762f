"""The end of a sample: its proofs, its field-level diff, and what a person has to explain before signing it."""

from collections import Counter
from typing import Any

import orjson

from activities import jobs, kept_diff
from activities.differences import classify, differences, keep, unseen_in_fields
from activities.drugs import list_drugs
from activities.proofs import prove
from activities.reconcile import compared
from activities.resources import storage
from ledger import paths
from ledger.chunks import unpack
from mapping.compile import zone_of
from reports.diff import in_order


async def make_diff(job: dict[str, Any]) -> dict[str, Any]:
    """Prove, compare and report the sample; the outcome of the step."""
    store = await storage()
    rows: list[dict[str, Any]] = []
    for blob in await store.names("staging", paths.work(job["migration"], job["run"], "diff/")):
        rows += unpack(await store.get("staging", blob))
    chosen = orjson.loads(await store.get("staging", paths.work(job["migration"], job["root"], "sample/chosen.json")))
    clinic_map, _ = await jobs.map_and_schema(store, job)
    prove(rows, clinic_map.system, zone_of(clinic_map))
    classify(rows)
    totals, every = await compared(store, job)
    findings = unseen_in_fields(rows, every)
    open_ones = differences(rows, findings)
    rehearsal = Counter[str]()
    for one in job["rehearsal"].values():
        rehearsal.update(one)
    await keep(store, job["migration"], job["root"], open_ones)
    rows = in_order(rows)
    frame = {"chosen": chosen, "rehearsal": rehearsal, "findings": findings, "zone": clinic_map.time_zone}
    await kept_diff.keep(store, job["migration"], rows, frame)
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
