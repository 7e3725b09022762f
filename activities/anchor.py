"""Anchoring the audit log: where every chain of a run ended, in the append-only manifest."""

from activities import jobs
from ledger import manifest, paths
from ledger.audit import AuditLog, Head
from ledger.migrations import Run
from ledger.storage import Storage


async def anchor(store: Storage, run: Run) -> None:
    """Write the heads of a run's chains to the manifest; a run that logged nothing has none."""
    heads = await _heads(store, run)
    if not heads:
        return
    entry = manifest.ManifestEntry(
        kind="run_end", run=run.id, by=run.by, map_hash=run.map_hash, heads=manifest.heads_of(heads), closed=True
    )
    await manifest.append(store, run.migration, entry)


async def _heads(store: Storage, run: Run) -> dict[str, Head]:
    """By partition key. A chunk says where its log ends when it is done; only of one that never came to its end is the
    log read, as a run of a large clinic has half a million rows."""
    found = {(one.object, one.chunk): one.head for one in await jobs.all_ended(store, run.migration, run.id)}
    leases = f"{paths.leases(run.migration)}{run.id}/"
    for blob in await store.names("ledger", leases):
        name, _, chunk = blob.removeprefix(leases).partition("/")
        if (name, chunk) not in found:
            found[name, chunk] = (await AuditLog.open(store, run.migration, run.id, name, chunk)).head
    return {
        paths.partition(run.migration, run.id, name, chunk): head
        for (name, chunk), head in found.items()
        if head is not None and head.count
    }
