"""The cutover checklist is made from what the migration has on record, and stays current as people tick things off."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from activities import cutover as module
from activities import jobs
from activities.cutover import conflicts, cutover, keep_checklist
from activities.keep import keep_report
from ledger import exceptions, migrations, paths
from ledger.exceptions import ExceptionRow
from ledger.states import now
from ledger.storage import Storage
from reports.cutover import Item, checklist
from reports.drugs import drugs_report
from services import notes
from settings import Settings


@pytest.fixture
async def migrated(storage: Storage, migration: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A migration after its full run and a delta: a record that is gone, one that others changed, a document left."""
    monkeypatch.setattr(module, "settings", lambda: Settings(DATAVERSE_CLIENT_SECRET="s"))
    monkeypatch.setattr(module, "users", lambda: 2)
    made = await migrations.create(storage, f"clinic-{migration}")

    def ready(one: Any) -> None:
        one.state = "migrated"
        one.map_hash = one.confirmed_hash = one.signed_hash = one.prepared_hash = "h"
        one.sample_run = one.signed_sample = "sample-0001"
        one.delta_until = now() + timedelta(hours=1)

    await migrations.change(storage, made.id, ready)
    run = await migrations.begin_run(storage, made.id, "delta", by="Ada")
    await jobs.keep_document(storage, made.id, f"gone-{run.id}.json", {"patient": ["7"]})
    await jobs.keep_document(storage, made.id, "tally.json", {"document": {"excepted": 1}})
    rows = [
        ExceptionRow("document", "D1", None, "too_large", "Too large."),
        ExceptionRow("patient", "8", "nickname", "shared_row", "Another record holds it."),
    ]
    await exceptions.write_part(storage, made.id, run.id, "document", "00000", rows[:1])
    await exceptions.write_part(storage, made.id, run.id, "patient", "00000", rows[1:])
    await keep_report(storage, drugs_report(made.id, [("foozabine", 3, ["R1"])]))
    await migrations.end_run(storage, made.id, run.id, "done")
    return made.id


async def items(storage: Storage, id: str) -> dict[str, Item]:
    """The checklist of the report, by what it is about."""
    listed = checklist(await cutover(storage, await migrations.load(storage, id)))
    kept = orjson.loads(await storage.get("reports", paths.report(id, "cutover-checklist", "json")))
    assert [(row["What"], row["State"]) for row in kept["tables"][0]["rows"]] == [
        (one.title, one.state) for one in listed
    ]
    return {one.id: one for one in listed}


async def test_it_stands_as_the_migration_does(storage: Storage, migrated: str) -> None:
    await keep_checklist(storage, migrated)
    found = await items(storage, migrated)
    stands = {id: one.stands for id, one in found.items() if id in ("conflicts", "exceptions", "uploads")}
    assert stands == {"conflicts": "0 of 2", "exceptions": "0 of 2", "uploads": "0 of 1"}
    assert (found["delta"].state, found["window"].state, found["reconciliation"].state) == ("done", "open", "open")
    assert (found["drugs"].state, found["rebuild"].state) == ("open", "not applicable")
    assert "2 application users" in found["users"].todo


async def test_what_people_do_is_ticked_off_at_once(storage: Storage, migrated: str) -> None:
    for name, source_id, _ in await conflicts(storage, migrated, await migrations.list_runs(storage, migrated)):
        await notes.add(
            storage, migrated, "conflict", f"{name}/{source_id}", "Keep the row in the target", "why", "Ada"
        )
    await notes.add(storage, migrated, "upload", "D1", "Uploaded by hand", "chart", "Ada")
    await notes.add(storage, migrated, "cutover", "freeze", "Done", "Friday", "Ada")
    await notes.add(storage, migrated, "cutover", "users", "Not applicable", "shared with another app", "Ada")
    found = await items(storage, migrated)
    assert {id: found[id].state for id in ("conflicts", "uploads", "freeze", "users", "secrets")} == {
        "conflicts": "done", "uploads": "done", "freeze": "done", "users": "not applicable", "secrets": "open",
    }  # fmt: skip


async def test_before_the_full_run_there_is_none(storage: Storage) -> None:
    made = await migrations.create(storage, "early")
    await keep_checklist(storage, made.id)
    assert not await storage.exists("reports", paths.report(made.id, "cutover-checklist", "json"))
