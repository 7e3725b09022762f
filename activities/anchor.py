"""Anchoring the audit log: where every chain of a run ended, in the append-only manifest."""

from typing import Any

from ledger import manifest
from ledger.audit import heads
from ledger.storage import Storage


async def anchor(store: Storage, job: dict[str, Any], kind: str = "run_end") -> None:
    """Write the heads of the run's chains to the manifest."""
    ends = await heads(store, job["migration"], job["run"])
    entry = manifest.ManifestEntry(
        kind=kind, run=job["run"], by=job["operator"], map_hash=job["map_hash"], heads=manifest.heads_of(ends), closed=True
    )
    await manifest.append(store, job["migration"], entry)
