"""Migrations and runs: compare-and-swap, one active run, rollback over a run, crashes in between."""

import asyncio

import pytest

from ledger import migrations, transitions
from ledger.migrations import (
    EpochChanged,
    GateClosed,
    Kind,
    Migration,
    NoMigration,
    NoRun,
    RunState,
    State,
    SystemTaken,
    begin_run,
    change,
    change_run,
    check_epoch,
    create,
    end_run,
    list_all,
    list_runs,
    load,
    load_run,
)
from ledger.storage import Storage
from tests.support.systems import new_system


async def at_prepared(storage: Storage) -> str:
    """A migration that is ready for its sample."""

    def prepare(migration: Migration) -> None:
        migration.map_hash = migration.confirmed_hash = migration.prepared_hash = "h1"
        migration.state = "prepared"

    made = await create(storage, new_system())
    await change(storage, made.id, prepare)
    return made.id


async def at_signed(storage: Storage) -> str:
    """A migration with a signed sample: sample-0001."""
    id = await at_prepared(storage)
    sample = await begin_run(storage, id, "sample")
    await end_run(storage, id, sample.id, "done")
    await change(storage, id, lambda m: transitions.sign(m, "ana", "approver", "h1", sample.id))
    return id


async def at_migrated(storage: Storage) -> str:
    """A migration with a sample and a full run behind it: sample-0001, migrate-0002."""
    id = await at_signed(storage)
    run = await begin_run(storage, id, "migrate")
    await end_run(storage, id, run.id, "done", counts={"patient": {"migrated": 2}})
    return id


async def test_what_was_created_is_loaded_and_listed(storage: Storage) -> None:
    """A migration survives its row."""
    made = await create(storage, new_system(), profile="synthea", plan="sales_enterprise", options={"prefix": "cms"})

    assert await load(storage, made.id) == made
    assert made in await list_all(storage)
    assert made.id.startswith("m-") and len(made.id) == 10


async def test_a_system_has_one_open_migration(storage: Storage) -> None:
    """Two would write the same rows. Names that differ in case alone would, too: the target's keys ignore case."""
    system = new_system()
    made = await create(storage, system)

    for name in (system, system.upper()):
        with pytest.raises(SystemTaken) as refused:
            await create(storage, name)
        assert refused.value.holder.id == made.id
    assert [one.id for one in await list_all(storage) if one.system == system] == [made.id]


async def test_of_racing_creates_one_wins(storage: Storage) -> None:
    """The others find its migration open, and nothing of theirs is stored."""
    system = new_system()

    made = await asyncio.gather(*(create(storage, system) for _ in range(8)), return_exceptions=True)

    [won] = [one for one in made if isinstance(one, Migration)]
    assert all(isinstance(one, SystemTaken) and one.holder.id == won.id for one in made if one is not won)
    assert [one.id for one in await list_all(storage) if one.system == system] == [won.id]


async def test_what_was_closed_with_rows_in_the_target_keeps_its_name(storage: Storage) -> None:
    """A second migration would share the ids of these rows, and its rollback would take them back."""
    id = await at_migrated(storage)

    def close(migration: Migration) -> None:
        migration.state, migration.reconciliation = "verified", "clean"
        transitions.close(migration, "ana")

    closed = await change(storage, id, close)

    with pytest.raises(SystemTaken) as refused:
        await create(storage, closed.system)
    assert refused.value.holder == closed


async def test_what_was_closed_with_nothing_in_the_target_gives_its_name_back(storage: Storage) -> None:
    """Closed as it was created, or after a rollback; ids that were deleted are not used again."""
    id = await at_migrated(storage)
    run = await begin_run(storage, id, "rollback")
    await end_run(storage, id, run.id, "done", undone={"sample-0001": True, "migrate-0002": True})
    closed = await change(storage, id, lambda one: transitions.close(one, "ana"))

    others = await asyncio.gather(*(create(storage, closed.system) for _ in range(4)), return_exceptions=True)

    [other] = [one for one in others if isinstance(one, Migration)]
    assert other.generation == closed.generation == 1
    assert other.id != closed.id


async def test_unknown_ids_are_said_to_be_unknown(storage: Storage) -> None:
    """For migrations and runs alike."""
    id = (await create(storage, new_system())).id

    with pytest.raises(NoMigration):
        await load(storage, "m-ffffffff")
    for run in ("migrate-0009", "nonsense", "x-y"):
        with pytest.raises(NoRun):
            await load_run(storage, id, run)


async def test_racing_changes_all_count(storage: Storage) -> None:
    """Twelve writers, twelve changes: none is lost."""
    id = (await create(storage, new_system())).id

    def count(migration: Migration) -> None:
        migration.snapshot += 1

    await asyncio.gather(*(change(storage, id, count) for _ in range(12)))

    assert (await load(storage, id)).snapshot == 12


