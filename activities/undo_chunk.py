"""Undo one chunk of a run: delete what it created, restore what it changed, leave what others made theirs.

Walks the chunk's audit log. Every intent that is not proved absent counts as done. Its own intents go into the rollback's
own log, so it survives being stopped; it ends by reading the rows again.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from activities import jobs
from activities.resources import storage
from activities.rows import CAUSED, RowBuilder
from activities.target import chunk_client
from activities.undo_changed import restore_changed
from activities.undo_created import delete_created, not_to_stay
from activities.undo_reopened import close_refused
from activities.undo_states import undo_states
from activities.undoing import OTHERS, Undoing, phase_chunk
from dataverse.outcomes import TAKEN
from dataverse.reads import existing_ids
from ledger import paths, receipts
from ledger.audit import AuditLog, Entry
from ledger.chunks import pack
from ledger.lease import chunk_lease
from ledger.receipts import Receipt
from ledger.storage import NotStored
from settings import settings


async def undo_chunk(job: dict[str, Any]) -> dict[str, Any]:
    """Undo one chunk. Returns ``{"deleted", "restored", "kept", "left"}``, counts."""
    store = await storage()
    migration, run, name, of_run = job["migration"], job["run"], job["object"], job["of_run"]
    label = phase_chunk(job)
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
            await undo.chunk_of(original)
        done = undo.result
        counts = {
            "deleted": len(done.deleted),
            "restored": len(done.restored),
            "kept": sum(1 for one in done.listed if one["why"] == OTHERS),
            "left": sum(1 for one in done.listed if one["why"] != OTHERS),
            "absent": done.absent,
            "remaining": done.remaining,
        }
        for what, lines in (("listed", done.listed), ("behind", done.behind)):
            await store.put("staging", paths.work(migration, run, f"undo/{name}-{own}.{what}.ndjson.gz"), pack(lines))
        await store.put("staging", paths.work(migration, run, f"undone/{name}-{own}.ndjson.gz"), pack(done.rows()))
        await store.put("staging", result_name, orjson.dumps({"object": name, "counts": counts}))
        excepted = counts["kept"] + counts["left"]
        await jobs.ended(store, job, name, own, done=sum(counts.values()), excepted=excepted, head=log.head)
    return counts


class Undo(Undoing):
    """The undoing of one chunk of one phase: everything of it that may have happened, taken back."""

    async def chunk_of(self, original: AuditLog) -> None:
        """Take back what the log of the run says. Tombstones, or the receipts that hold again, end it."""
        entries = await self._done(original)
        try:
            place = (self.job["migration"], self.job["of_run"], self.job["object"], self.chunk)
            self.written = {one.source_key: one for one in await receipts.read_part(self.store, *place)}
        except NotStored:
            pass
        tombstones = await (self._load if self.job["phase"] == "load" else self._pass)(entries, original)
        await self.conclude()
        if tombstones:
            label = f"{self.job['of_run']}-{self.job['phase']}-{self.chunk}"
            await receipts.write_part(
                self.store, self.job["migration"], self.job["run"], self.job["object"], label, tombstones
            )

    async def _done(self, original: AuditLog) -> list[Entry]:
        """The intents that are not proved absent.

        A refused create is looked for as well: should its row be there all the same, it is ours; unless it was refused
        because somebody else's row had its id. Of refused states the rows are read anyway.
        """
        entries = [*original.intents.values()]
        outcomes = {entry.key: original.outcome(entry) for entry in entries}
        if any(outcome is None or outcome.result == "unknown" for outcome in outcomes.values()):
            # The worker died, or was stopped, with a write under way: the target may still do it. What is not there now
            # is proved absent, and what has not changed is proved unchanged, only when that is over.
            await self.client.pause(settings().quiet_seconds)
        failed = {key for key, outcome in outcomes.items() if outcome is not None and outcome.result == "failed"}
        taken = {key for key, outcome in outcomes.items() if outcome is not None and outcome.code == TAKEN}
        creates = [one for one in entries if one.key in failed - taken and one.operation == "create"]
        for table in dict.fromkeys(entry.table for entry in creates):
            some = [entry for entry in creates if entry.table == table]
            there = await existing_ids(self.client, self.builder.table(table), [entry.row_id for entry in some])
            failed -= {entry.key for entry in some if entry.row_id in there or self.meant("delete", entry)}
        return [entry for entry in entries if entry.key not in failed or entry.operation == "state"]

    async def _load(self, entries: Sequence[Entry], original: AuditLog) -> list[Receipt]:
        done = {entry.key for entry in entries}
        refused = [one for one in original.intents.values() if one.operation == "update" and one.key not in done]
        tombstones: list[Receipt] = []
        for table_name in dict.fromkeys(entry.table for entry in (*entries, *refused)):
            table = self.builder.table(table_name)
            group = [entry for entry in entries if entry.table == table_name]
            back = await restore_changed(self, table, [entry for entry in group if entry.operation == "update"])
            await close_refused(self, table, [entry for entry in refused if entry.table == table_name])
            gone = await delete_created(self, table, [entry for entry in group if entry.operation == "create"])
            tombstones += [self._tombstone(entry) for entry in gone]
            tombstones += await self._earlier(back)
        return tombstones

    async def _pass(self, entries: list[Entry], original: AuditLog) -> list[Receipt]:
        """The second passes: lookups between rows of the same object, and states."""
        caused = [entry for entry in entries if entry.table in CAUSED]
        entries = await not_to_stay(self, [entry for entry in entries if entry.table not in CAUSED])
        back: list[Entry] = []
        for table_name in dict.fromkeys(entry.table for entry in entries):
            table = self.builder.table(table_name)
            group = [entry for entry in entries if entry.table == table_name]
            states = [entry for entry in group if entry.operation == "state"]
            back += await undo_states(self, table, states, caused, original)
            back += await restore_changed(self, table, [entry for entry in group if entry.operation == "link"])
        # The receipt of a row that was not written in the load is as it was before. The others' receipts go with their
        # rows, when the chunk's load is undone.
        plans = await self.plans() if back else {}
        return await self._earlier([entry for entry in back if plans[entry.source_key]["action"] == "unchanged"])

    async def _earlier(self, back: Sequence[Entry]) -> list[Receipt]:
        """The receipts that hold again once an update is restored; a tombstone where there was none before."""
        found: list[Receipt] = []
        for entry in back:
            plan = (await self.plans())[entry.source_key]
            base = self._tombstone(entry)
            if plan["written"]:
                # The hash is left out: the next run compares the row anew instead of believing an old plan.
                base = replace(base, payload=plan["written"], tombstone=False)
            found.append(base)
        return found

    def _tombstone(self, entry: Entry) -> Receipt:
        receipt = self.written.get(entry.source_key)
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
