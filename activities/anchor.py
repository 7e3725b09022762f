"""Anchoring the audit log: where every chain of a run ended, in the append-only manifest."""

from ledger import manifest
from ledger.audit import heads
from ledger.migrations import Run
from ledger.storage import Storage


async def anchor(store: Storage, run: Run) -> None:
    """Write the heads of a run's chains to the manifest; a run that logged nothing has none."""
    ends = await heads(store, run.migration, run.id)
    if not ends:
        return
    entry = manifest.ManifestEntry(
        kind="run_end", run=run.id, by=run.by, map_hash=run.map_hash, heads=manifest.heads_of(ends), closed=True
    )
    await manifest.append(store, run.migration, entry)
