"""The source values of value maps are health information: who may not see values gets their shape, everywhere alike."""

from typing import Any, Final

import pytest

from ledger import migrations
from ledger.storage import Storage
from mapping.hash import map_hash
from mapping.model import ClinicMap
from services import identity, overview
from services.overview import NewMigration
from settings import Settings
from tests.mapping.samples import a_map
from tests.support.maps import map_of, with_map
from tests.support.people import principal
from tests.support.systems import new_system
from tests.triggers.asking import ask
from triggers import api

ROLES: Final = {"viewer": False, "operator": True, "approver": True}


def the_map(label: str = "Physician") -> ClinicMap:
    """The sample map, with value maps of what is health information: two values alike in shape, and one that is not."""
    made = a_map()
    for one in made.objects["patient"].routes[0].fields:
        if one.source == "sex":
            one.phi = "clinical"
        if one.source == "status":
            one.values = {"Gone 2019": "inactive", "Left 2020": "inactive", "A": "active"}
            one.phi = "clinical"
            one.values |= {"Moved": "active"} if label != "Physician" else {}
    role = next(one for one in made.objects["practitioner"].routes[0].fields if one.source == "role")
    role.values = {"MD": label}
    return made


@pytest.fixture
async def mapped(store: Storage, monkeypatch: pytest.MonkeyPatch) -> str:
    """A migration with that map in two versions; people sign in."""
    made = Settings(CARRYOVER_APP_SERVICE_AUTH=True)
    for module in (api, identity):
        monkeypatch.setattr(module, "settings", lambda: made)
    one = await overview.create(store, NewMigration(system=new_system()))
    await with_map(store, one, the_map())
    await with_map(store, one, the_map("Nurse"))
    return one.id


def values_of(plain: dict[str, Any], name: str, source: str) -> list[dict[str, Any]]:
    fields = plain["objects"][name]["routes"][0]["fields"]
    return [one["values"] for one in fields if one["source"] == source]


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_the_map_and_its_versions_are_shown_by_role(store: Storage, mapped: str, role: str) -> None:
    stored = (await map_of(store, mapped)).model_dump(mode="json")
    _, shown = await ask("get_map", headers=principal(role), id=mapped)
    _, version = await ask("get_version", headers=principal(role), id=mapped, version="2")
    assert shown["hash"] == version["hash"] == (await migrations.load(store, mapped)).map_hash
    for plain in (shown["map"], version["map"]):
        if ROLES[role]:
            assert plain == stored
            continue
        assert plain["masked"] == ["patient.sex", "patient.status"]
        assert values_of(plain, "patient", "status") == [
            {"xxxx 0000": "inactive", "xxxx 0000 #2": "inactive", "x": "active", "xxxxx": "active"}
        ]
        assert values_of(plain, "patient", "sex")[0] == {"x": "Male", "x #2": "Female", "x #3": None}
        assert values_of(plain, "practitioner", "role") == [{"MD": "Nurse"}]  # of nobody's health
    assert (await map_of(store, mapped)).model_dump(mode="json") == stored
    assert map_hash(ClinicMap.model_validate(stored)) == shown["hash"]


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_what_differs_is_shown_by_role(mapped: str, role: str) -> None:
    _, shown = await ask("compare_versions", headers=principal(role), id=mapped, version="2")
    value = "Moved" if ROLES[role] else "xxxxx"
    assert [(one["field"], one["what"], one["after"]) for one in shown["differences"]] == [
        ("role", "values MD", "Nurse"),
        ("status", f"values {value}", "active"),
    ]


async def test_a_masked_map_is_taken_from_nobody(store: Storage, mapped: str) -> None:
    _, shown = await ask("get_map", headers=principal("viewer"), id=mapped)
    body = {"by": "Ann", "map": shown["map"]}
    status, refused = await ask("put_map", body, headers=principal("viewer"), id=mapped)
    assert (status, refused["error"]["code"]) == (403, "not_allowed")
    status, refused = await ask("put_map", body, headers=principal("operator"), id=mapped)
    assert (status, refused["error"]["code"]) == (409, "masked_map")
    assert (await migrations.load(store, mapped)).map_version == 2
