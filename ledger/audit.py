"""The audit log: one row per operation, written before the operation is made.

A chunk is a partition `migration|run|object|chunk`; the row key is the sequence from 1, in eight digits. Rows are only
ever inserted, in entity-group transactions of at most 100, and each carries

    hash = sha256(hash of the row before || canonical row)        (both as bytes; hex in the row)

where the canonical row is the row without `hash` as JSON with sorted keys and no spaces, and the hash before the first
row is sha256(partition key). Two writers of one chunk collide on the row key; the rows that came first stay.

Intents are rows, one an operation (`operation`, `source_id`, `source_key`, `table`, `row_id`, `before`). Outcomes are
one row for all that landed (`operation` "landed", `span` "1-100,103") and a row for each operation that did not
(`operation` "failed" or "unknown", `of` the intent's sequence, `code`, `message`). Of a sequence the latest one counts.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Self, cast

from azure.core.exceptions import IncompleteReadError, ResourceExistsError, ServiceResponseError

from ledger import chain, paths
from ledger.rows import LARGEST_TRANSACTION, Row, literal
from ledger.states import now
from ledger.storage import Storage

Operation = Literal["create", "update", "link", "state", "delete", "restore", "export"]
Result = Literal["landed", "failed", "unknown"]

_ATTEMPTS: Final = 8  #: collisions with another writer before giving the chunk up
_MESSAGE: Final = 500  #: characters kept of a message


@dataclass(frozen=True, slots=True)
class Intent:
    """An operation about to be made on one row. Ids only: no names, dates or values."""

    operation: Operation
    source_id: str
    source_key: str
    table: str  #: plain or logical name, as the caller uses it throughout
    row_id: str  #: "" for an export
    before: str | None = None  #: reference of the before-image (`before.keep`)

    @property
    def key(self) -> str:
        """What makes it one operation of a chunk: the source key, marked for the second-pass operations.

        `link` and `state` come after the row's own write and are apart from it: `link:<source key>` and
        `state:<source key>`.
        """
        return intent_key(self.operation, self.source_key)


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored intent: what was to be done, and its place in the chain."""

    sequence: int
    operation: Operation
    source_id: str
    source_key: str
    table: str
    row_id: str
    before: str | None
    at: str  #: ISO 8601 UTC

    @property
    def key(self) -> str:
        """See `Intent.key`."""
        return intent_key(self.operation, self.source_key)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one intent. `failed` means proved not written; `unknown` means it must be read again."""

    sequence: int  #: of the intent
    result: Result
    code: str = ""
    message: str = ""  #: without PHI; cut at 500 characters

    def __post_init__(self) -> None:
        if len(self.message) > _MESSAGE:
            object.__setattr__(self, "message", self.message[:_MESSAGE])


@dataclass(frozen=True, slots=True)
class Head:
    """Where a partition's chain ends: the last row's hash, and how many rows there are."""

    hash: str
    count: int


def intent_key(operation: str, source_key: str) -> str:
    """The key of `AuditLog.intents` (see `Intent.key`)."""
    return f"{operation}:{source_key}" if operation in ("link", "state") else source_key


class AuditRace(Exception):
    """Another writer kept winning this partition: the chunk's lease cannot be ours."""


