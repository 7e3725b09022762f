"""Pages of what a migration found, with something on them: owners, exceptions with their drugs, a run that is held back,
the cutover checklist."""

import hashlib
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qsl

import pytest

from activities import jobs
from activities.keep import keep_report
from activities.pauses import tell_pause
from console import csrf, door
from console.pages import ready
from ledger import exceptions, migrations
from ledger.audit import AuditLog, Intent
from ledger.exceptions import ExceptionRow
from ledger.migrations import Migration
from ledger.paths import file_id
from ledger.states import Run, now
from ledger.storage import Storage
from reports.drugs import drugs_report
from services import files, identity, notes, overview
from services.files import UploadEnd
from services.overview import NewMigration
from settings import Settings
from tests.console.visits import AZURE, BROWSER, HERE, ask, text
from tests.support.people import principal


@pytest.fixture
async def store(azurite: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Storage]:
    """The storage that the console finds; whoever works on this machine may do everything."""
    async with Storage.open(azurite) as opened:
        await opened.ensure()

        async def here() -> Storage:
            return opened

        made = Settings(CARRYOVER_DEVELOPMENT_IDENTITY="dev")
        monkeypatch.setattr(door, "storage", here)
        monkeypatch.setattr(csrf, "_keys", {})
        for module in (identity, csrf):
            monkeypatch.setattr(module, "settings", lambda: made)
        yield opened


@pytest.fixture
async def migration(store: Storage, request: pytest.FixtureRequest) -> Migration:
    """A migration whose last full run is done."""
    one = await overview.create(store, NewMigration(system=request.node.name.replace("_", "-")[:40]))

    def ready(changed: Migration) -> None:
        changed.state, changed.written = "signed_off", True
        changed.map_hash = changed.confirmed_hash = changed.signed_hash = changed.prepared_hash = "h"
        changed.sample_run = changed.signed_sample = "sample-0001"

    await migrations.change(store, one.id, ready)
    run = await migrations.begin_run(store, one.id, "migrate", by="Ada")
    await migrations.end_run(store, one.id, run.id, "done")
    return one


async def page(one: Migration, place: str, of: str = "") -> str:
    """The text of a page, without its tags."""
    answer = await ask("GET", f"m/{one.id}/{place}", of=of)
    assert answer.status_code == 200, text(answer)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text(answer)))


async def test_owners_are_told_with_their_rows_and_the_decision(store: Storage, migration: Migration) -> None:
    told = {
        "rows": 1203,
        "objects": {"patient": 1203},
        "decision": "rows go to the fallback owner (1,203)",
        "by": "Cyd",
    }
    staff = {"staff": "2", "name": "Bob", "email": "b@c.test", "match": "disabled", "active": "Inactive"}
    people = {
        "rows": [{**staff, **told, "disposition": "excepted", "reason": "The user is disabled."}],
        "practitioners": [
            {"practitioner": "p2", "name": "", "email": "", "staff": "", "match": "none", **told, "reason": "No link."}
        ],
        "strangers": [{"kind": "practitioner", "id": "p9", **told}],
    }
    await jobs.keep_document(store, migration.id, "staff.json", people)
    found = await page(migration, "owners")
    for words in (
        "Bob",
        "left the clinic",
        "Patient 1,203",
        "rows go to the fallback owner (1,203)",
        "Cyd",
        "p2",
        "p9",
    ):
        assert words in found, words


async def test_exceptions_add_up_and_unknown_drugs_are_beside_them(store: Storage, migration: Migration) -> None:
    rows = [
        ExceptionRow("patient", "1", None, "no_owner", "Nobody."),
        ExceptionRow("patient", "2", "email", "bad_email", "No address."),
        ExceptionRow("encounter_note", "3", None, "0x80040265", "Refused."),
    ]
    run = (await migrations.list_runs(store, migration.id))[-1].id
    for row in rows:
        await exceptions.write_part(store, migration.id, run, row.object, f"00{row.source_id}", [row])
    await keep_report(store, drugs_report(migration.id, [("Foozabine 5 mg", 31, ["R1", "R2"])]))
    found = await page(migration, "exceptions")
    for words in (
        "Records 1 counted as excepted",
        "Fields 1 left",
        "Rows made from records 1",
        "Foozabine 5 mg 31 R1, R2",
    ):
        assert words in found, words
    made = await page(migration, "exceptions", of="row")
    assert "Encounter note: Refused." in made
    assert "no_owner" not in made


async def test_a_run_that_is_held_back_says_by_whom_and_for_how_long(store: Storage, migration: Migration) -> None:
    run = await migrations.begin_run(store, migration.id, "delta")
    assert "Working." in await page(migration, f"runs/{run.id}")
    await tell_pause(store, {"migration": migration.id, "run": run.id, "user": 0}, 3600)
    paused = r"Paused by Dynamics \(its service protection limit\); goes on by itself in [56]\d:\d\d\."
    assert re.search(paused, await page(migration, f"runs/{run.id}"))

    def waits(until: timedelta) -> Callable[[Run], None]:
        def change(one: Run) -> None:
            one.waiting_until = now() + until

        return change

    await migrations.change_run(store, migration.id, run.id, waits(timedelta(hours=9)))
    assert "Waits for the next day's requests until" in await page(migration, f"runs/{run.id}")
    await migrations.change_run(store, migration.id, run.id, waits(timedelta(hours=-1)))
    assert "Paused by Dynamics" in await page(migration, f"runs/{run.id}")
    await migrations.end_run(store, migration.id, run.id, "done")
    assert "Paused" not in await page(migration, f"runs/{run.id}")


