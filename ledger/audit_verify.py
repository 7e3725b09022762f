"""Is the audit log whole? Finds removed, edited, reordered and added rows and cut tails, by partition and sequence.

`Verifier` is pure: it takes rows in the order of their keys, from the table (`verify`) or from an NDJSON export and a
copy of the manifest (`verify_lines`), so that the log can be checked without either service.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import orjson

from ledger import chain, manifest, paths
from ledger.manifest import ManifestEntry, ManifestHead
from ledger.rows import Row, literal
from ledger.storage import Storage

Damage = Literal["edited", "removed", "reordered", "cut", "rewritten", "added"]

_COMPARED: Final = 40  #: broken rows of a partition that are tried in each other's places


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
    """Check every partition of a migration against its chain and the manifest's heads (`manifest.read`); [] is good."""
    return (await examine(storage, migration, manifests)).findings


async def examine(storage: Storage, migration: str, manifests: Sequence[ManifestEntry]) -> Verification:
    """`verify`, with the numbers of rows and partitions that were checked."""
    return (await examine_part(storage, migration, manifests))[0]


async def examine_part(
    storage: Storage, migration: str, manifests: Sequence[ManifestEntry], after: str = "", most: int = sys.maxsize
) -> tuple[Verification, str]:
    """`examine`, of the partitions behind `after` alone, and of no more when `most` rows were read and a partition ends.

    Also the partition that the next part begins behind, "" with the last. ValueError: `after` is none of the migration.
    """
    first, beyond = paths.partition_range(migration)
    if after and not first <= after < beyond:
        raise ValueError(f"{after} is no partition of {migration}")
    begin = f"PartitionKey gt {literal(after)}" if after else f"PartitionKey ge {literal(first)}"
    verifier, last = Verifier(manifests, after), ""
    async for page in storage.rows.pages(paths.AUDIT, f"{begin} and PartitionKey lt {literal(beyond)}"):
        for row in page:
            if verifier.rows >= most and row["PartitionKey"] != last:
                return verifier.finish(last), last
            last = row["PartitionKey"]
            verifier.add(row)
    return verifier.finish(), ""


def verify_lines(lines: Iterable[bytes], manifest_text: bytes) -> Verification:
    """Check an NDJSON export of the log with a copy of its manifest. Raises ManifestBroken."""
    verifier = Verifier(manifest.parse(manifest_text))
    for line in lines:
        verifier.add(orjson.loads(line))
    return verifier.finish()


class Verifier:
    """Takes the rows of the log in the order of partition and row key; `finish` tells what was wrong.

    With `after` those of the partitions behind it.
    """

    def __init__(self, manifests: Sequence[ManifestEntry], after: str = "") -> None:
        self._heads: dict[str, dict[int, str]] = {}
        self._closed: dict[str, ManifestHead | None] = {}
        self._ended: set[str] = set()
        for entry in manifests:
            if entry.closed and entry.run is not None:
                self._ended.add(entry.run)
            for partition, head in entry.heads.items():
                if partition <= after:
                    continue
                self._heads.setdefault(partition, {})[head.count] = head.hash
                self._closed[partition] = head if entry.closed else None
        self._findings: list[Finding] = []
        self._seen: set[str] = set()
        self._walk: _Walk | None = None
        self.rows = 0

    def add(self, row: Row) -> None:
        """Take the next row."""
        self.rows += 1
        partition = row["PartitionKey"]
        if self._walk is None or self._walk.partition != partition:
            self._end_partition()
            self._seen.add(partition)
            self._walk = _Walk(partition, self._heads.get(partition, {}))
        self._walk.step(row)

    def finish(self, until: str | None = None) -> Verification:
        """What was found in all rows taken, in the order of partition and sequence. ``until``: the last partition of a part."""
        self._end_partition()
        for partition in self._heads.keys() - self._seen:
            count = max(self._heads[partition])
            if count and (until is None or partition <= until):
                self._findings.append(Finding(partition, None, "removed", f"all {count} rows are missing"))
        self._findings.sort(key=lambda finding: (finding.partition, finding.sequence or 0))
        return Verification(self.rows, len(self._seen), self._findings)

    def _end_partition(self) -> None:
        walk, self._walk = self._walk, None
        if walk is None:
            return
        self._findings += walk.end()
        closed = self._closed.get(walk.partition)
        if closed is not None and walk.last > closed.count:
            self._add(
                walk.partition, closed.count + 1, f"the run ended with {closed.count} rows; there are {walk.last}"
            )
        elif walk.partition not in self._heads and walk.partition.split("|")[1] in self._ended:
            self._add(walk.partition, 1, "the run ended without this partition")

    def _add(self, partition: str, sequence: int, message: str) -> None:
        self._findings.append(Finding(partition, sequence, "added", message))


