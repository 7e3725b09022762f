"""The page of the rollback: every run that can be taken back, what goes with it, and exactly that is what is done."""

import re
from typing import Any

import orjson
import pytest

from ledger import migrations, paths
from ledger.migrations import Migration, begin_run, change, end_run
from ledger.storage import Storage
from services import preview
from tests.console.visits import AZURE, ask, send, text
from tests.support.people import principal

APPROVER = principal("approver")


@pytest.fixture
async def loaded(store: Storage, migration: Migration, configure: Any, monkeypatch: pytest.MonkeyPatch) -> Migration:
    """A migration with a full run, a delta, one that found nothing, and another delta. The target gives no answer."""
    configure(CARRYOVER_APP_SERVICE_AUTH="true")

    async def silent(*_: Any) -> None:
        return None

    monkeypatch.setattr(preview, "edited", silent)

    def signed(one: Migration) -> None:
        one.map_hash = one.confirmed_hash = one.prepared_hash = one.signed_hash = "h1"
        one.state = "signed_off"

    await change(store, migration.id, signed)
    for kind, planned in (("migrate", {"create": 1200}), ("delta", {"update": 7, "create": 2}), ("delta", {}),
                          ("delta", {"update": 1})):  # fmt: skip
        await _load(store, migration, kind, planned)
    return await migrations.load(store, migration.id)


async def _load(store: Storage, one: Migration, kind: Any, planned: dict[str, int]) -> None:
    run = await begin_run(store, one.id, kind, by="Ann")
    actions = {action: {"records": rows} for action, rows in {**planned, "unchanged": 40}.items()}
    summary = orjson.dumps({"actions": actions, "chunks": []})
    await store.put("staging", paths.work(one.id, run.id, "patient/plan/summary.json"), summary)
    landed = {"created": planned.get("create", 0), "landed": sum(planned.values())}
    await store.put("staging", paths.work(one.id, run.id, "patient/00000.result.json"), orjson.dumps(landed))
    await end_run(store, one.id, run.id, "done")


async def page(one: Migration, **asked: Any) -> str:
    answer = await ask("GET", f"m/{one.id}/rollback", APPROVER, at=AZURE, **asked)
    assert answer.status_code == 200, text(answer)
    return text(answer)


def said(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))


async def test_each_run_that_wrote_is_offered_with_what_goes_with_it(loaded: Migration) -> None:
    shown = said(await page(loaded))
    assert "Everything: 1,210 rows of 3 runs" in shown
    assert re.search(r"delta-0004 of [\d: -]+ UTC, by Ann: 1 row; alone, as the latest that wrote", shown)
    assert re.search(r"delta-0002 of .*?: 9 rows; with the run after it: delta-0004", shown)
    assert re.search(r"migrate-0001 of .*?: 1,200 rows; with the runs after it: delta-0004, delta-0002", shown)
    assert "delta-0003 of" not in shown


async def test_the_preview_of_a_run_says_what_happens_to_its_rows_and_those_after_it(loaded: Migration) -> None:
    shown = await page(loaded, runs="delta-0002")
    told = said(shown)
    assert "3 runs are undone, latest first: delta-0004, delta-0003, delta-0002." in told
    assert "delta-0004 came after delta-0002 and may have changed what it wrote: it goes with it." in told
    assert "2 rows that the migration created are deleted" in told and "8 changes are taken back" in told
    assert 'name="shown" value="delta-0004 delta-0003 delta-0002"' in shown
    assert 'name="solution"' not in shown and 'value="delta-0002" checked' in shown
    assert 'value="delta-0004" checked' in await page(loaded, runs="last")
    refused = await ask("GET", f"m/{loaded.id}/rollback", APPROVER, at=AZURE, runs="delta-0009")
    assert refused.status_code == 409 and "no run delta-0009 of which anything stands" in text(refused)


async def test_what_was_shown_is_taken_back_and_nothing_else(store: Storage, loaded: Migration) -> None:
    place = f"m/{loaded.id}/steps/rollback"
    form = {"runs": "delta-0002", "shown": "delta-0004 delta-0003 delta-0002"}
    assert (await send(store, place, APPROVER, **form, typed="other")).status_code == 409
    await _load(store, loaded, "delta", {"create": 5})
    refused = await send(store, place, APPROVER, **form, typed=loaded.system)
    assert refused.status_code == 409 and "not those of the page any more" in text(refused)
    assert (await migrations.load(store, loaded.id)).active_run is None

    form["shown"] = f"delta-0005 {form['shown']}"
    begun = await send(store, place, APPROVER, **form, typed=loaded.system)
    assert begun.status_code == 303, text(begun)
    run = (await migrations.list_runs(store, loaded.id))[-1]
    assert (run.kind, run.options["runs"], run.options["later"]) == ("rollback", "delta-0002", True)