async def test_a_refused_change_stores_nothing(storage: Storage) -> None:
    """What the function raises passes through."""
    id = (await create(storage, new_system())).id

    def refuse(migration: Migration) -> None:
        migration.snapshot = 99
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await change(storage, id, refuse)
    assert (await load(storage, id)).snapshot == 0


async def test_a_document_that_outgrows_its_row_is_refused(storage: Storage) -> None:
    """Large things belong in blobs."""
    with pytest.raises(ValueError, match="outgrown"):
        await create(storage, new_system(), options={"notes": "x" * 40_000})


async def test_of_racing_runs_one_begins(storage: Storage) -> None:
    """The others are told which run is active."""
    id = (await create(storage, new_system())).id

    begun = await asyncio.gather(*(begin_run(storage, id, "scope") for _ in range(6)), return_exceptions=True)

    runs = [run for run in begun if not isinstance(run, BaseException)]
    refused = [error for error in begun if isinstance(error, GateClosed)]
    assert [run.id for run in runs] == ["scope-0001"]
    assert len(refused) == 5
    assert {error.refusal.code for error in refused} == {"run_active"}
    assert (await load(storage, id)).active_run == "scope-0001"


async def test_run_numbers_count_all_runs(storage: Storage) -> None:
    """Whatever their kind; and the state moves on with each that is done."""
    id = await at_migrated(storage)

    assert [run.id for run in await list_runs(storage, id)] == ["sample-0001", "migrate-0002"]
    migration = await load(storage, id)
    assert (migration.state, migration.active_run, migration.written) == ("migrated", None, True)
    assert migration.counts == {"patient": {"migrated": 2}}


async def test_a_run_refused_by_its_gate_takes_no_number(storage: Storage) -> None:
    """Nothing is left of it."""
    id = (await create(storage, new_system())).id

    with pytest.raises(GateClosed, match="out_of_order"):
        await begin_run(storage, id, "migrate")
    assert (await load(storage, id)).run_number == 0
    assert await list_runs(storage, id) == []


async def test_a_failed_run_moves_nothing_on(storage: Storage) -> None:
    """It frees the place for the next; what it may have written can be rolled back."""
    id = await at_prepared(storage)
    run = await begin_run(storage, id, "sample", by="ana")

    ended = await end_run(storage, id, run.id, "failed", error="the target does not answer")

    migration = await load(storage, id)
    assert (migration.state, migration.active_run, migration.written) == ("prepared", None, True)
    assert (ended.state, ended.error, ended.by) == ("failed", "the target does not answer", "ana")
    assert ended.ended is not None


async def test_ending_a_run_twice_changes_nothing(storage: Storage) -> None:
    """An activity may be delivered twice."""
    id = (await create(storage, new_system())).id
    run = await begin_run(storage, id, "scope")
    first = await end_run(storage, id, run.id, "done")

    other = await begin_run(storage, id, "scope")
    again = await end_run(storage, id, run.id, "failed", error="late")

    assert again == first
    assert (await load(storage, id)).active_run == other.id


