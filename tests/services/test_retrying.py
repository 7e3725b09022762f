"""What a retry may be restricted to: causes that the list which holds now has, of objects that are written by themselves."""

from typing import Any

import pytest

from activities.errors import StepError
from activities.standing import last_load
from ledger import exceptions, migrations
from ledger.exceptions import ExceptionRow
from ledger.migrations import RunState
from ledger.storage import Storage
from services import retrying
from tests.support.systems import new_system

LISTED = (
    ExceptionRow("patient", "1", None, "0x1", "Refused."),
    ExceptionRow("patient", "2", None, "0x1", "Refused."),
    ExceptionRow("patient", "3", "email", "bad_email", "No address."),
    ExceptionRow("location", "4", None, "0x1", "Refused."),
    ExceptionRow("encounter_note", "5", None, "0x1", "Refused."),
    ExceptionRow("staff", "6", None, "no_user", "No user."),
    ExceptionRow("custom_property", "1.Hobbies", None, "missing_parent", "No patient."),
)
PATIENTS = ["patient/field/bad_email", "patient/record/0x1"]


@pytest.fixture
async def migration(store: Storage) -> str:
    """A migration that may be retried."""
    made = await migrations.create(store, new_system())

    def ready(changed: migrations.Migration) -> None:
        changed.state, changed.written = "migrated", True
        changed.map_hash = changed.confirmed_hash = changed.signed_hash = changed.prepared_hash = "h"
        changed.sample_run = changed.signed_sample = "sample-0001"

    await migrations.change(store, made.id, ready)
    return made.id


async def ended(
    store: Storage, id: str, state: RunState = "done", kind: migrations.Kind = "migrate", **options: Any
) -> str:
    """A run that has listed everything there is, and ended."""
    run = await migrations.begin_run(store, id, kind, options=options)
    for number, row in enumerate(LISTED):
        await exceptions.write_part(store, id, run.id, row.object, f"plan-{number}", [row])
    await migrations.end_run(store, id, run.id, state)
    return run.id


@pytest.mark.parametrize(
    ("objects", "causes", "expected"),
    [
        (["patient"], [], PATIENTS),
        ([], ["patient/record/0x1", "location/record/0x1"], ["location/record/0x1", "patient/record/0x1"]),
        (["patient", "location"], ["patient/record/0x1"], ["patient/record/0x1"]),
        (["encounter_note"], [], ["encounter_note/row/0x1"]),
    ],
)
async def test_objects_and_causes_each_narrow_the_choice(
    store: Storage, migration: str, objects: list[str], causes: list[str], expected: list[str]
) -> None:
    run = await ended(store, migration)
    chosen = await retrying.chosen(store, migration, objects, causes)
    assert chosen == {"causes": expected, "listed_by": run, "pause_percent": 100.0}


@pytest.mark.parametrize(
    ("objects", "causes", "code", "words"),
    [
        (["patients"], [], "bad_request", "custom_property"),
        ([], ["patient/record/0x2"], "bad_request", "location/record/0x1"),
        (["referral"], [], "nothing_to_retry", "exceptions"),
        (["location"], ["patient/record/0x1"], "nothing_to_retry", "exceptions"),
        (["staff"], [], "bad_request", "prepare"),
        ([], ["staff/record/no_user"], "bad_request", "prepare"),
        ([], ["custom_property/record/missing_parent"], "bad_request", "patients"),
        (["claim"], [], "bad_request", "delta"),
    ],
)
async def test_what_cannot_be_chosen_is_refused_with_what_can(
    store: Storage, migration: str, objects: list[str], causes: list[str], code: str, words: str
) -> None:
    await ended(store, migration)
    with pytest.raises(StepError) as refused:
        await retrying.chosen(store, migration, objects, causes)
    assert refused.value.value["code"] == code
    assert words in refused.value.value["next"]


@pytest.mark.parametrize(("state", "whole"), [("done", True), ("paused", True), ("failed", False), ("stopped", False)])
async def test_a_list_that_is_not_whole_is_not_chosen_from(
    store: Storage, migration: str, state: RunState, whole: bool
) -> None:
    run = await ended(store, migration, state)
    if whole:
        assert (await retrying.chosen(store, migration, ["patient"], []))["listed_by"] == run
        return
    with pytest.raises(StepError) as refused:
        await retrying.chosen(store, migration, ["patient"], [])
    assert refused.value.value["code"] == "no_list"
    assert run in refused.value.value["message"]


async def test_nothing_was_migrated_yet(store: Storage, migration: str) -> None:
    with pytest.raises(StepError) as refused:
        await retrying.chosen(store, migration, ["patient"], [])
    assert refused.value.value["code"] == "no_list"


async def test_a_retry_of_chosen_causes_that_was_stopped_leaves_the_list_it_began_from(
    store: Storage, migration: str
) -> None:
    first = await ended(store, migration)
    await ended(store, migration, "stopped", "retry", causes=PATIENTS, listed_by=first)
    assert (await retrying.chosen(store, migration, ["patient"], []))["listed_by"] == first
    second = await ended(store, migration, "done", "retry", causes=PATIENTS, listed_by=first)
    assert (await retrying.choice(store, migration))["run"] == second


async def test_the_list_of_a_run_that_was_taken_back_gives_way_to_the_one_before(
    store: Storage, migration: str
) -> None:
    first, second = await ended(store, migration), await ended(store, migration, kind="delta")
    rollback = await migrations.begin_run(store, migration, "rollback", options={"runs": "last"})
    await migrations.end_run(store, migration, rollback.id, "done", undone={second: True, first: False})
    held = last_load(await migrations.list_runs(store, migration))
    assert held is not None and held.id == first


async def test_causes_are_told_with_their_count_an_example_and_what_to_do(store: Storage, migration: str) -> None:
    assert (await retrying.choice(store, migration))["causes"] == []
    run = await ended(store, migration)
    told = await retrying.choice(store, migration)
    assert told["run"] == run
    first = told["causes"][0]
    assert (first["cause"], first["count"], first["example"]) == ("patient/record/0x1", 2, "1")
    kinds = [one["of"] for one in told["causes"]]
    assert kinds == ["record"] * 4 + [kind for kind in kinds if kind != "record"]
    assert {one["object"] for one in told["causes"] if not one["retry"]} == {"staff", "custom_property"}
    assert next(one["fix"] for one in told["causes"] if one["code"] == "no_user")
