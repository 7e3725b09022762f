"""What a rollback would take back is counted by what was written, not by what was planned."""

import orjson
import pytest

from ledger import migrations, paths
from ledger.migrations import Migration
from ledger.states import RunState
from ledger.storage import Storage
from services.preview import written

PLAN = {"create": 9, "update": 3, "excepted": 2}
CHUNKS = ({"landed": 5, "created": 4}, {"landed": 2, "created": 1})


async def wrote(store: Storage, migration: Migration, state: RunState) -> str:
    """A run that planned more patients than its two chunks brought; its id."""

    def signed(one: Migration) -> None:
        one.map_hash = one.confirmed_hash = one.prepared_hash = one.signed_hash = "h1"
        one.state = "signed_off"

    await migrations.change(store, migration.id, signed)
    run = await migrations.begin_run(store, migration.id, "migrate")
    plan = {"actions": {action: {"records": count} for action, count in PLAN.items()}}
    await store.put("staging", paths.work(migration.id, run.id, "patient/plan/summary.json"), orjson.dumps(plan))
    for number, told in enumerate(CHUNKS):
        blob = paths.work(migration.id, run.id, f"patient/{number:05d}.result.json")
        await store.put("staging", blob, orjson.dumps(told))
    await migrations.end_run(store, migration.id, run.id, state)
    return run.id


@pytest.mark.parametrize("state", ["done", "paused"])
async def test_what_was_planned_and_not_written_is_not_taken_back(
    store: Storage, mapped: Migration, state: RunState
) -> None:
    run = await wrote(store, mapped, state)
    assert await written(store, mapped.id, [run]) == {"patient": {"delete": 5, "restore": 2}}


async def test_a_run_that_failed_may_have_written_all_it_planned(store: Storage, mapped: Migration) -> None:
    run = await wrote(store, mapped, "failed")
    assert await written(store, mapped.id, [run]) == {"patient": {"delete": 9, "restore": 3}}
