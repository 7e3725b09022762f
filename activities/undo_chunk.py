"""Undo one chunk of a run: delete what it created, restore what it changed, leave what others made theirs.

Walks the chunk's audit log. Every intent that is not proved absent counts as done. Its own intents go into the rollback's
own log, so it survives being stopped; it ends by reading the rows again.
"""

from collections.abc import Iterator, Set
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

from activities import jobs
from activities.planning import read_part
from activities.resources import storage, workplace
from activities.restoring import as_before, columns_of, way_back
from activities.rows import RowBuilder
from activities.target import chunk_client
from activities.who import users
from dataverse.afterimage import same
from dataverse.client import DataverseClient
from dataverse.closings import closes_of
from dataverse.dependents import Dependent, Relation, find_dependents, read_relations
from dataverse.party_changes import change_with_parties
from dataverse.reads import existing_ids, read_rows
from dataverse.rows import Change, change_rows
from dataverse.states import set_state
from dataverse.users import who_am_i
from ledger import before, paths, receipts
from ledger.audit import AuditLog, Entry, Intent, Outcome
from ledger.chunks import pack
from ledger.lease import chunk_lease
from ledger.receipts import Receipt
from ledger.storage import NotStored, Storage
from mapping.schema import SchemaTable
from settings import settings

_WHO: Final = {"_modifiedby_value", "modifiedon", "_createdby_value"}
#: The open state of tables whose first status is not 1.
OPEN: Final = {"task": (0, 2)}

_relations: dict[str, list[Relation]] = {}


@dataclass
class Undone:
    """What became of a chunk's rows. ``listed`` names those that stay, with who and when; ids only."""

    deleted: list[str] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)
    absent: int = 0
    remaining: int = 0
    listed: list[dict[str, Any]] = field(default_factory=list)

    def rows(self) -> Iterator[dict[str, str]]:
        """What became of each row, by its id: a row that several runs wrote is one row in the end."""
        for what, ids in (("deleted", self.deleted), ("restored", self.restored)):
            yield from ({"row": id, "what": what} for id in ids)
        for one in self.listed:
            yield {"row": one["row_id"], "what": "kept" if one["why"] == "changed by others" else "left"}


async def undo_chunk(job: dict[str, Any]) -> dict[str, Any]:
    """Undo one chunk. Returns ``{"deleted", "restored", "kept", "left"}``, counts."""
    store = await storage()
    migration, run, name, of_run = job["migration"], job["run"], job["object"], job["of_run"]
    chunk = paths.chunk(job["chunk"])
    label = chunk if job["phase"] == "load" else f"{job['phase']}-{chunk}"
    own = f"{of_run}-{label}"
    result_name = paths.work(migration, run, f"undo/{name}-{own}.json")
    async with chunk_lease(store, paths.lease(migration, run, name, own), wait=jobs.LEASE_WAIT) as lease:
        if await store.exists("staging", result_name):
            return dict(orjson.loads(await store.get("staging", result_name))["counts"])
        original = await AuditLog.open(store, migration, of_run, name, label)
        stamp = {"by": job["operator"], "map_hash": job["map_hash"]}
        log = await AuditLog.open(store, migration, run, name, own, **stamp, check=lease.check)
        builder = RowBuilder(await jobs.schema_of_run(store, job, of_run), job["generation"])
        async with chunk_client(store, job, lease) as client:
            undo = Undo(store, client, log, job, builder)
            await undo.chunk(original, chunk)
        done = undo.result
        counts = {
            "deleted": len(done.deleted),
            "restored": len(done.restored),
            "kept": sum(1 for one in done.listed if one["why"] == "changed by others"),
            "left": sum(1 for one in done.listed if one["why"] != "changed by others"),
            "absent": done.absent,
            "remaining": done.remaining,
        }
        await store.put("staging", paths.work(migration, run, f"undo/{name}-{own}.listed.ndjson.gz"), pack(done.listed))
        await store.put("staging", paths.work(migration, run, f"undone/{name}-{own}.ndjson.gz"), pack(done.rows()))
        await store.put("staging", result_name, orjson.dumps({"object": name, "counts": counts}))
        excepted = counts["kept"] + counts["left"]
        await jobs.ended(store, job, name, own, done=sum(counts.values()), excepted=excepted, head=log.head)
    return counts


