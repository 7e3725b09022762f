"""Trying the target's undocumented behaviour before a load, and what the load makes of the answers."""

from typing import Any, Final

import orjson

from activities import jobs
from activities.keep import keep_report
from activities.resources import storage, workplace
from activities.target import chunk_client
from dataverse.probe import probe
from dataverse.probes import Probes
from ledger import paths
from ledger.lease import chunk_lease
from ledger.storage import Storage
from reports.prepare import probes_report

DOCUMENT: Final = "probes.json"
_MEGABYTE: Final = 1024 * 1024


async def probe_target(job: dict[str, Any]) -> dict[str, Any]:
    """Try the target's tables on rows made for it, and keep the answers for the loads that follow.

    A file that was too large for the target lowers the limit above which documents are listed for manual upload.
    """
    store = await storage()
    migration, run = job["migration"], job["run"]
    result_name = paths.work(migration, run, "probe.json")
    # Two at once would remove each other's rows and take that for answers.
    async with chunk_lease(store, paths.lease(migration, run, "probe", "once"), wait=jobs.LEASE_WAIT) as lease:
        if await store.exists("staging", result_name):
            return dict(orjson.loads(await store.get("staging", result_name)))
        limits = await jobs.document(store, migration, "limits.json")
        async with chunk_client(store, {**job, "user": 0}, lease) as client, workplace("probe") as folder:
            found = await probe(client, await jobs.schema(store, job), most_bytes=limits["max_bytes"], folder=folder)
        await jobs.keep_document(store, migration, DOCUMENT, found.to_json())
        await jobs.keep_document(store, migration, "limits.json", _learned(limits, found))
        await keep_report(store, probes_report(migration, found.tables, found.lines()))
        left = f" {len(found.left)} rows could not be removed: see the report." if found.left else ""
        result = {"message": f"{len(found.tables)} tables were tried; the load does as they answered.{left}"}
        await store.put("staging", result_name, orjson.dumps(result))
    return result


async def probes(store: Storage, migration: str) -> Probes | None:
    """The answers of the last probe; None when the target was never tried."""
    kept = await jobs.optional_document(store, migration, DOCUMENT, None)
    return Probes.from_json(kept) if kept else None


def _learned(limits: dict[str, Any], found: Probes) -> dict[str, Any]:
    limits = {**limits, "parallelism": found.parallelism or limits["parallelism"]}
    if found.upload_bytes is not None and found.upload_bytes < limits["max_bytes"]:
        words = f"{found.upload_bytes / _MEGABYTE:.1f} MB (the largest file that the target took when it was tried)."
        limits |= {"max_bytes": found.upload_bytes, "words": words}
    return limits
