"""The writes of one chunk under the loading protocol (design, "Loading, exactly once").

Order for every write: fence, before-image, intent, effect, outcome. Nothing here decides what to write.
"""

from collections.abc import Sequence, Set
from functools import partial
from typing import Any, Final

from activities.closes import caused_closes, keep_states, state_columns
from activities.documents import Documents
from activities.fence import Fence
from activities.made_before import made_before
from activities.reopen import reopened
from activities.rows import Op, RowBuilder
from dataverse.afterimage import same
from dataverse.client import DataverseClient
from dataverse.closings import Closing, close_opportunities
from dataverse.outcomes import TAKEN, RowOutcome
from dataverse.party_changes import change_with_parties
from dataverse.probes import Probes
from dataverse.rows import Change, create_rows, read_rows
from dataverse.settle import send_settled, settle
from dataverse.states import set_state, state_values
from ledger import before
from ledger.audit import AuditLog, Entry, Intent, Outcome
from ledger.exceptions import ExceptionRow
from ledger.storage import Storage
from mapping.schema import SchemaTable
from settings import settings

#: Rows whose intents, write and outcome go together: one entity-group transaction's worth of intents, ten times.
GROUP: Final = 1000

#: What no row is without.
_NEVER_EMPTY: Final = ("createdon", "_ownerid_value")