class Undo:
    """The undoing of one chunk."""

    def __init__(
        self, store: Storage, client: DataverseClient, log: AuditLog, job: dict[str, Any], builder: RowBuilder
    ) -> None:
        self.store, self.client, self.log, self.job, self.builder = store, client, log, job, builder
        self.result = Undone()

    async def chunk(self, original: AuditLog, chunk: str) -> None:
        """Everything of the chunk that may have happened, taken back."""
        entries = [
            entry
            for entry in original.intents.values()
            if (outcome := original.outcomes.get(entry.sequence)) is None or outcome.result != "failed"
        ]
        if any((outcome := original.outcome(e)) is None or outcome.result == "unknown" for e in entries):
            # The worker died, or was stopped, with a write under way: the target may still do it. What is not there now
            # is proved absent, and what has not changed is proved unchanged, only when that is over.
            await self.client.pause(settings().quiet_seconds)
        try:
            written = {
                one.source_key: one
                for one in await receipts.read_part(
                    self.store, self.job["migration"], self.job["of_run"], self.job["object"], chunk
                )
            }
        except NotStored:
            written = {}
        if self.job["phase"] != "load":
            entries = await self._not_to_stay(entries, chunk)
        tombstones: list[Receipt] = []
        for table_name in dict.fromkeys(entry.table for entry in entries):
            table = self.builder.table(table_name)
            group = [entry for entry in entries if entry.table == table_name]
            by_kind = {
                kind: [e for e in group if e.operation == kind] for kind in ("state", "link", "update", "create")
            }
            await self._reopen(table, by_kind["state"])
            back = await self._restore(table, by_kind["link"] + by_kind["update"], written)
            gone = await self._delete(table, by_kind["create"], written)
            if self.job["phase"] == "load":
                tombstones += [self._tombstone(entry, written.get(entry.source_key)) for entry in gone]
                tombstones += await self._earlier(back, written, chunk)
        if self.job["phase"] != "load":
            # A second pass over a row that was not written then: its receipt is as it was before. The others' receipts
            # go with their rows, when the chunk's load is undone.
            plans = await self._plan(chunk)
            before_it = [e for e in entries if e.source_key in plans and plans[e.source_key]["action"] == "unchanged"]
            tombstones += await self._earlier(before_it, written, chunk)
        if tombstones:
            label = f"{self.job['of_run']}-{self.job['phase']}-{chunk}"
            await receipts.write_part(
                self.store, self.job["migration"], self.job["run"], self.job["object"], label, tombstones
            )

    async def _delete(self, table: SchemaTable, entries: list[Entry], written: dict[str, Receipt]) -> list[Entry]:
        """Delete created rows that are as we left them and that nothing of others hangs on. Returns those gone."""
        if not entries:
            return []
        columns = {e.source_key: self._after(written.get(e.source_key)) for e in entries}
        names = sorted({name for after in columns.values() for name in after} | _WHO)
        rows = await read_rows(self.client, table, [e.row_id for e in entries], names)
        gone = [entry for entry in entries if entry.row_id not in rows]
        earlier = {e.source_key for e in self.log.intents.values()}
        self.result.deleted += [e.row_id for e in gone if e.source_key in earlier]
        self.result.absent += sum(1 for e in gone if e.source_key not in earlier)
        here = [entry for entry in entries if entry.row_id in rows]
        if not self.job["force"]:
            me = (await who_am_i(self.client)).user_id
            people = await self._people(rows, me)
            here = [
                e
                for e in here
                if not self._changed(e, columns[e.source_key], rows[e.row_id], e.source_key in written, me, people)
            ]
            here = await self._without_dependents(table, here)
        stored = await self.log.append_intents([self._intent("delete", e) for e in here])
        results = await change_rows(
            self.client, [Change("DELETE", table, e.row_id, None, rows[e.row_id]["@odata.etag"]) for e in here]
        )
        await self._outcomes(stored, results)
        landed = []
        for entry, result in zip(here, results, strict=True):
            if result.ok:
                landed.append(entry)
            else:
                self._list(
                    entry, "changed by others" if result.code == "conflict" else result.message, rows[entry.row_id]
                )
        self.result.deleted += [entry.row_id for entry in landed]
        still = await existing_ids(self.client, table, [e.row_id for e in landed]) if landed else set()
        self.result.remaining += len(still)
        return gone + [entry for entry in landed if entry.row_id not in still]

    async def _not_to_stay(self, entries: list[Entry], chunk: str) -> list[Entry]:
        """Without the rows that this run created and that the load phase will leave alone: they stay as they are, closed
        and linked. It is the load phase that lists them."""
        if self.job["force"] or not entries:
            return entries
        made = {key for key, row in (await self._plan(chunk)).items() if row["action"] == "create"}
        me = (await who_am_i(self.client)).user_id
        stay: set[str] = set()
        for table_name in dict.fromkeys(entry.table for entry in entries):
            table = self.builder.table(table_name)
            ids = [entry.row_id for entry in entries if entry.table == table_name and entry.source_key in made]
            if ids:
                rows = await read_rows(self.client, table, ids, _WHO)
                people = await self._people(rows, me)
                stay |= {id for id, row in rows.items() if _last(row, me) in people}
                found = await self._dependents(table, ids, frozenset())
                # Rows of the table itself point at each other until this phase has taken their links back: of those
                # only the ones that stay hold others.
                held = {id for id, some in found.items() if any(child.table != table.logical for child in some)}
                while held:
                    stay |= held
                    held = {id for id, some in found.items() if any(child.id in stay for child in some)} - stay
        return [entry for entry in entries if entry.row_id not in stay]

    async def _people(self, rows: dict[str, Any], me: str) -> set[str]:
        """Those who wrote the rows last and are people, not programs."""
        known = await users(self.client, {_last(row, me) for row in rows.values()} - {me})
        return {id for id, one in known.items() if one.person}

    async def _dependents(self, table: SchemaTable, ids: list[str], known: Set[str]) -> dict[str, list[Dependent]]:
        """Rows that point at these, but for the known ones and what closing an opportunity made."""
        if not ids:
            return {}
        if table.logical not in _relations:
            _relations[table.logical] = await read_relations(self.client, table.logical, self.builder.schema.prefix)
        if table.logical == "opportunity":
            known = known | {close for closes in (await closes_of(self.client, ids)).values() for close in closes}
        return await find_dependents(self.client, _relations[table.logical], ids, known)

    async def _without_dependents(self, table: SchemaTable, entries: list[Entry]) -> list[Entry]:
        """Those that no row that stays points at: deleting the rest would take it along, or tear it loose."""
        going = entries
        while found := await self._dependents(table, [e.row_id for e in going], {e.row_id for e in going}):
            for entry in going:
                for child in found.get(entry.row_id, [])[:1]:
                    self.result.listed.append(
                        {
                            "object": self.job["object"],
                            "source_id": entry.source_id,
                            "table": entry.table,
                            "row_id": entry.row_id,
                            "why": f"a row of {child.table} that stays points at it",
                            "who": child.modified_by,
                            "when": child.modified_on,
                        }
                    )
            # What stays may itself hold rows of the same table.
            going = [entry for entry in going if entry.row_id not in found]
        return going

    async def _restore(self, table: SchemaTable, entries: list[Entry], written: dict[str, Receipt]) -> list[Entry]:
        """Put changed rows back to their before-images, column by column. Returns those that are as before, or gone."""
        if not entries:
            return []
        images = await before.get_many(self.store, {e.row_id: e.before for e in entries if e.before})
        names = sorted(columns_of(images.values()) | _WHO)
        rows = await read_rows(self.client, table, [e.row_id for e in entries], names)
        me, people = "", set[str]()
        if any(e.source_key not in written for e in entries):
            me = (await who_am_i(self.client)).user_id
            people = await self._people(rows, me)
        todo: dict[str, tuple[Entry, dict[str, Any]]] = {}
        back: list[Entry] = []
        for entry in entries:
            row, image, receipt = rows.get(entry.row_id), images.get(entry.row_id), written.get(entry.source_key)
            if image is None or row is None:
                continue
            changes = way_back(image, row, self._after(receipt) if receipt else None, force=self.job["force"])
            theirs = receipt is None and changes and _last(row, me) in people and not self.job["force"]
            if changes is None or theirs:
                self._list(entry, "changed by others", row)
                continue
            back.append(entry)
            if changes:
                todo[entry.row_id] = (entry, changes)
        stored = await self.log.append_intents([self._intent("restore", entry) for entry, _ in todo.values()])
        patches = [
            Change("PATCH", table, id, self.builder.body_of(table, changes, images[id]), rows[id]["@odata.etag"])
            for id, (_, changes) in todo.items()
        ]
        results = await change_with_parties(self.client, patches)
        await self._outcomes(stored, results)
        now = await read_rows(self.client, table, list(todo), names) if todo else {}
        for (id, (entry, changes)), result in zip(todo.items(), results, strict=True):
            if not result.ok:
                back.remove(entry)
                self._list(entry, "changed by others" if result.code == "conflict" else result.message, rows[id])
            elif not as_before(images[id], now.get(id), changes):
                back.remove(entry)
                self._list(entry, "restored, but the target made something else of it", now.get(id) or rows[id])
        await self._close_again(table, back, images, rows)
        self.result.restored += [entry.row_id for entry in back]
        gone = [entry for entry in entries if entry.row_id not in rows]
        self.result.absent += len(gone)
        return back + gone

    async def _reopen(self, table: SchemaTable, entries: list[Entry]) -> None:
        """Rows that the last phase closed are opened again."""
        if entries:
            there = await existing_ids(self.client, table, [e.row_id for e in entries])
            here = [e for e in entries if e.row_id in there]
            stored = await self.log.append_intents([self._intent("restore", e) for e in here])
            outcomes = await set_state(self.client, table, {e.row_id: OPEN.get(table.logical, (0, 1)) for e in here})
            await self._outcomes(stored, [outcomes[e.row_id] for e in here])

    async def _close_again(
        self, table: SchemaTable, back: list[Entry], images: dict[str, Any], rows: dict[str, Any]
    ) -> None:
        """Rows that were closed before the run and were opened to be changed are closed as they were. An opportunity stays
        open: closing it again would make another activity of it."""
        opened = OPEN.get(table.logical, (0, 1))[0]
        closed = {
            entry.row_id: (int(images[entry.row_id]["statecode"]), int(images[entry.row_id]["statuscode"]))
            for entry in back
            if images[entry.row_id].get("statecode") and rows[entry.row_id].get("statecode") == opened
        }
        if not closed or table.logical == "opportunity":
            return
        here = [entry for entry in back if entry.row_id in closed]
        stored = await self.log.append_intents([self._intent("restore", entry) for entry in here])
        outcomes = await set_state(self.client, table, closed)
        await self._outcomes(stored, [outcomes[entry.row_id] for entry in here])

    async def _earlier(self, back: list[Entry], written: dict[str, Receipt], chunk: str) -> list[Receipt]:
        """The receipts that hold again once an update is restored; a tombstone where there was none before."""
        if not back:
            return []
        plans = await self._plan(chunk)
        found: list[Receipt] = []
        for entry in back:
            plan, now = plans[entry.source_key], written.get(entry.source_key)
            base = self._tombstone(entry, now)
            if plan["written"]:
                # The hash is left out: the next run compares the row anew instead of believing an old plan.
                base = replace(base, payload=plan["written"], tombstone=False)
            found.append(base)
        return found

    async def _plan(self, chunk: str) -> dict[str, dict[str, Any]]:
        """The plan that the chunk was loaded by: source key -> row."""
        async with workplace("undo") as folder:
            blob = paths.work(self.job["migration"], self.job["of_run"], f"{self.job['object']}/plan/{chunk}.parquet")
            await self.store.download("staging", blob, folder / "plan")
            return {row["source_key"]: row for row in read_part(folder / "plan").values()}

    def _changed(
        self, entry: Entry, after: dict[str, Any], row: dict[str, Any], sure: bool, me: str, people: set[str]
    ) -> bool:
        """Whether somebody else has changed the row we created.

        Our columns differ from what we wrote; or a person wrote last, whatever the column: with the row their work
        would go. What programs write into other columns counts for nothing, since every row may have that. Without a
        receipt, the last writer decides: only whoever created the row is one of ours. A row that belongs to its creator
        instead of the owner we named was given to nobody: the target does so with owners who are disabled.
        """
        # The second pass's lookups were taken back before: empty is what we left there.
        table = self.builder.table(entry.table)
        own = {column.read_name for column in table.columns.values() if table.logical in column.nav}
        last, creator = _last(row, me), str(row.get("_createdby_value") or me).lower()
        changed = (
            last in people
            or any(
                not same(value, row.get(name))
                and not (name in own and row.get(name) is None)
                and not (name == "_ownerid_value" and same(row.get(name), creator))
                for name, value in after.items()
            )
            if sure
            else last != creator
        )
        if changed:
            self._list(entry, "changed by others", row)
        return changed

    def _list(self, entry: Entry, why: str, row: dict[str, Any]) -> None:
        self.result.listed.append(
            {
                "object": self.job["object"],
                "source_id": entry.source_id,
                "table": entry.table,
                "row_id": entry.row_id,
                "why": why,
                "who": row.get("_modifiedby_value"),
                "when": row.get("modifiedon"),
            }
        )

    def _after(self, receipt: Receipt | None) -> dict[str, Any]:
        return dict(orjson.loads(receipt.payload)["columns"]) if receipt else {}

    def _intent(self, operation: str, entry: Entry) -> Intent:
        return Intent(operation, entry.source_id, entry.source_key, entry.table, entry.row_id, entry.before)  # type: ignore[arg-type]

    async def _outcomes(self, stored: list[Entry], results: list[Any]) -> None:
        await self.log.append_outcomes(
            [
                Outcome(entry.sequence, "landed" if r.ok else "unknown" if r.unknown else "failed", r.code, r.message)
                for entry, r in zip(stored, results, strict=True)
            ]
        )

    def _tombstone(self, entry: Entry, receipt: Receipt | None) -> Receipt:
        return Receipt(
            source_id=entry.source_id,
            source_key=entry.source_key,
            row_key=receipt.row_key if receipt else entry.source_key,
            table=entry.table,
            row_id=entry.row_id,
            run_number=self.job["number"],
            generation=self.job["generation"],
            hash="",
            payload="{}",
            patient=receipt.patient if receipt else None,
            tombstone=True,
        )


def _last(row: dict[str, Any], me: str) -> str:
    """Who wrote the row last."""
    return str(row.get("_modifiedby_value") or me).lower()
