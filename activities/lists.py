"""What people go through after a load and after a verification: the exceptions, and the documents to upload by hand."""

from typing import Any

from activities import jobs
from activities.drugs import list_drugs
from activities.keep import keep_report
from activities.resources import workplace
from activities.unstructured import unstructured
from ledger.exceptions import Fetched, fetch
from ledger.storage import Storage
from reports.reconcile import exceptions_report, manual_upload_report


async def keep_lists(store: Storage, job: dict[str, Any], load: str | None) -> None:
    """Keep both lists by the exceptions of this load, the run whose exceptions hold now. Safe to run twice."""
    async with workplace("exceptions") as folder:
        rows = await fetch(store, job["migration"], load, folder) if load else Fetched([])
        await keep_report(store, exceptions_report(job["migration"], rows, await list_drugs(job)))
        documents = [row for row in rows if row.object == "document"]
    papers = await jobs.optional_document(store, job["migration"], "files.json", {})
    odd = await unstructured(store, job["migration"], job["snapshot"])
    await keep_report(store, manual_upload_report(job["migration"], documents, papers, odd))
