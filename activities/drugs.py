"""Drugs that the table of DEA schedules does not know: found while mapping, listed for a person from the sample on."""

import asyncio
from pathlib import Path
from typing import Any, Final

from activities import jobs
from activities.keep import keep_report
from activities.resources import storage, workplace
from ledger import duck
from reports.drugs import drugs_report

#: Prescriptions of a drug that are named.
EXAMPLES: Final = 20

_UNKNOWN: Final = f"""
SELECT any_value(review), count(*), min(source_id, {EXAMPLES})
FROM read_parquet($files) WHERE review <> '' GROUP BY lower(trim(review)) ORDER BY 2 DESC, 1
"""


async def list_drugs(job: dict[str, Any]) -> int:
    """Keep the report of drugs that a person should look at, of all prescriptions as they are mapped; returns how many."""
    store = await storage()
    async with workplace("drugs") as folder:
        files = await store.download("staging", f"{jobs.mapped_prefix(job, 'prescription')}index/", folder)
        drugs = await asyncio.to_thread(unknown_drugs, files) if files else []
    await keep_report(store, drugs_report(job["migration"], drugs))
    return len(drugs)


def unknown_drugs(files: list[Path]) -> list[tuple[str, int, list[str]]]:
    """Each drug that is not in the table, as the source names it: how many prescriptions, and the ids of some."""
    with duck.cursor() as db:
        return db.execute(_UNKNOWN, {"files": [str(file) for file in files]}).fetchall()