class Batch:
    """One chunk's writer. Methods return the exceptions: of a record (``field`` None) or of one field of it."""

    def __init__(
        self,
        store: Storage,
        client: DataverseClient,
        log: AuditLog,
        fence: Fence,
        job: dict[str, Any],
        builder: RowBuilder,
        label: str,
        probes: Probes | None = None,
    ) -> None:
        self.store, self.client, self.log, self._fence = store, client, log, fence
        self.job, self.builder, self.label = job, builder, label
        self._probes = probes

    async def create(self, table: SchemaTable, ops: list[Op], documents: Documents | None = None) -> list[ExceptionRow]:
        """Create rows under ids known beforehand; a row that an earlier attempt or run created is found by its id."""
        failed: list[ExceptionRow] = []
        for start in range(0, len(ops), GROUP):
            group = ops[start : start + GROUP]
            await self._fence()
            known = set(self.log.intents)
            entries = await self.log.append_intents([self._intent(op) for op in group])
            todo, settled = await self._unsettled(table, group, entries, known, notes=documents is not None)
            failed += settled
            if not todo:
                continue
            await self._fence()
            begun = {entry.row_id for _, entry in todo if entry.key in known}
            results = await self._create(table, [op for op, _ in todo], documents, begun)
            outcomes = []
            for (op, entry), result in zip(todo, results, strict=True):
                outcomes.append(_outcome(entry, result))
                if not result.ok:
                    failed.append(self._refused(op, result.code, result.message))
            await self.log.append_outcomes(outcomes)
        return failed

    async def _create(
        self, table: SchemaTable, ops: list[Op], documents: Documents | None, begun: Set[str]
    ) -> list[RowOutcome]:
        """Send the rows. One whose answer stayed lost is read again after the quiet period, and only then sent again.

        ``begun`` are the ids that an earlier attempt at this chunk may have sent. A row that is there and that neither
        this attempt nor that one made may be an earlier run's of ours; any other is somebody else's, and stays theirs.
        """
        results = await self._send(table, ops, documents, begun)

        async def again(numbers: list[int]) -> None:
            some = [ops[number] for number in numbers]
            sent = await self._send(table, some, documents, {op.row_id for op in some})
            for number, result in zip(numbers, sent, strict=True):
                results[number] = result

        taken = [number for number, result in enumerate(results) if result.code == TAKEN]
        if taken:
            ours = await made_before(self.store, self.job, self.label, [ops[number] for number in taken])
            await again([number for number in taken if ops[number].row_id in ours])
        doubtful = [number for number, result in enumerate(results) if result.unknown]
        if not doubtful:
            return results
        quiet = settings().quiet_seconds
        if documents is not None:
            # A note may be there without its file: only sending it again, which compares the file, tells.
            await self.client.pause(quiet)
            await again(doubtful)
            return results
        fates = await settle(self.client, table, [ops[number].row_id for number in doubtful], quiet)
        for number in doubtful:
            results[number] = RowOutcome.there(number, ours=True)
        await again([number for number in doubtful if fates[ops[number].row_id] == "absent"])
        return results

    async def _send(
        self, table: SchemaTable, ops: list[Op], documents: Documents | None, begun: Set[str]
    ) -> list[RowOutcome]:
        if documents is not None:
            whole = self._probes is not None and self._probes.object_in_blocks
            return await documents.send(self.client, table, ops, object_in_blocks=whole, begun=begun)
        rows = [{**op.body, table.id_column: op.row_id} for op in ops]
        return await create_rows(self.client, table, rows, probes=self._probes, begun=begun)

    async def _unsettled(
        self, table: SchemaTable, group: list[Op], entries: list[Entry], known: set[str], *, notes: bool
    ) -> tuple[list[tuple[Op, Entry]], list[ExceptionRow]]:
        """What is left to write: an earlier attempt's intents may have landed, with or without their outcome."""
        todo: list[tuple[Op, Entry]] = []
        doubtful: list[tuple[Op, Entry]] = []
        failed: list[ExceptionRow] = []
        for op, entry in zip(group, entries, strict=True):
            op.row_id = entry.row_id
            outcome = self.log.outcomes.get(entry.sequence)
            if outcome is not None and outcome.result == "landed":
                continue
            if outcome is not None and outcome.result == "failed":
                failed.append(self._refused(op, outcome.code, outcome.message))
            elif entry.key in known and not notes:
                doubtful.append((op, entry))
            else:
                todo.append((op, entry))
        if doubtful:
            there = await read_rows(self.client, table, [op.row_id for op, _ in doubtful], [table.id_column])
            await self.log.append_landed([entry for op, entry in doubtful if op.row_id in there])
            todo += [(op, entry) for op, entry in doubtful if op.row_id not in there]
        return todo, failed

    async def update(self, table: SchemaTable | None, ops: list[Op]) -> list[ExceptionRow]:
        """Change rows that are there: only columns that differ, only if nobody changed the row since it was read.

        ``table`` None: each op's own table (links). A column that holds what we last wrote and is empty in the source
        now is cleared; a column that another record of a shared row wrote is left alone and listed.
        """
        failed: list[ExceptionRow] = []
        for start in range(0, len(ops), GROUP):
            group = ops[start : start + GROUP]
            for home in {op.table.plain: op.table for op in group}.values():
                if table is None or home is table:
                    failed += await self._update_group(home, [op for op in group if op.table is home], start)
        return failed

    async def _update_group(self, table: SchemaTable, group: list[Op], number: int) -> list[ExceptionRow]:
        failed: list[ExceptionRow] = []
        await self._fence()
        images, references = await self._before(table, group, f"{table.logical}-{number:05d}")
        changes: list[tuple[Op, Change]] = []
        intents: list[Intent] = []
        for op in group:
            image = images.get(op.row_id)
            if image is None:
                failed.append(
                    self._refused(op, "gone_from_target", "The row this record landed in is not there any more.")
                )
                continue
            differing = self._differing(op, image, failed)
            if not differing:
                continue
            changes.append(
                (op, Change("PATCH", table, op.row_id, self._body(op, differing, image), image["@odata.etag"]))
            )
            intents.append(self._intent(op, references[op.row_id]))
        if not changes:
            return failed
        entries = await self.log.append_intents(intents)
        todo = []
        for (op, change), entry in zip(changes, entries, strict=True):
            outcome = self.log.outcomes.get(entry.sequence)
            if outcome is None or outcome.result == "unknown":
                todo.append((op, change, entry))
            elif outcome.result == "failed":
                failed.append(self._refused(op, outcome.code, outcome.message))
        await self._fence()
        ready = await reopened(self.client, table, [(op, change) for op, change, _ in todo], images)
        sent = [one for one in ready if isinstance(one, Change)]
        await self._fence()
        answers = iter(
            await send_settled(
                self.client, sent, lambda some: change_with_parties(self.client, some), settings().quiet_seconds
            )
        )
        results = [one if isinstance(one, RowOutcome) else next(answers) for one in ready]
        for (op, _, _), result in zip(todo, results, strict=True):
            if not result.ok:
                failed.append(self._refused(op, result.code, result.message))
        await self.log.append_outcomes(
            [_outcome(entry, result) for (_, _, entry), result in zip(todo, results, strict=True)]
        )
        return failed

    async def _before(
        self, table: SchemaTable, group: list[Op], name: str
    ) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
        """The rows as they were before this run's first attempt, and where those images are kept."""
        names = sorted({name for op in group for name in (*op.columns, *op.written)} | {*state_columns(table)})
        rows = await read_rows(self.client, table, [op.row_id for op in group], names, targets=True)
        references = await before.keep(
            self.store, self.job["migration"], self.job["run"], self.job["object"], self.label, name, rows
        )
        return await before.get_many(self.store, references), references

    def _body(self, op: Op, differing: dict[str, Any], image: dict[str, Any]) -> dict[str, Any]:
        """The PATCH body for columns by read name: lookups as the op binds them, the rest as it is."""
        body: dict[str, Any] = {}
        by_read = {column.read_name: column for column in op.table.columns.values()}
        for name, value in differing.items():
            column = by_read.get(name)
            if column is None or column.type not in ("lookup", "owner"):
                body[name] = value
            elif column.type == "owner":
                body["ownerid@odata.bind"] = op.body["ownerid@odata.bind"]
            elif value is None:
                body |= self.builder.body_of(op.table, {name: None}, image)
            else:
                bound = {f"{nav}@odata.bind" for nav in column.nav.values()}
                body |= {key: target for key, target in op.body.items() if key in bound}
        return body

    def _differing(self, op: Op, row: dict[str, Any], failed: list[ExceptionRow]) -> dict[str, Any]:
        """Columns to set, by read name. Never clears a column that we did not write."""
        differing: dict[str, Any] = {}
        for name, value in list(op.columns.items()):
            if same(value, row.get(name)):
                continue
            why = _held(op, name, row)
            if why:
                del op.columns[name]
                op.refused.append(name)
                failed.append(ExceptionRow(self.job["object"], op.source_id, name, *why))
                continue
            differing[name] = value
        for name, value in op.written.items():
            if (
                name not in op.columns
                and name not in op.pending
                and name not in _NEVER_EMPTY
                and same(value, row.get(name))
                and row.get(name) is not None
            ):
                # The after-image says that the column was left empty: an undo brings back what was in it.
                differing[name] = op.columns[name] = None
        return differing

    async def close(self, ops: list[Op]) -> list[ExceptionRow]:
        """The last phase: won, lost, inactive. What is so already is left as it is; what was, is kept for an undo."""
        failed: list[ExceptionRow] = []
        for table in {op.table.plain: op.table for op in ops}.values():
            group = [op for op in ops if op.table is table]
            for op in group:
                op.operation = "state"
            await self._fence()
            ids = [op.row_id for op in group]
            images, references = await keep_states(self.store, self.client, self.job, self.label, table, ids)
            entries = await self.log.append_intents([self._intent(op, references.get(op.row_id)) for op in group])
            todo: list[tuple[Op, Entry]] = []
            for op, entry in zip(group, entries, strict=True):
                outcome = self.log.outcome(entry)
                if outcome is None or outcome.result == "unknown":
                    todo.append((op, entry))
                elif outcome.result == "failed":
                    failed.append(self._not_closed(op, outcome.code, outcome.message))
            await self._fence()
            results = await send_settled(
                self.client, [op for op, _ in todo], partial(self._close, table), settings().quiet_seconds
            )
            if table.logical == "opportunity":
                await self._log_caused([op for op, _ in todo], images)
            await self.log.append_outcomes(
                [_outcome(entry, result) for (_, entry), result in zip(todo, results, strict=True)]
            )
            for (op, _), result in zip(todo, results, strict=True):
                if not result.ok:
                    failed.append(self._not_closed(op, result.code, result.message))
        return failed

    async def _close(self, table: SchemaTable, group: Sequence[Op]) -> list[RowOutcome]:
        if table.logical == "opportunity":
            closings = [_closing(op) for op in group]
            return await close_opportunities(self.client, table, closings)
        wanted = {op.row_id: state_values(table.logical, op.state or "") for op in group}
        states = await set_state(self.client, table, wanted)
        return [states[op.row_id] for op in group]

    async def _log_caused(self, group: list[Op], images: dict[str, dict[str, Any]]) -> None:
        """Closing an opportunity makes an opportunityclose row: found and logged, so that an undo takes it back."""
        closes = await caused_closes(self.client, {op.row_id: images[op.row_id] for op in group if op.row_id in images})
        caused = [
            Intent("create", op.source_id, f"{op.source_key}~close.{close}", "opportunityclose", close)
            for op in group
            for close in closes.get(op.row_id, ())
        ]
        await self.log.append_landed(await self.log.append_intents(caused))

    def _not_closed(self, op: Op, code: str, message: str) -> ExceptionRow:
        return ExceptionRow(self.job["object"], op.source_id, "statecode", code, message, "")

    def _intent(self, op: Op, reference: str | None = None) -> Intent:
        return Intent(op.operation, op.source_id, op.source_key, op.table.plain, op.row_id, reference)  # type: ignore[arg-type]

    def _refused(self, op: Op, code: str, message: str) -> ExceptionRow:
        return ExceptionRow(self.job["object"], op.source_id, None, code or "refused", message, "")


def _held(op: Op, name: str, row: dict[str, Any]) -> tuple[str, str] | None:
    """Why a column keeps what is in it (code, words), or None."""
    if name == "createdon":
        return "create_only", "A row's creation time can be set only once; it keeps the first."
    held = row.get(name)
    if op.shared and held not in (None, "") and not (name in op.written and same(op.written[name], held)):
        return "shared_row", "Another record of the same person holds this column."
    return None


def _closing(op: Op) -> Closing:
    """How the source says that an opportunity ended; the platform takes the day and the revenue it is not told itself."""
    revenue = op.columns.get("actualvalue", op.columns.get("estimatedvalue"))
    return Closing(
        op.row_id, op.state == "won", "Closed in the source system", revenue, op.columns.get("actualclosedate")
    )


def _outcome(entry: Entry, result: RowOutcome) -> Outcome:
    if result.ok:
        return Outcome(entry.sequence, "landed")
    return Outcome(entry.sequence, "unknown" if result.unknown else "failed", result.code, result.message)
