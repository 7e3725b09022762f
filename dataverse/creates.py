"""Creating rows whose ids are known beforehand, each exactly once.

CreateMultiple is one transaction on a standard table and does not say which row made it fail. A failed batch is first
read back (an earlier try may have landed), then narrowed down by halves; what is not at fault lands. The row ids
guard every repetition: a row that is there already is refused as a duplicate, and counts as landed once it is read.
"""

from collections.abc import Sequence
from typing import Any, Final

from dataverse import query
from dataverse.batch import Operation, run_batch
from dataverse.client import DataverseClient
from dataverse.errors import AuthRefused, BadAnswer, DataverseError, Duplicate, LostReply, Refused, Unavailable
from dataverse.outcomes import FOUND, RowOutcome
from dataverse.reads import existing_ids
from dataverse.together import together
from mapping.schema import SchemaTable

#: Rows a request; Microsoft's advice is to start at 100, and measurements found it best.
BATCH: Final = 100
#: Requests in a row for the same rows that may go unanswered before their state is called unknown.
LOST_TRIES: Final = 4
SAME_ID: Final = "0x80040237"

Row = dict[str, Any]
Indexed = tuple[int, Row]


async def create_rows(
    client: DataverseClient, table: SchemaTable, rows: Sequence[Row], *, batch: int = BATCH
) -> list[RowOutcome]:
    """Create rows; every row carries its id under ``table.id_column``. One outcome a row, in order.

    Batches go out in parallel as the client's limiter allows; pass at most one chunk. Rows that are in the target
    already count as landed. Raises AuthRefused, BadAnswer (the target did not keep the ids) and, when even reading
    back is not possible, Unavailable: the call may then be repeated with the same rows.
    """
    ids = [query.guid(str(row[table.id_column])) for row in rows]
    if len(set(ids)) != len(ids):
        raise ValueError(f"the same row id twice in one call for {table.logical}")
    outcomes: dict[int, RowOutcome] = {}
    work = _Creation(client, table, outcomes)
    await together(work.batch(some) for some in query.groups(list(enumerate(rows)), batch))
    return [outcomes[i] for i in range(len(rows))]


class _Creation:
    def __init__(self, client: DataverseClient, table: SchemaTable, outcomes: dict[int, RowOutcome]) -> None:
        self.client = client
        self.table = table
        self.outcomes = outcomes

    async def batch(self, rows: Sequence[Indexed]) -> None:
        """Land what can land of one batch."""
        error = await self._attempt(rows)
        if error is None:
            return
        # The one look back: after it, only a lost reply or a duplicate can mean that a row has landed unseen.
        rest = await self._landed(rows)
        if isinstance(error, LostReply):
            await self.client.backoff(0)
            await self._try(rest, lost=1)
        elif len(rest) < len(rows):
            await self._try(rest)
        else:
            await self._narrow(rest, error)

    async def _try(self, rows: Sequence[Indexed], lost: int = 0) -> bool:
        """Send rows as one request, and narrow down when it fails. True when all of them landed.

        ``lost`` counts the unanswered requests that carried these rows: one of them may land late.
        """
        if not rows:
            return True
        while (error := await self._attempt(rows)) is not None:
            silent = isinstance(error, LostReply)
            lost += silent
            if not silent and not (isinstance(error, Duplicate) and (lost or error.code == SAME_ID)):
                break
            rest = await self._landed(rows)
            if not rest:
                return True
            if silent and lost >= LOST_TRIES:
                self.outcomes.update({i: RowOutcome.lost(i) for i, _ in rest})
                return False
            if silent:
                await self.client.backoff(lost)
            elif len(rest) == len(rows):
                break  # a duplicate, but none of these rows is there: one of them is at fault
            rows = rest
        if error is None:
            return True
        await self._narrow(rows, error)
        return False

    async def _narrow(self, rows: Sequence[Indexed], error: DataverseError) -> None:
        """Split rows that together were refused; k faults among n cost at most 2·k·log2(n) requests."""
        while len(rows) > 1:
            middle = len(rows) // 2
            left, right = rows[:middle], rows[middle:]
            if not await self._try(left):
                await self._try(right)
                return
            if len(right) == 1:
                await self._try(right)  # its own answer, not its neighbours'
                return
            rows = right  # all of the left landed, so the fault is here: no need to ask whether
        self.outcomes[rows[0][0]] = RowOutcome.failed(rows[0][0], error)

    async def _landed(self, rows: Sequence[Indexed]) -> list[Indexed]:
        """Read back; rows that are there are done, the others are returned."""
        column = self.table.id_column
        there = await existing_ids(self.client, self.table, [row[column] for _, row in rows])
        rest: list[Indexed] = []
        for index, row in rows:
            if query.guid(row[column]) in there:
                self.outcomes[index] = RowOutcome(index, True, FOUND)
            else:
                rest.append((index, row))
        return rest

    async def _attempt(self, rows: Sequence[Indexed]) -> DataverseError | None:
        """One write of all rows. None when it landed, else why not; what is not about the rows is raised."""
        try:
            if self.table.bulk:
                await self._create_multiple(rows)
            else:
                return await self._post_each(rows)
        except AuthRefused:
            raise
        except (Refused, LostReply) as error:
            return error
        except Unavailable as error:
            if not error.code:
                raise  # nobody is there: smaller requests would not help
            return error
        for index, _ in rows:
            self.outcomes[index] = RowOutcome(index, True)
        return None

    async def _create_multiple(self, rows: Sequence[Indexed]) -> None:
        kind = f"Microsoft.Dynamics.CRM.{self.table.logical}"
        targets = [{"@odata.type": kind, **row} for _, row in rows]
        answer = await self.client.post(
            f"{self.table.set_name}/Microsoft.Dynamics.CRM.CreateMultiple",
            {"Targets": targets},
            table=self.table.logical,
            operations=len(rows),
        )
        made = [str(i).lower() for i in answer.json().get("Ids", [])]
        if made != [query.guid(row[self.table.id_column]) for _, row in rows]:
            raise BadAnswer("The target did not keep the ids of created rows.", table=self.table.logical)

    async def _post_each(self, rows: Sequence[Indexed]) -> DataverseError | None:
        """Tables without CreateMultiple: single POSTs in one ``$batch``, so that every row has its own answer."""
        operations = [Operation("POST", self.table.set_name, row, table=self.table.logical) for _, row in rows]
        results = await run_batch(self.client, operations)
        taken: list[Indexed] = []
        for (index, row), result in zip(rows, results, strict=True):
            if isinstance(result, AuthRefused):
                raise result
            if not isinstance(result, DataverseError):
                self.outcomes[index] = RowOutcome(index, True)
                continue
            self.outcomes[index] = RowOutcome.failed(index, result)
            if isinstance(result, Duplicate):
                taken.append((index, row))
        if taken:
            await self._landed(taken)
        return None
