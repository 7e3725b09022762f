"""Creating rows whose ids are known beforehand, each exactly once.

CreateMultiple is one transaction on a standard table and does not say which row made it fail. A failed batch is first
read back (an earlier try may have landed), then narrowed down by halves; what is not at fault lands. The row ids
guard every repetition: a row that is there already is refused as a duplicate. It has landed if a request of ours may
have made it; else it is somebody else's, who has the same id, and stays theirs.
"""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any, Final

from dataverse import query
from dataverse.client import DataverseClient
from dataverse.errors import (
    AuthRefused,
    DataverseError,
    Duplicate,
    LostReply,
    Refused,
    Transient,
    Unavailable,
    VersionMismatch,
    systemic,
)
from dataverse.outcomes import RowOutcome
from dataverse.probes import Probes
from dataverse.reads import existing_ids
from dataverse.sizes import START
from dataverse.strategies import create_each, create_multiple
from mapping.schema import SchemaTable

#: Requests in a row for the same rows that may go unanswered before their state is called unknown.
LOST_TRIES: Final = 4
#: So many rows in a row, each sent alone, that the target "could not do now": it is the target, not the rows.
FALLEN: Final = 5
SAME_ID: Final = "0x80040237"

Row = dict[str, Any]
Indexed = tuple[int, Row]


async def create_rows(
    client: DataverseClient,
    table: SchemaTable,
    rows: Sequence[Row],
    *,
    batch: int | None = None,
    probes: Probes | None = None,
    begun: Collection[str] = (),
) -> list[RowOutcome]:
    """Create rows; every row carries its id under ``table.id_column``. One outcome a row, in order.

    Batches go out in parallel as the client's limiter allows; pass at most one chunk. A batch carries what the client
    has learned that the table takes in a comfortable time, or ``batch`` rows; ``probes`` decide how rows are sent.
    ``begun`` are the ids that an earlier call may have sent. A row that is in the target already has landed when it is
    one of those, or a request of this call for it was not answered; else its id is taken. Raises AuthRefused, BadAnswer
    (the target did not keep the ids) and, when reading back is not possible or nothing can be created at all,
    Unavailable: the call may then be repeated with the same rows, all of them begun.
    """
    ids = [query.guid(str(row[table.id_column])) for row in rows]
    if len(set(ids)) != len(ids):
        raise ValueError(f"the same row id twice in one call for {table.logical}")
    outcomes: dict[int, RowOutcome] = {}
    work = _Creation(client, table, outcomes, probes, {query.guid(i) for i in begun})
    await work.all(list(enumerate(rows)), batch)
    return [outcomes[i] for i in range(len(rows))]


