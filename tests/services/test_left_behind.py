"""What a program found no column for is not left behind before a person has accepted that."""

import pytest

from activities.errors import StepError
from ledger.migrations import Migration
from ledger.storage import Storage
from mapping.hash import map_hash
from mapping.model import FieldMap
from services import decisions, fields, history, overview
from services.fields import FieldEdit
from services.overview import NewMigration
from tests.mapping.samples import a_map
from tests.support.maps import field_of, map_of, with_map
from tests.support.systems import new_system

PET = FieldMap(source="pet", status="ignored", reason="The target has no column for it.", unplaced=True)
KIN = FieldMap(source="kin", status="ignored", reason="It belongs to another record.", unplaced=True)


@pytest.fixture
async def proposed(store: Storage) -> Migration:
    """The sample map with a field of two objects that the proposal leaves behind."""
    made = a_map()
    made.objects["patient"].routes[0].fields.append(PET)
    made.objects["location"].routes[0].fields.append(KIN)
    return await with_map(store, await overview.create(store, NewMigration(system=new_system())), made)


async def confirm(store: Storage, one: Migration) -> Migration:
    return await decisions.confirm(store, one.id, "Ben", one.map_hash or "", "include")


async def accept(store: Storage, id: str, name: str | None = None, **more: str) -> Migration:
    edits = [one.model_copy(update=more) for one in fields.left_behind(await map_of(store, id), name)]
    return (await fields.edit(store, id, "Ada", edits)).migration


async def test_the_map_is_not_confirmed_while_one_is_undecided(store: Storage, proposed: Migration) -> None:
    for left in ("2 source fields would be left behind", "1 source field would be left behind"):
        with pytest.raises(StepError) as refused:
            await confirm(store, proposed)
        assert refused.value.value["code"] == "fields_undecided"
        assert refused.value.value["message"].startswith(left)
        await accept(store, proposed.id, "location")
    assert refused.value.value["message"].endswith(": patient 1.")
    stored = await accept(store, proposed.id)
    assert (await confirm(store, stored)).confirmed_by == "Ben"


async def test_accepting_is_a_decision_by_name_that_changes_nothing_that_is_written(
    store: Storage, proposed: Migration
) -> None:
    before = await map_of(store, proposed.id)
    await accept(store, proposed.id, "patient")
    await accept(store, proposed.id, "location", reason="On paper, too")
    pet, kin = (
        await field_of(store, proposed.id, "patient", "pet"),
        await field_of(store, proposed.id, "location", "kin"),
    )
    assert (pet.by, pet.reason, kin.reason) == ("Ada", PET.reason, "On paper, too")
    assert map_hash(await map_of(store, proposed.id)) == map_hash(before)
    assert [(one.by, one.source, one.action) for one in await history.changes(store, proposed.id)] == [
        ("Ada", "kin", "accept"), ("Ada", "pet", "accept"),
    ]  # fmt: skip


async def test_undone_it_is_undecided_again(store: Storage, proposed: Migration) -> None:
    [edit] = fields.left_behind(await map_of(store, proposed.id), "patient")
    await fields.edit(store, proposed.id, "Ada", [edit])
    await fields.edit(store, proposed.id, "Ada", [edit.model_copy(update={"action": "reopen"})])
    assert await field_of(store, proposed.id, "patient", "pet") == PET


async def test_what_is_not_left_behind_is_not_accepted(store: Storage, proposed: Migration) -> None:
    for place, source in (("patient.0.1", "first"), ("patient.0.10", "properties.Chart color")):
        with pytest.raises(StepError) as refused:
            await fields.edit(store, proposed.id, "Ada", [FieldEdit(field=place, source=source, action="accept")])
        assert refused.value.value["code"] == "map_changed"