async def test_the_row_of_a_run_is_made_good_after_a_crash(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the migration's row and the run's own there is nothing to lose."""
    id = (await create(storage, new_system())).id

    async def crash(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "_insert_run", crash)
        with pytest.raises(ConnectionError):
            await begin_run(storage, id, "scope", by="ana")

    assert (await load(storage, id)).active_run == "scope-0001"
    assert (await load_run(storage, id, "scope-0001")).by == "ana"
    assert [run.id for run in await list_runs(storage, id)] == ["scope-0001"]
    await end_run(storage, id, "scope-0001", "done")
    assert (await load(storage, id)).state == "scoped"


async def test_rollback_takes_the_place_of_an_active_run(storage: Storage) -> None:
    """The epoch rises, so the other run's writers stop; the generation too, so ids are not used again."""
    id = await at_migrated(storage)
    delta = await begin_run(storage, id, "delta")
    await check_epoch(storage, id, delta.epoch)

    rollback = await begin_run(storage, id, "rollback", by="ana")

    with pytest.raises(EpochChanged):
        await check_epoch(storage, id, delta.epoch)
    await check_epoch(storage, id, rollback.epoch)
    stopped = await load_run(storage, id, delta.id)
    assert (stopped.state, stopped.message) == ("stopped", f"Stopped by {rollback.id}.")
    migration = await load(storage, id)
    assert (migration.active_run, migration.generation, migration.undoing) == (rollback.id, 1, True)
    assert (await end_run(storage, id, delta.id, "done")).state == "stopped"
    assert (await load(storage, id)).active_run == rollback.id


@pytest.mark.parametrize("state", ["failed", "paused", "done"])
async def test_a_worker_that_outlives_its_run_is_stopped(storage: Storage, state: RunState) -> None:
    """Else the next run would be a second writer."""
    id = await at_migrated(storage)
    delta = await begin_run(storage, id, "delta")

    await end_run(storage, id, delta.id, state)

    with pytest.raises(EpochChanged):
        await check_epoch(storage, id, delta.epoch)
    again = await begin_run(storage, id, "delta")
    await end_run(storage, id, delta.id, state)  # said a second time it ends nobody else's epoch
    await check_epoch(storage, id, again.epoch)


async def test_after_a_rollback_the_map_is_confirmed_and_nothing_is_signed(storage: Storage) -> None:
    """The map can be mended and the migration run again."""
    id = await at_migrated(storage)
    rollback = await begin_run(storage, id, "rollback")

    await end_run(storage, id, rollback.id, "done", undone={"sample-0001": True, "migrate-0002": True})

    migration = await load(storage, id)
    assert (migration.state, migration.written, migration.undoing) == ("confirmed", False, False)
    assert (migration.confirmed_hash, migration.signed_hash, migration.sample_run) == ("h1", None, None)
    assert [run.undone_by for run in await list_runs(storage, id)] == [rollback.id, rollback.id, None]


async def test_a_rollback_that_kept_rows_of_others_may_be_forced(storage: Storage) -> None:
    """The map can be mended all the same; what was kept is still ours to take."""
    id = await at_migrated(storage)
    rollback = await begin_run(storage, id, "rollback")
    undone = {"sample-0001": True, "migrate-0002": True}
    await end_run(storage, id, rollback.id, "done", undone=undone, kept=True)

    migration = await load(storage, id)
    assert (migration.state, migration.written, migration.undoing) == ("confirmed", True, False)
    forced = await begin_run(storage, id, "rollback")
    await end_run(storage, id, forced.id, "done", undone=undone)
    assert (await load(storage, id)).written is False


async def test_a_rolled_back_delta_leaves_the_migration_migrated(storage: Storage) -> None:
    """Only the last run was taken back; the rest stands and stays signed."""
    id = await at_migrated(storage)
    delta = await begin_run(storage, id, "delta")
    await end_run(storage, id, delta.id, "done")
    rollback = await begin_run(storage, id, "rollback")

    undone = {"sample-0001": False, "migrate-0002": False, delta.id: True}
    await end_run(storage, id, rollback.id, "done", undone=undone)

    migration = await load(storage, id)
    assert (migration.state, migration.written, migration.signed_hash) == ("migrated", True, "h1")
    assert (await load_run(storage, id, "migrate-0002")).undone_by is None


async def test_a_rollback_that_failed_must_be_finished(storage: Storage) -> None:
    """It may be begun again, and nothing else may."""
    id = await at_migrated(storage)
    rollback = await begin_run(storage, id, "rollback")
    await end_run(storage, id, rollback.id, "failed", error="stopped")

    with pytest.raises(GateClosed, match="rollback_unfinished"):
        await begin_run(storage, id, "migrate")
    again = await begin_run(storage, id, "rollback")
    await end_run(storage, id, again.id, "done", undone={"sample-0001": True, "migrate-0002": True})
    assert (await load(storage, id)).state == "confirmed"


async def test_a_sample_holds_its_undo_and_second_pass(storage: Storage) -> None:
    """Parts of a run have numbers of their own, so that receipts fold in the right order."""
    id = await at_prepared(storage)
    sample = await begin_run(storage, id, "sample")
    undo = await begin_run(storage, id, "undo", parent=sample.id)
    await end_run(storage, id, undo.id, "done", undone={sample.id: True})
    second = await begin_run(storage, id, "sample", parent=sample.id)
    await end_run(storage, id, second.id, "done")

    migration = await load(storage, id)
    assert (migration.active_run, migration.generation) == (sample.id, 1)
    assert {migration.epoch, sample.epoch, undo.epoch, second.epoch} == {sample.epoch}
    assert [sample.number, undo.number, second.number] == [1, 2, 3]
    assert [sample.generation, undo.generation, second.generation] == [0, 1, 1]

    await end_run(storage, id, sample.id, "done")
    migration = await load(storage, id)
    assert (migration.state, migration.sample_run, migration.sample_hash) == ("sampled", sample.id, "h1")
    with pytest.raises(GateClosed, match="run_ended"):
        await begin_run(storage, id, "undo", parent=sample.id)
    with pytest.raises(ValueError, match="needs its parent"):
        await begin_run(storage, id, "undo")


async def test_a_part_that_two_workers_begin_at_once_is_one(storage: Storage) -> None:
    """Else the second would stand where the undo is looked for, and the rows made later would have the old ids."""
    id = await at_prepared(storage)
    sample = await begin_run(storage, id, "sample")
    kinds: tuple[Kind, ...] = ("sample", "undo", "sample")
    for number, kind in enumerate(kinds, 2):
        begun = [begin_run(storage, id, kind, parent=sample.id, number=number) for _ in range(4)]
        assert len({run.id for run in await asyncio.gather(*begun)}) == 1
    late = await begin_run(storage, id, "sample", parent=sample.id, number=2)
    parts = [run for run in await list_runs(storage, id) if run.parent]
    assert [(run.id, run.generation) for run in parts] == [("sample-0002", 0), ("undo-0003", 1), ("sample-0004", 1)]
    assert late == parts[0]


async def test_a_new_sample_takes_the_signature_back(storage: Storage) -> None:
    """From its beginning on, even if it fails."""
    id = await at_prepared(storage)
    sample = await begin_run(storage, id, "sample")
    await end_run(storage, id, sample.id, "done")
    await change(storage, id, lambda m: transitions.sign(m, "ana", "approver", "h1", sample.id))

    await begin_run(storage, id, "sample")

    migration = await load(storage, id)
    assert (migration.state, migration.signed_hash) == ("prepared", None)


async def test_a_write_after_the_verification_takes_it_back(storage: Storage) -> None:
    """A delta that found nothing leaves it verified; one that wrote, or failed and may have written, does not."""
    id = await at_migrated(storage)

    cases: list[tuple[migrations.RunState, bool, str]] = [
        ("done", False, "verified"),
        ("done", True, "migrated"),
        ("failed", False, "migrated"),
    ]
    for ended, changed, state in cases:
        verify = await begin_run(storage, id, "verify")
        await end_run(storage, id, verify.id, "done", clean=True)
        assert (await load(storage, id)).reconciliation == "clean"
        delta = await begin_run(storage, id, "delta")
        await end_run(storage, id, delta.id, ended, changed=changed)
        migration = await load(storage, id)
        assert (migration.state, migration.reconciliation) == (state, "clean" if state == "verified" else None)


async def test_a_paused_run_is_taken_up_by_a_new_one(storage: Storage) -> None:
    """The state stays signed off until it is done; a plan may come in between."""
    id = await at_signed(storage)
    run = await begin_run(storage, id, "migrate")

    assert (await end_run(storage, id, run.id, "paused", message="5 % excepted")).message == "5 % excepted"
    onward: tuple[tuple[Kind, State], ...] = (("plan", "signed_off"), ("migrate", "migrated"))
    for kind, state in onward:
        other = await begin_run(storage, id, kind)
        await end_run(storage, id, other.id, "done")
        assert (await load(storage, id)).state == state


@pytest.mark.parametrize("ended", ["paused", "failed"])
async def test_a_retry_finishes_what_a_full_run_did_not(storage: Storage, ended: RunState) -> None:
    """Every record is loaded then, so it can be verified; taken back alone, it leaves the half that came before."""
    id = await at_signed(storage)
    run = await begin_run(storage, id, "migrate")
    await end_run(storage, id, run.id, ended)
    retry = await begin_run(storage, id, "retry")

    await end_run(storage, id, retry.id, "done")

    assert (await load(storage, id)).state == "migrated"
    verify = await begin_run(storage, id, "verify")
    await end_run(storage, id, verify.id, "done", clean=True)
    rollback = await begin_run(storage, id, "rollback")
    await end_run(storage, id, rollback.id, "done", undone={run.id: False, retry.id: True})
    assert (await load(storage, id)).state == "confirmed"


async def test_a_retry_of_chosen_causes_finishes_nothing(storage: Storage) -> None:
    """What no run has come to is still not migrated, however many causes were mended one by one."""
    id = await at_signed(storage)
    run = await begin_run(storage, id, "migrate")
    await end_run(storage, id, run.id, "paused")
    retry = await begin_run(storage, id, "retry", options={"causes": ["patient/record/no_owner"]})
    await end_run(storage, id, retry.id, "done")
    assert (await load(storage, id)).state == "signed_off"
    later = await begin_run(storage, id, "retry")
    await end_run(storage, id, later.id, "done")
    assert (await load(storage, id)).state == "migrated"
    rollback = await begin_run(storage, id, "rollback")
    await end_run(storage, id, rollback.id, "done", undone={run.id: False, retry.id: False, later.id: True})
    assert (await load(storage, id)).state == "confirmed"


async def test_progress_is_changed_by_compare_and_swap(storage: Storage) -> None:
    """Activities of one wave add to the same run."""
    id = (await create(storage, new_system())).id
    run = await begin_run(storage, id, "scope")

    def add(stored: migrations.Run) -> None:
        patient = stored.counts.setdefault("patient", {"done": 0})
        patient["done"] += 1

    await asyncio.gather(*(change_run(storage, id, run.id, add) for _ in range(8)))

    assert (await load_run(storage, id, run.id)).counts == {"patient": {"done": 8}}
