"""What a target was seen to do where the documentation is silent, as a plain document that later steps read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, cast

#: How rows are created under ids of ours: CreateMultiple; single POSTs in a ``$batch``; PATCHes to the row's address
#: with ``If-None-Match: *``, which create and never change, in a ``$batch``.
Strategy = Literal["multiple", "post", "upsert"]
Ids = Literal["kept", "refused", "ignored", "unknown"]
Owner = Literal["accepted", "refused", "substituted", "unknown"]
Closed = Literal["accepted", "refused", "ignored", "unknown"]


@dataclass(frozen=True, slots=True)
class TableProbe:
    """One table. Answers that were not tried, or could not be had, are "unknown"; ``codes`` says with what a trial was
    refused (trial → Dataverse's code). ``bulk`` is whether CreateMultiple exists; ``strategy`` None: no way was found.
    """

    bulk: bool
    bulk_ids: Ids = "unknown"
    strategy: Strategy | None = None
    disabled_owner: Owner = "unknown"
    closed_on_create: Closed = "unknown"
    codes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Probes:
    """Answers by logical table, and those about the environment.

    ``note_blocks``: whether the Target of a block upload may name the note's parent. ``upload_bytes``: the largest file
    (before encoding) that was taken, None when none was. ``parallelism`` is the service's hint, 0 when it gave none.
    ``left``: rows (table, id) that could not be removed again.
    """

    tables: dict[str, TableProbe] = field(default_factory=dict)
    note_blocks: Closed = "unknown"
    upload_bytes: int | None = None
    parallelism: int = 0
    left: list[tuple[str, str]] = field(default_factory=list)

    def strategy(self, table: str, bulk: bool) -> Strategy:
        """How to create rows of a table (logical name); ``bulk`` is what is expected of one that was not probed."""
        seen = self.tables.get(table)
        return (seen.strategy if seen else None) or ("multiple" if bulk else "post")

    @property
    def object_in_blocks(self) -> bool:
        """Whether a note's parent may be named in its block upload, so that the note and its file appear as one."""
        return self.note_blocks == "accepted"

    def to_json(self) -> dict[str, Any]:
        """A plain document; ``from_json`` reads it."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Probes":
        """The answers kept in a document. Raises KeyError or TypeError when it is not one of ``to_json``."""
        return cls(
            tables={name: TableProbe(**one) for name, one in document["tables"].items()},
            note_blocks=cast("Closed", document["note_blocks"]),
            upload_bytes=document["upload_bytes"],
            parallelism=int(document["parallelism"]),
            left=[(str(table), str(row_id)) for table, row_id in document["left"]],
        )

    def lines(self) -> list[str]:
        """The answers in words, one a line, for people."""
        words = [f"Parallelism advised by the service: {self.parallelism or 'none'}."]
        for name, seen in sorted(self.tables.items()):
            words.append(
                f"{name}: bulk creates {'there' if seen.bulk else 'not there'}, our ids {seen.bulk_ids} in them, rows "
                f"are created by {seen.strategy or 'no way that was found'}; a disabled owner: {seen.disabled_owner}; "
                f"a closed state on create: {seen.closed_on_create}."
            )
        words.append(f"A note's parent named in a block upload: {self.note_blocks}.")
        size = "none" if self.upload_bytes is None else f"{self.upload_bytes / 1024 / 1024:.1f} MB"
        words.append(f"Largest file that was taken: {size}.")
        words += [f"Left behind, remove by hand: {table} {row_id}." for table, row_id in self.left]
        return words
