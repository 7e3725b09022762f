"""Is the audit log whole? Finds removed, edited, reordered and added rows, and cut tails; names partition and sequence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ledger.manifest import ManifestEntry
from ledger.storage import Storage

Damage = Literal["edited", "removed", "reordered", "cut", "rewritten", "added"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where the log is not what was written."""

    partition: str
    sequence: int | None  #: None when the whole partition is gone
    damage: Damage
    message: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What was checked and what was found."""

    rows: int
    partitions: int
    findings: list[Finding]

    @property
    def whole(self) -> bool:
        """Nothing is missing and nothing was changed."""
        return not self.findings


async def verify(storage: Storage, migration: str, manifests: Sequence[ManifestEntry]) -> list[Finding]:
    """Check every partition of a migration against its chain and the manifest's heads; nothing found: []."""
    raise NotImplementedError
