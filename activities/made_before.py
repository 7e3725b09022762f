"""Rows of ours that no receipt tells of: an earlier run ended between writing them and keeping their receipts.

The ids of a generation are the same in each of its runs, so such a row stands where the next run wants to create it. The
audit logs tell it from a row of somebody else's who has the same id.
"""

from collections.abc import Sequence
from typing import Any

from activities.rows import Op
from activities.standing import standing
from ledger import migrations
from ledger.audit import AuditLog, Place, partitions
from ledger.storage import Storage


async def made_before(store: Storage, job: dict[str, Any], label: str, ops: Sequence[Op]) -> set[str]:
    """Which of the rows that ``ops`` would create another run may have made, by its log; or, where several records
    share a row, another chunk of this run. ``label`` is the chunk's own.

    Reads whole logs: to be asked about rows that were found in the target, not about every row.
    """
    wanted = {op.row_id for op in ops}
    shared = any(op.row_key != op.source_key for op in ops)
    own = Place(job["run"], job["object"], label)
    made: set[str] = set()
    for run in standing(await migrations.list_runs(store, job["migration"])):
        if run.generation != job["generation"] or (run.id == job["run"] and not shared):
            continue
        for place in await partitions(store, job["migration"], run.id):
            if place != own and (shared or place.object == job["object"]):
                log = await AuditLog.open(store, job["migration"], place.run, place.object, place.chunk)
                made |= wanted & _created(log)
    return made


def _created(log: AuditLog) -> set[str]:
    """The rows that a chunk has created, or may have."""
    return {
        entry.row_id
        for entry in log.intents.values()
        if entry.operation == "create" and ((outcome := log.outcome(entry)) is None or outcome.result != "failed")
    }
