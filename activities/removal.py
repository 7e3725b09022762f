"""After a full rollback, when it was asked for: the solution's tables and columns are taken out of the target, too."""

from dataclasses import replace
from typing import Any

from activities import jobs
from activities.resources import storage
from activities.target import app_clients
from dataverse.uninstall import uninstall
from ledger import migrations
from mapping.schema import SchemaTable


async def remove_solution(job: dict[str, Any]) -> dict[str, Any]:
    """Remove what preparations brought and what holds nothing; what stays, and why, is kept for the report."""
    store = await storage()
    tables: dict[str, SchemaTable] = {}
    for run in await migrations.list_runs(store, job["migration"]):
        if run.kind == "prepare":
            for table in (await jobs.schema_of_run(store, job, run.id)).tables.values():
                known = tables[table.logical].columns if table.logical in tables else {}
                tables[table.logical] = replace(table, columns={**known, **table.columns})
    async with app_clients(store) as clients:
        found = await uninstall(clients[0], tables.values())
    document = {"removed": found.removed, "kept": found.kept}
    await jobs.keep_document(store, job["migration"], f"solution-{job['run']}.json", document)
    return {}
