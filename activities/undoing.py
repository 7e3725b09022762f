"""What the parts of an undo share: the log it keeps, who counts as others, and the list of what became of each row."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import orjson

from activities.planning import read_part
from activities.resources import workplace
from activities.rows import RowBuilder
from activities.who import users
from dataverse.afterimage import same
from dataverse.client import DataverseClient
from dataverse.outcomes import CONFLICT, RowOutcome
from dataverse.party_changes import change_with_parties
from dataverse.rows import Change
from dataverse.settle import send_settled
from dataverse.users import who_am_i
from ledger import paths
from ledger.audit import AuditLog, Entry, Intent, Operation, Outcome, intent_key
from ledger.receipts import Receipt
from ledger.storage import Storage
from mapping.schema import SchemaTable
from settings import settings

#: Columns that say who wrote a row, and when.
WHO: Final = frozenset({"_modifiedby_value", "modifiedon", "_createdby_value"})
#: Why a row stays as it is: somebody, or some program, has made it theirs.
OTHERS: Final = "changed by others"
#: Why a row is not as it was, although that was written.
OTHERWISE: Final = "restored, but the target made something else of it"

Row = Mapping[str, Any]


@dataclass
class Undone:
    """What became of a chunk's rows. ``listed`` names those that stay, with who and when; ``behind`` the rows that the
    undo itself had to make. Ids only."""

    deleted: list[str] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)
    absent: int = 0
    remaining: int = 0
    listed: list[dict[str, Any]] = field(default_factory=list)
    behind: list[dict[str, Any]] = field(default_factory=list)

    def rows(self) -> Iterator[dict[str, str]]:
        """What became of each row, by its id: a row that several runs wrote is one row in the end."""
        for what, ids in (("deleted", self.deleted), ("restored", self.restored)):
            yield from ({"row": id, "what": what} for id in ids)
        for one in self.listed:
            yield {"row": one["row_id"], "what": "kept" if one["why"] == OTHERS else "left"}


class Undoing:
    """The undoing of one chunk of one phase."""

    def __init__(
        self, store: Storage, client: DataverseClient, log: AuditLog, job: dict[str, Any], builder: RowBuilder
    ) -> None:
        self.store, self.client, self.log, self.job, self.builder = store, client, log, job, builder
        self.force: bool = job["force"]
        self.chunk = paths.chunk(job["chunk"])
        #: The chunk of the rollback's own log.
        self.label = f"{job['of_run']}-{phase_chunk(job)}"
        self.written: dict[str, Receipt] = {}  #: the run's receipts of this chunk, by source key
        self.result = Undone()
        self._me = ""
        self._plans: dict[str, dict[str, Any]] | None = None

    async def me(self) -> str:
        """The application user that undoes."""
        self._me = self._me or (await who_am_i(self.client)).user_id
        return self._me

    async def people(self, rows: Iterable[Row]) -> set[str]:
        """Those who wrote the rows last and are people, not programs."""
        me = await self.me()
        known = await users(self.client, {last_writer(row, me) for row in rows} - {me})
        return {id for id, one in known.items() if one.person}

    async def plans(self) -> dict[str, dict[str, Any]]:
        """The plan that the chunk was loaded by: source key -> row."""
        if self._plans is None:
            blob = paths.work(
                self.job["migration"], self.job["of_run"], f"{self.job['object']}/plan/{self.chunk}.parquet"
            )
            async with workplace("undo") as folder:
                await self.store.download("staging", blob, folder / "plan")
                self._plans = {row["source_key"]: row for row in read_part(folder / "plan").values()}
        return self._plans

    def after(self, entry: Entry) -> dict[str, Any]:
        """What the run left in our columns; nothing where it ended before its receipt."""
        receipt = self.written.get(entry.source_key)
        return dict(orjson.loads(receipt.payload)["columns"]) if receipt else {}

    def touched(self, table: SchemaTable, after: Row, row: Row, me: str) -> bool:
        """Whether a column of ours holds something else than what we left in it.

        Lookups within a table are taken back before its rows are: there, empty is what we left. A row that belongs to its
        creator instead of the owner we named was given to nobody: the target does so with owners who are disabled.
        """
        own = {column.read_name for column in table.columns.values() if table.logical in column.nav}
        creator = str(row.get("_createdby_value") or me).lower()
        return any(
            not same(value, row.get(name))
            and not (name in own and row.get(name) is None)
            and not (name == "_ownerid_value" and same(row.get(name), creator))
            for name, value in after.items()
        )

    async def log_of(self, run: str, label: str) -> AuditLog:
        """Another log of this object, to be read."""
        return await AuditLog.open(self.store, self.job["migration"], run, self.job["object"], label)

    # -- the undo's own log ----------------------------------------------------------------------------------------

    async def intents(
        self, operation: Operation, entries: Sequence[Entry], before: Mapping[str, str] | None = None
    ) -> list[Entry]:
        """Say in the log what is about to be done to the rows of these entries. ``before``: images of their own."""
        return await self.log.append_intents(
            [
                Intent(operation, e.source_id, e.source_key, e.table, e.row_id, (before or {}).get(e.row_id, e.before))
                for e in entries
            ]
        )

    async def outcomes(self, stored: Sequence[Entry], results: Sequence[RowOutcome]) -> None:
        """Say in the log what came of it."""
        await self.log.append_outcomes(
            [
                Outcome(entry.sequence, "landed" if r.ok else "unknown" if r.unknown else "failed", r.code, r.message)
                for entry, r in zip(stored, results, strict=True)
            ]
        )

    def meant(self, operation: Operation, entry: Entry) -> Entry | None:
        """The intent of an earlier attempt at this chunk, or of this one, to do this to the row."""
        stored = self.log.intents.get(intent_key(operation, entry.source_key))
        return stored if stored and stored.operation == operation else None

    async def came_about(self, operation: Operation, entries: Iterable[Entry]) -> None:
        """What an earlier attempt meant to do has been done: it may have died before it could say so."""
        await self.log.append_landed([meant for entry in entries if (meant := self.meant(operation, entry))])

    async def conclude(self) -> None:
        """An earlier attempt may have meant to change rows that others have made theirs, or removed, before this one came
        to them: whether it did cannot be told any more."""
        open = [entry for entry in self.log.intents.values() if self.log.outcome(entry) is None]
        await self.log.append_outcomes(Outcome(entry.sequence, "unknown", OTHERS) for entry in open)

    async def change(self, changes: Sequence[Change]) -> list[RowOutcome]:
        """Make the changes; what is not answered is tried once more after the quiet period."""
        send = partial(change_with_parties, self.client)
        return await send_settled(self.client, changes, send, settings().quiet_seconds)

    # -- what stays ------------------------------------------------------------------------------------------------

    def keep(self, entry: Entry, why: str, row: Row) -> None:
        """List a row that stays as it is, or is not as it was."""
        self.result.listed.append(self.line(entry, why, row))

    def refused(self, entry: Entry, result: RowOutcome, row: Row) -> None:
        """List a row that could not be changed."""
        self.keep(entry, OTHERS if result.code == CONFLICT else result.message, row)

    def line(self, entry: Entry, why: str, row: Row) -> dict[str, Any]:
        """A line of the report's lists."""
        return {
            "object": self.job["object"],
            "source_id": entry.source_id,
            "table": entry.table,
            "row_id": entry.row_id,
            "why": why,
            "who": row.get("_modifiedby_value"),
            "when": row.get("modifiedon"),
        }


def phase_chunk(job: dict[str, Any]) -> str:
    """The chunk's name in the log of the run that is undone: the second passes have logs of their own."""
    chunk = paths.chunk(job["chunk"])
    return chunk if job["phase"] == "load" else f"{job['phase']}-{chunk}"


def last_writer(row: Row, me: str) -> str:
    """Who wrote the row last."""
    return str(row.get("_modifiedby_value") or me).lower()
