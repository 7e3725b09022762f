"""The end of a sample: its proofs, its field-level diff, and what a person has to explain before signing it."""

from collections import Counter
from typing import Any, Final

import orjson

from activities import jobs
from activities.differences import Difference, differences, unseen_in_fields
from activities.drugs import list_drugs
from activities.keep import keep_report
from activities.proofs import prove
from activities.reconcile import compared
from activities.resources import storage
from ledger import paths
from ledger.chunks import unpack
from mapping.compile import zone_of
from reports.diff import diff_report

#: The document that lists what differs in the latest sample: its run, and the source ids by cause.
DIFFERENCES: Final = "differences.json"


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
    await jobs.keep_document(store, job["migration"], DIFFERENCES, _listed(job["root"], open_ones))
    await keep_report(store, diff_report(job["migration"], rows, chosen, rehearsal, findings, clinic_map.time_zone))
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


def _listed(sample: str, found: list[Difference]) -> dict[str, Any]:
    causes: dict[str, list[str]] = {}
    for one in found:
        causes.setdefault(one.cause, []).append(one.source_id)
    return {"sample": sample, "causes": causes}