class _Walk:
    """The walk along one partition."""

    def __init__(self, partition: str, heads: dict[int, str]) -> None:
        self.partition = partition
        self.last = 0
        self._heads = heads
        self._findings: list[Finding] = []
        self._broken: list[tuple[int, Row]] = []
        self._around: list[str] = []
        #: What the next row may follow on: the hash stored before it, and the one that should have been stored there.
        self._previous: tuple[str, ...] = (chain.genesis(partition),)
        self._rewritten: Finding | None = None

    def step(self, row: Row) -> None:
        sequence, text, stored = int(row["RowKey"]), chain.canonical(row), row.get("hash", "")
        if sequence > self.last + 1:
            first, final = self.last + 1, sequence - 1
            missing = f"row {first} is missing" if first == final else f"rows {first} to {final} are missing"
            self._find(first, "removed", missing)
            self._previous = (stored,)
        else:
            fitting = [chain.link(previous, text) for previous in self._previous]
            if stored in fitting:
                self._previous = (stored,)
            else:
                self._broken.append((sequence, row))
                self._around.extend(self._previous)
                self._previous = (stored, fitting[0]) if _is_hash(stored) else (fitting[0],)
        if self._heads.get(sequence, stored) != stored and self._rewritten is None:
            message = f"row {sequence} is not the row that the manifest names: the chain was written anew"
            self._rewritten = Finding(self.partition, sequence, "rewritten", message)
        self.last = sequence

    def end(self) -> list[Finding]:
        self._judge_broken()
        counted = max(self._heads, default=0)
        if self.last < counted:
            self._find(self.last + 1, "cut", f"rows {self.last + 1} to {counted} are missing from the end")
        if not self._findings and self._rewritten is not None:
            self._findings.append(self._rewritten)
        return self._findings

    def _judge_broken(self) -> None:
        """Tell rows that moved from rows that were edited, and leave out those whose neighbour alone was at fault."""
        compared = self._broken[:_COMPARED]
        hashes = {h for h in [*self._around, *(row.get("hash", "") for _, row in compared)] if _is_hash(h)}
        places = [sequence for sequence, _ in compared]
        for number, (sequence, row) in enumerate(self._broken):
            came_from = _place_of(row, places, hashes) if number < len(compared) > 1 else None
            if came_from is None:
                before = f" on row {sequence - 1}" if sequence > 1 else ""
                message = f"row {sequence} does not follow{before}: it was edited, or the row before was written anew"
                self._find(sequence, "edited", message)
            elif came_from != sequence:
                self._find(sequence, "reordered", f"row {sequence} was written as row {came_from}")

    def _find(self, sequence: int, damage: Damage, message: str) -> None:
        self._findings.append(Finding(self.partition, sequence, damage, message))


def _place_of(row: Row, places: Sequence[int], hashes: set[str]) -> int | None:
    """The sequence under which a row was hashed, among `places` and after any of `hashes`; None when under none."""
    for place in places:
        text = chain.canonical({**row, "RowKey": paths.row_key(place)})
        if any(chain.link(previous, text) == row.get("hash") for previous in hashes):
            return place
    return None


def _is_hash(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) == 32
    except ValueError:
        return False
