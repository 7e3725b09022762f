"""A rollback that takes tables and columns along: of all runs only, and while nobody else needs them."""

import pytest

from ledger import migrations
from ledger.storage import Storage
from tests.support.systems import new_system
from tests.triggers.asking import ask


def prepared(one: migrations.Migration) -> None:
    one.map_hash = one.confirmed_hash = one.prepared_hash = "h1"
    one.state, one.written = "sampled", True


@pytest.fixture
async def migration(store: Storage) -> str:
    """A migration that has written; no other one of this storage has prepared the target."""
    for one in await migrations.list_all(store):
        await migrations.change(store, one.id, lambda other: setattr(other, "prepared_hash", None))
    made = await migrations.create(store, new_system())
    await migrations.change(store, made.id, prepared)
    return made.id


async def test_what_another_migration_needs_stays(store: Storage, migration: str) -> None:
    other = await migrations.create(store, new_system())
    await migrations.change(store, other.id, prepared)
    status, refused = await ask("start_step", {"remove_solution": True}, id=migration, step="rollback")
    assert (status, refused["error"]["code"]) == (409, "solution_shared")
    assert other.id in refused["error"]["message"]
    assert (await migrations.load(store, migration)).active_run is None


@pytest.mark.parametrize(("step", "runs"), [("rollback", "last"), ("delta", "all")])
async def test_it_goes_with_a_whole_rollback_only(store: Storage, migration: str, step: str, runs: str) -> None:
    asked = {"remove_solution": True, "runs": runs}
    status, refused = await ask("start_step", asked, id=migration, step=step)
    assert (status, refused["error"]["code"]) == (400, "bad_request")


async def test_from_its_beginning_on_the_target_counts_as_unprepared(store: Storage, migration: str) -> None:
    """Whether or not it ends well: half of the columns may be gone."""
    status, started = await ask("start_step", {"remove_solution": True}, id=migration, step="rollback")
    one = await migrations.load(store, migration)
    assert (status, one.active_run, one.prepared_hash) == (202, started["run"], None)
