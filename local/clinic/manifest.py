"""What the export holds and what a faithful migration must count: written beside it, never in it."""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Final

from local.clinic.entries import Entry
from local.clinic.tables import TABLES

#: An object's records that nothing excludes.
READY: Final = "ready"

#: Columns of a patient's row that the target has no column for: each value is a custom property.
_PROPERTY_COLUMNS: Final = ("maiden_name", "language")


class Manifest:
    """Running counts; memory does not grow with the clinic."""

    def __init__(self) -> None:
        self.datasets: dict[str, Counter[str]] = {name: Counter() for name in TABLES}
        self.objects: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.changes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.files = 0
        self.file_bytes = 0

    def count(self, entry: Entry) -> None:
        """Takes one row into account."""
        self.datasets[entry.dataset][entry.account] += 1
        kind, _, word = entry.account.partition(":")
        table_object = TABLES[entry.dataset].object
        if table_object and entry.records:
            self.objects[table_object][word if kind == "excluded" else READY] += entry.records
        if entry.account == "fed:patient":
            self.objects["custom_property"][READY] += sum(bool(entry.row[name]) for name in _PROPERTY_COLUMNS)

    def changed(self, how: str, entry: Entry) -> None:
        """Notes what the last day did to the records of a row: new, changed, soft_deleted or gone.

        Records that were excluded all along do not count.
        """
        table_object = TABLES[entry.dataset].object
        if table_object and entry.records and entry.account.startswith("fed:"):
            self.changes[table_object][how] += entry.records

    def count_file(self, size: int) -> None:
        """Takes one written file into account."""
        self.files += 1
        self.file_bytes += size

    def as_dict(self) -> dict[str, Any]:
        """Plain data.

        ``datasets``: rows, and rows by account; ``objects``: shaped records, and records by exclusion reason or
        ``ready``; ``changes``: what a delta must find; ``files``: documents written.
        """
        return {
            "datasets": {
                name: {"rows": sum(counts.values()), "accounts": dict(sorted(counts.items()))}
                for name, counts in self.datasets.items()
            },
            "objects": {
                name: {"records": sum(counts.values()), "by": dict(sorted(counts.items()))}
                for name, counts in sorted(self.objects.items())
            },
            "changes": {name: dict(sorted(counts.items())) for name, counts in sorted(self.changes.items())},
            "files": {"count": self.files, "bytes": self.file_bytes},
        }

    def write(self, path: Path) -> None:
        """As JSON."""
        path.write_text(json.dumps(self.as_dict(), indent=1) + "\n", encoding="utf-8")