class _Creation:
    def __init__(
        self,
        client: DataverseClient,
        table: SchemaTable,
        outcomes: dict[int, RowOutcome],
        probes: Probes | None,
        begun: set[str],
    ) -> None:
        self.client = client
        self.table = table
        self.outcomes = outcomes
        self.begun = begun
        self.strategy = (probes or Probes()).strategy(table.logical, table.bulk)
        self.size = client.sizes.of(table.logical)
        self.fallen = 0  #: rows in a row that the target could not create, each alone

    async def all(self, rows: Sequence[Indexed], batch: int | None) -> None:
        """Cut batches one by one, as slots come free, so that each has the size that is right by then.

        The first failure is raised after all batches under way have ended; no other is begun.
        """
        running: set[asyncio.Task[None]] = set()
        failures: list[BaseException] = []
        start = 0
        try:
            while start < len(rows) and not failures:
                if len(running) < self.client.limiter.limit:
                    end = start + (batch or self._comfortable(len(rows)))
                    running.add(asyncio.create_task(self.batch(rows[start:end])))
                    start = end
                else:
                    running = await _some(running, failures, asyncio.FIRST_COMPLETED)
            await _some(running, failures, asyncio.ALL_COMPLETED)
        finally:
            # Only a cancelled call comes here with batches under way: they end with it.
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        if failures:
            raise failures[0]

    def _comfortable(self, total: int) -> int:
        """The learned size; more than usual only while every slot still gets a batch."""
        share = -(-total // self.client.limiter.limit)
        return min(self.size.rows, max(START, share))

    async def batch(self, rows: Sequence[Indexed]) -> None:
        """Land what can land of one batch."""
        error = await self._attempt(rows, 0)
        if error is None:
            return
        # The one look back: after it, only a lost reply or a duplicate can mean that a row has landed unseen.
        rest = await self._landed(rows, int(isinstance(error, LostReply)))
        if isinstance(error, LostReply):
            await self.client.backoff(0)
            await self._smaller(rest, 1) if error.slow else await self._try(rest, 1)
        elif _too_much(error):
            await self._smaller(rest, 0)
        elif len(rest) < len(rows):
            await self._try(rest, 0)
        else:
            await self._narrow(rest, error, 0)

    async def _try(self, rows: Sequence[Indexed], lost: int) -> bool:
        """Send rows as one request, and narrow down when it fails. True when all of them landed.

        ``lost`` counts the unanswered requests that carried these rows: one of them may land late.
        """
        if not rows:
            return True
        while (error := await self._attempt(rows, lost)) is not None:
            silent = isinstance(error, LostReply)
            lost += silent
            if _too_much(error) and not silent and len(rows) > 1:
                return await self._smaller(rows, lost)
            if not silent and not (isinstance(error, Duplicate) and (lost or error.code == SAME_ID)):
                break
            rest = await self._landed(rows, lost)
            if not rest:
                return True
            if silent and lost >= LOST_TRIES:
                self.outcomes.update({i: RowOutcome.lost(i) for i, _ in rest})
                return False
            if silent:
                await self.client.backoff(lost)
                if _too_much(error) and len(rest) > 1:
                    return await self._smaller(rest, lost)
            elif len(rest) == len(rows):
                break  # a duplicate, but none of these rows is there: one of them is at fault
            rows = rest
        if error is None:
            return True
        await self._narrow(rows, error, lost)
        return False

    async def _smaller(self, rows: Sequence[Indexed], lost: int) -> bool:
        """Send rows that were too much for one request in several, smaller still if need be. True when all landed."""
        most = max(1, len(rows) // 2)
        landed = True
        while rows:
            size = min(self.size.rows, most)
            landed = await self._try(rows[:size], lost) and landed
            rows = rows[size:]
        return landed

    async def _narrow(self, rows: Sequence[Indexed], error: DataverseError, lost: int) -> None:
        """Split rows that together were refused; k faults among n cost at most 2·k·log2(n) requests."""
        while len(rows) > 1:
            middle = len(rows) // 2
            left, right = rows[:middle], rows[middle:]
            if not await self._try(left, lost):
                await self._try(right, lost)
                return
            if len(right) == 1:
                await self._try(right, lost)  # its own answer, not its neighbours'
                return
            rows = right  # all of the left landed, so the fault is here: no need to ask whether
        [(index, row)] = rows
        self.outcomes[index] = RowOutcome.of(index, error, self._unheard(row, lost))
        self.fallen += isinstance(error, Unavailable)
        if self.fallen == FALLEN:
            raise error

    async def _landed(self, rows: Sequence[Indexed], lost: int) -> list[Indexed]:
        """Read back; rows that are there are done, the others are returned."""
        column = self.table.id_column
        there = await existing_ids(self.client, self.table, [row[column] for _, row in rows])
        rest: list[Indexed] = []
        for index, row in rows:
            if query.guid(row[column]) in there:
                self.outcomes[index] = RowOutcome.there(index, ours=self._unheard(row, lost) > 0)
            else:
                rest.append((index, row))
        return rest

    def _unheard(self, row: Row, lost: int) -> int:
        """How many requests for a row went unanswered, as far as we know: each may have made it, or may yet."""
        return lost + (query.guid(row[self.table.id_column]) in self.begun)

    async def _attempt(self, rows: Sequence[Indexed], lost: int) -> DataverseError | None:
        """One write of all rows. None when it landed, else why not; what is not about the rows is raised."""
        try:
            if self.strategy != "multiple":
                await self._each(rows, lost)
                return None
            await create_multiple(self.client, self.table, [row for _, row in rows])
        except AuthRefused:
            raise
        except (Refused, LostReply) as error:
            return error
        except Unavailable as error:
            if systemic(error):
                raise  # smaller requests would not help
            return error
        for index, _ in rows:
            self.outcomes[index] = RowOutcome(index, True)
        self.fallen = 0
        return None

    async def _each(self, rows: Sequence[Indexed], lost: int) -> None:
        """Rows that have an answer each. One that is said to be there is read: it may be ours, of an earlier try."""
        upsert = self.strategy == "upsert"
        results = await create_each(self.client, self.table, [row for _, row in rows], upsert=upsert)
        taken: list[Indexed] = []
        for (index, row), result in zip(rows, results, strict=True):
            if isinstance(result, AuthRefused) or systemic(result):
                raise result
            if not isinstance(result, DataverseError):
                self.outcomes[index] = RowOutcome(index, True)
                continue
            self.outcomes[index] = RowOutcome.of(index, result, self._unheard(row, lost))
            if isinstance(result, Duplicate | VersionMismatch):
                taken.append((index, row))
        if taken:
            await self._landed(taken, lost)


def _too_much(error: DataverseError) -> bool:
    """Whether fewer rows a request may do."""
    return error.status == 413 or (isinstance(error, Transient) and error.slow)


async def _some(running: set[asyncio.Task[None]], failures: list[BaseException], until: str) -> set[asyncio.Task[None]]:
    """Wait for batches; those still under way are returned."""
    if not running:
        return running
    done, rest = await asyncio.wait(running, return_when=until)
    failures += [error for task in done if (error := task.exception()) is not None]
    return rest
