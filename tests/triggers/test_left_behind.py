"""Over HTTP: what would be left behind is listed and accepted, and values that no option answers are listed by role."""

import pytest

from ledger.storage import Storage
from mapping.model import FieldMap
from services import identity, overview
from services.overview import NewMigration
from settings import Settings
from tests.mapping.samples import a_map
from tests.support.maps import with_map, with_values
from tests.support.people import principal
from tests.support.systems import new_system
from tests.triggers.asking import ask
from triggers import api


@pytest.fixture
async def mapped(store: Storage, monkeypatch: pytest.MonkeyPatch) -> str:
    """A migration whose map would leave a field behind, and has a value without an option; people sign in."""
    made = Settings(CARRYOVER_APP_SERVICE_AUTH=True)
    for module in (api, identity):
        monkeypatch.setattr(module, "settings", lambda: made)
    one = await overview.create(store, NewMigration(system=new_system()))
    clinic_map = a_map()
    pet = FieldMap(source="pet", status="ignored", reason="No column.", unplaced=True)
    clinic_map.objects["patient"].routes[0].fields.append(pet)
    stored = await with_map(store, one, clinic_map)
    await with_values(store, stored, {"practitioner": {"role": {"Shaman": 2}}})
    return one.id


async def test_what_would_be_left_behind_is_accepted_as_it_is_listed(mapped: str) -> None:
    who = principal("approver")
    _, shown = await ask("get_map", headers=who, id=mapped)
    [left] = shown["left_behind"]
    decision = {"by": "Ada", "hash": shown["hash"], "controlled": "include"}
    status, refused = await ask("confirm_map", decision, headers=who, id=mapped)
    assert (status, refused["error"]["code"]) == (409, "fields_undecided")
    assert "1 source field would be left behind" in refused["error"]["message"]
    edits = [left | {"action": "accept"}]
    status, made = await ask("edit_fields", {"by": "Ada", "edits": edits}, headers=who, id=mapped)
    assert (status, made["hash"]) == (200, shown["hash"])
    assert (await ask("confirm_map", decision, headers=who, id=mapped))[0] == 200


@pytest.mark.parametrize(("role", "value"), [("viewer", "xxxxxx"), ("operator", "Shaman"), ("approver", "Shaman")])
async def test_values_are_listed_and_masked_for_a_viewer(mapped: str, role: str, value: str) -> None:
    status, shown = await ask("list_values", headers=principal(role), id=mapped)
    assert status == 200
    [one] = shown["values"]
    assert (one["value"], one["records"], one["default"]) == (value, 2, "Other")
    _, whole = await ask("get_map", headers=principal(role), id=mapped)
    assert whole["values"]["said"] == "Taken by a default: 1 value in 2 records."