class AuditLog:
    """The log of one chunk, as read when it was opened and as appended since. One writer at a time (chunk lease).

    `intents`: stored intents by `Intent.key`. `outcomes`: the latest outcome by the intent's sequence.
    """

    def __init__(
        self, storage: Storage, partition: str, *, by: str, map_hash: str, check: Callable[[], None] | None
    ) -> None:
        self.partition = partition
        self.intents: dict[str, Entry] = {}
        self.outcomes: dict[int, Outcome] = {}
        self._storage = storage
        self._stamp = {"operator": by, "map_hash": map_hash}
        self._check = check
        self._head = Head(chain.genesis(partition), 0)

    @classmethod
    async def open(
        cls,
        storage: Storage,
        migration: str,
        run: str,
        object: str,
        chunk: str,
        *,
        by: str = "",
        map_hash: str = "",
        check: Callable[[], None] | None = None,
    ) -> Self:
        """Read the chunk's rows. `by` (operator) and `map_hash` go into every row appended through this log.

        `check` is the lease's: called right before rows are sent, it raises when they must not be. A worker that was
        frozen would add to a log whose end is anchored already, which is what tampering looks like.
        """
        log = cls(storage, paths.partition(migration, run, object, chunk), by=by, map_hash=map_hash, check=check)
        await log._catch_up()
        return log

    @property
    def head(self) -> Head:
        """The chain's end."""
        return self._head

    def outcome(self, entry: Entry) -> Outcome | None:
        """The latest outcome of an entry, None while there is none."""
        return self.outcomes.get(entry.sequence)

    async def append_intents(self, intents: Sequence[Intent]) -> list[Entry]:
        """Store what is not stored yet; returns the stored entries in the order given.

        An intent whose key is in the log already is not written again: the first attempt's wins, also when another
        writer stored it between `open` and now. Durable when it returns. Raises AuditRace.
        """

        def rest() -> list[Row]:
            missing = {intent.key: intent for intent in intents if intent.key not in self.intents}
            return [_intent_row(intent) for intent in missing.values()]

        await self._append(rest)
        return [self.intents[intent.key] for intent in intents]

    async def append_outcomes(self, outcomes: Iterable[Outcome]) -> None:
        """Store what came of a batch: one row for all that landed, one for each that did not. Raises AuditRace.

        What is the latest outcome of its sequence already is not written again.
        """
        wanted = {outcome.sequence: outcome for outcome in outcomes}

        def rest() -> list[Row]:
            news = [o for o in wanted.values() if self.outcomes.get(o.sequence) != o]
            landed = [o.sequence for o in news if o.result == "landed"]
            rows = [_outcome_row(o) for o in news if o.result != "landed"]
            return [{"operation": "landed", "span": write_span(landed)}, *rows] if landed else rows

        await self._append(rest)

    async def append_landed(self, entries: Iterable[Entry]) -> None:
        """Store that all of these landed (one row). Raises AuditRace."""
        await self.append_outcomes(Outcome(entry.sequence, "landed") for entry in entries)

    async def _append(self, rest: Callable[[], list[Row]]) -> None:
        """Append the rows that `rest` still finds missing, asking it again whenever another writer came first."""
        for _ in range(_ATTEMPTS):
            rows = rest()
            try:
                for start in range(0, len(rows), LARGEST_TRANSACTION):
                    await self._insert(rows[start : start + LARGEST_TRANSACTION])
                return
            except ResourceExistsError:
                await self._catch_up()
            except (ServiceResponseError, IncompleteReadError):
                await self._catch_up()  # a lost reply proves nothing: what landed is read
        raise AuditRace(f"another writer is appending to {self.partition}")

    async def _insert(self, rows: Sequence[Row]) -> None:
        stamp = {"PartitionKey": self.partition, "at": now().isoformat(timespec="milliseconds"), **self._stamp}
        stamp = {name: value for name, value in stamp.items() if value}
        made: list[Row] = []
        texts: list[bytes] = []
        digest, count = self._head.hash, self._head.count
        for row in rows:
            count += 1
            full = {**stamp, **row, "RowKey": paths.row_key(count)}
            text = chain.canonical(full)
            digest = chain.link(digest, text)
            texts.append(chain.sealed(text, digest))
            made.append(full)
        if self._check is not None:
            self._check()
        await self._storage.rows.insert(paths.AUDIT, texts)
        self._head = Head(digest, count)
        for row in made:
            self._take(row)

    async def _catch_up(self) -> None:
        """Read the rows that others appended since. Trusts the chain: `verify` is what judges it."""
        after = f"PartitionKey eq {literal(self.partition)} and RowKey gt {literal(paths.row_key(self._head.count))}"
        async for page in self._storage.rows.pages(paths.AUDIT, after):
            for row in page:
                self._head = Head(row["hash"], int(row["RowKey"]))
                self._take(row)

    def _take(self, row: Row) -> None:
        operation = row["operation"]
        if operation == "landed":
            for landed in read_span(row["span"]):
                self.outcomes[landed] = Outcome(landed, "landed")
        elif operation in ("failed", "unknown"):
            outcome = read_outcome(row)
            self.outcomes[outcome.sequence] = outcome
        else:
            entry = read_entry(row)
            self.intents.setdefault(entry.key, entry)


@dataclass(frozen=True, slots=True)
class Place:
    """Which chunk a partition is the log of."""

    run: str
    object: str
    chunk: str


async def partitions(storage: Storage, migration: str, run: str | None = None) -> list[Place]:
    """The chunks that have a log, of one run or of all, in the order of their keys.

    Found by their first rows, so a chunk whose first row was deleted is not among them: `verify` names it.
    """
    first_rows = f"{_within(migration, run)} and RowKey eq {literal(paths.row_key(1))}"
    found: list[Place] = []
    async for page in storage.rows.pages(paths.AUDIT, first_rows, select=["PartitionKey"]):
        found += [Place(*row["PartitionKey"].split("|")[1:]) for row in page]
    return found


def _within(migration: str, run: str | None) -> str:
    first, beyond = paths.partition_range(migration, run)
    return f"PartitionKey ge {literal(first)} and PartitionKey lt {literal(beyond)}"


def read_entry(row: Row) -> Entry:
    """The stored intent in a row of the table."""
    return Entry(
        sequence=int(row["RowKey"]),
        operation=cast("Operation", row["operation"]),
        source_id=row["source_id"],
        source_key=row["source_key"],
        table=row["table"],
        row_id=row.get("row_id", ""),
        before=row.get("before"),
        at=row["at"],
    )


def read_outcome(row: Row) -> Outcome:
    """The stored outcome in a `failed` or `unknown` row of the table."""
    return Outcome(int(row["of"]), cast("Result", row["operation"]), row.get("code", ""), row.get("message", ""))


def write_span(sequences: Iterable[int]) -> str:
    """Numbers as ranges, shortest form: {1, 2, 3, 7} is "1-3,7"."""
    spans: list[list[int]] = []
    for number in sorted(sequences):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


def read_span(span: str) -> Iterator[int]:
    """The numbers of a span as `write_span` wrote it."""
    for piece in span.split(","):
        first, _, last = piece.partition("-")
        yield from range(int(first), int(last or first) + 1)


def _intent_row(intent: Intent) -> Row:
    row = {
        "operation": intent.operation,
        "source_id": intent.source_id,
        "source_key": intent.source_key,
        "table": intent.table,
    }
    if intent.row_id:
        row["row_id"] = intent.row_id
    if intent.before is not None:
        row["before"] = intent.before
    return row


def _outcome_row(outcome: Outcome) -> Row:
    row = {"operation": outcome.result, "of": str(outcome.sequence), "code": outcome.code, "message": outcome.message}
    return {name: value for name, value in row.items() if value}
