"""Which runs a rollback takes back: all, the latest, or one by its name that nothing stands on."""

import pytest

from activities import rollback
from activities.errors import StepError
from activities.rollback import plan_rollback
from ledger import migrations
from ledger.audit import AuditLog, Intent
from ledger.migrations import begin_run, change, end_run, list_runs, load_run
from ledger.storage import Storage
from tests.support.systems import new_system
from tests.triggers.asking import ask


@pytest.fixture
async def migration(store: Storage, monkeypatch: pytest.MonkeyPatch) -> str:
    """A migration with a full run, a delta that wrote, and one that found nothing to write."""

    async def here() -> Storage:
        return store

    monkeypatch.setattr(rollback, "storage", here)

    def signed(one: migrations.Migration) -> None:
        one.map_hash = one.confirmed_hash = one.prepared_hash = one.signed_hash = "h1"
        one.state = "signed_off"

    made = await migrations.create(store, new_system())
    await change(store, made.id, signed)
    for kind in ("migrate", "delta", "delta"):
        run = await begin_run(store, made.id, kind)
        if run.number < 3:
            log = await AuditLog.open(store, made.id, run.id, "patient", "00000")
            await log.append_intents([Intent("create", "1", "s.patient.1", "contact", f"row-{run.number}")])
        await end_run(store, made.id, run.id, "done")
    return made.id


async def chosen(store: Storage, migration: str, which: str) -> list[str]:
    return [run.id for run in await rollback.to_undo(store, migration, await list_runs(store, migration), which)]


async def test_the_latest_run_that_stands_goes_alone(store: Storage, migration: str) -> None:
    """A run after it that wrote nothing does not stand on it, and goes with it."""
    status, answer = await ask("start_step", {"runs": "delta-0002"}, id=migration, step="rollback")
    assert status == 202
    begun = await load_run(store, migration, answer["run"])
    assert (begun.options["runs"], begun.options["later"]) == ("delta-0002", False)
    assert await chosen(store, migration, "delta-0002") == ["delta-0003", "delta-0002"]


@pytest.mark.parametrize("preview", [True, False])
async def test_an_earlier_one_is_refused_by_the_names_of_those_after_it(
    store: Storage, migration: str, preview: bool
) -> None:
    asked = {"runs": "migrate-0001", "preview": preview}
    status, answer = await ask("start_step", asked, id=migration, step="rollback")
    assert (status, answer["error"]["code"]) == (409, "later_runs")
    assert "delta-0002" in answer["error"]["message"] and "delta-0003" not in answer["error"]["message"]
    assert "--with-later" in answer["error"]["next"]
    assert (await migrations.load(store, migration)).active_run is None


async def test_it_goes_with_those_after_it_when_that_is_said(store: Storage, migration: str) -> None:
    status, _ = await ask("start_step", {"runs": "migrate-0001", "later": True}, id=migration, step="rollback")
    assert status == 202
    assert await chosen(store, migration, "migrate-0001") == ["delta-0003", "delta-0002", "migrate-0001"]


@pytest.mark.parametrize("name", ["delta-0009", "rollback-0004", "some"])
async def test_a_run_of_which_nothing_stands_is_refused(migration: str, name: str) -> None:
    status, answer = await ask("start_step", {"runs": name}, id=migration, step="rollback")
    assert (status, answer["error"]["code"]) == (409, "nothing_stands")


async def test_a_run_that_began_in_between_is_not_taken_along(store: Storage, migration: str) -> None:
    """The check at the door is made again when the rollback has the migration for itself."""
    run = await begin_run(store, migration, "delta")
    log = await AuditLog.open(store, migration, run.id, "patient", "00000")
    await log.append_intents([Intent("create", "2", "s.patient.2", "contact", "row-4")])
    job = {"migration": migration, "number": run.number + 1, "undo": "delta-0002", "force": False, "later": False}
    with pytest.raises(StepError) as refused:
        await plan_rollback(job)
    assert refused.value.value["code"] == "later_runs"
