"""The summary document: what its members say after each kind of run."""

from typing import Any

from activities import jobs
from ledger import migrations
from ledger.migrations import Kind, Migration, RunState, begin_run, end_run
from ledger.states import STEP_OF
from ledger.storage import Storage
from tests.support.systems import new_system
from tests.triggers.asking import ask

TOTALS = {"deleted": 7, "restored": 1, "kept": 0, "left": 0}


async def prepared(store: Storage) -> str:
    """A migration whose sample can be made."""

    def move(one: Migration) -> None:
        one.map_hash = one.confirmed_hash = one.prepared_hash = "h1"
        one.state = "prepared"

    made = await migrations.create(store, new_system())
    await migrations.change(store, made.id, move)
    return made.id


async def take(store: Storage, id: str, kind: Kind, state: RunState = "done") -> None:
    """A run from its beginning to its end."""
    run = await begin_run(store, id, kind)
    if kind == "rollback":
        await jobs.keep_document(store, id, f"undone-{run.id}.json", TOTALS)
    await end_run(store, id, run.id, state)


async def summary(id: str) -> dict[str, Any]:
    status, document = await ask("get_summary", id=id)
    assert status == 200
    return dict(document)


async def test_a_rollback_is_told_until_something_is_written_again(store: Storage) -> None:
    id = await prepared(store)
    await take(store, id, "sample")
    assert (await summary(id))["rollback"] is None
    await take(store, id, "rollback", "failed")
    assert (await summary(id))["rollback"] is None
    await take(store, id, "rollback")
    assert (await summary(id))["rollback"] == TOTALS
    await take(store, id, "prepare")
    assert (await summary(id))["rollback"] == TOTALS
    await take(store, id, "sample")
    assert (await summary(id))["rollback"] is None


async def test_seconds_go_by_the_names_of_the_steps(store: Storage) -> None:
    """Not by the kinds of runs: what is asked for as run is a run of kind migrate."""
    id = await prepared(store)
    await take(store, id, "sample")

    def signed(one: Migration) -> None:
        one.state, one.signed_hash, one.signed_sample = "signed_off", "h1", one.sample_run

    await migrations.change(store, id, signed)
    kinds: tuple[Kind, ...] = ("plan", "migrate", "verify")
    for kind in kinds:
        await take(store, id, kind)

    taken = (await summary(id))["seconds"]

    assert list(taken) == ["sample", *(STEP_OF[kind] for kind in kinds), "total"]
    assert taken["total"] == round(sum(taken[step] for step in taken if step != "total"), 3)