async def test_the_cutover_checklist_is_ticked_off_on_the_page_close(store: Storage, migration: Migration) -> None:
    found = await page(migration, "close")
    assert "Freeze the source ! open nobody has said so" in found
    await notes.add(store, migration.id, "cutover", "freeze", "Done", "Friday evening", "Ada")
    assert "Freeze the source ✓ done Friday evening (Ada," in await page(migration, "close")


async def test_a_file_that_does_not_belong_there_is_removed(store: Storage, migration: Migration) -> None:
    for name in ("patients.csv", "bomb.zip"):
        octets = name.encode()
        await files.put_block(store, migration.id, file_id(name), "0", octets)
        end = UploadEnd(path=name, blocks=1, size=len(octets), sha256=hashlib.sha256(octets).hexdigest())
        await files.end_upload(store, migration.id, end)
    headers = {"Origin": HERE, "Cookie": f"carryover={BROWSER}"}
    source = text(await ask("GET", f"m/{migration.id}/source", headers))
    place = f"m/{migration.id}/files/remove"
    token = re.search(f'action="/console/{place}"><input type="hidden" name="token" value="([^"]*)"', source)
    file = re.search(r'name="file" value="([^"]*)">Remove<span class="sr"> bomb.zip', source)
    assert token and file
    answer = await ask("POST", place, headers, form={"token": token[1], "file": file[1]})
    assert answer.status_code == 303, text(answer)
    assert [one["path"] for one in await files.listing(store, migration.id)] == ["patients.csv"]


async def test_files_in_trouble_are_listed_before_the_others_by_name(
    store: Storage, migration: Migration, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {"b.csv": 2, "a.csv": 1, "c.csv": 0, "d.dat": 3}

    async def uploaded(store: Storage, id: str) -> list[dict[str, Any]]:
        return [{"path": path, "size": size, "sha256": ""} for path, size in sizes.items()]

    async def read(store: Storage, id: str, name: str, rows: int | None = None) -> dict[str, Any]:
        columns = {"Columns": [], "Objects": [], "Files nobody knows": [{"File": "d.dat", "Trouble": "no header"}]}
        return {"facts": {}, "notes": {}, "tables": defaultdict(list, columns), "table_notes": defaultdict(str)}

    monkeypatch.setattr(files, "listing", uploaded)
    monkeypatch.setattr(ready, "report_data", read)
    monkeypatch.setattr(ready, "SHOWN", 3)
    assert "File Size Trouble Actions c.csv 0 B ! empty Remove c.csv d.dat 3 B ! no header Remove d.dat a.csv 1 B" in (
        found := await page(migration, "source")
    )
    assert "b.csv" not in found and "And 1 more." in found
    made = Settings(CARRYOVER_APP_SERVICE_AUTH=True)
    monkeypatch.setattr(identity, "settings", lambda: made)
    seen = text(await ask("GET", f"m/{migration.id}/source", principal("viewer"), at=AZURE))
    assert "d.dat" not in seen and seen.count("x.xxx") == 4  # files are often named after patients


async def test_the_log_is_read_page_by_page(store: Storage, migration: Migration) -> None:
    run = (await migrations.list_runs(store, migration.id))[-1].id
    log = await AuditLog.open(store, migration.id, run, "patient", "00000", by="Ada", map_hash="h")
    await log.append_intents([Intent("create", f"P{n}", f"k.patient.P{n}", "contact", "") for n in range(1001)])
    first = text(await ask("GET", f"m/{migration.id}/audit", run=run))
    assert ("<td>P0</td>" in first, "<td>P1000</td>" in first, "From the beginning" in first) == (True, False, False)
    onward = re.search(r'href="[^"]*\?([^"]*)#rows">Further operations', first)
    assert onward
    asked: Any = dict(parse_qsl(unescape(onward[1])))
    rest = text(await ask("GET", f"m/{migration.id}/audit", **asked))
    assert ("<td>P0</td>" in rest, "<td>P1000</td>" in rest, "Further operations" in rest) == (False, True, False)


async def test_a_run_that_did_not_end_well_is_told_before_what_is_next(store: Storage, migration: Migration) -> None:
    assert "is paused" not in await page(migration, "")
    run = await migrations.begin_run(store, migration.id, "migrate", by="Ada")
    await migrations.end_run(store, migration.id, run.id, "paused", message="Paused: more than 5 % of patient.")
    found = await page(migration, "")
    assert f"! {run.id} is paused Paused: more than 5 % of patient. {run.id}" in found
    error = {"code": "dataverse_unreachable", "message": "Dataverse did not answer.", "next": ""}
    await jobs.keep_document(store, migration.id, f"error-{run.id}.json", error)
    assert f"{run.id} is paused Dataverse did not answer." in await page(migration, "")
    again = await migrations.begin_run(store, migration.id, "migrate", by="Ada")
    await migrations.end_run(store, migration.id, again.id, "done")
    assert "is paused" not in await page(migration, "")
