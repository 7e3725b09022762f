"""A decision about a field that is undone leaves the field as it was proposed."""

from collections.abc import Callable
from typing import Any

import pytest

from activities import jobs
from ledger import migrations
from ledger.migrations import Migration
from ledger.states import now
from ledger.storage import Storage
from mapping.model import FieldMap
from services import fields, maps
from services.fields import FieldEdit
from services.maps import store_map
from tests.support.maps import field_of, map_of


async def edit(store: Storage, id: str, action: Any, **more: Any) -> FieldMap:
    """The first name after Ada did that to it."""
    await fields.edit(store, id, "Ada", [FieldEdit(field="patient.0.1", source="first", action=action, **more)])
    return await field_of(store, id, "patient", "first")


@pytest.mark.parametrize(
    ("action", "more"),
    [
        ("confirm", {}),
        ("ignore", {"reason": "nobody asked"}),
        ("change", {"column": "nickname"}),
        ("review", {"review": "leave_out"}),
    ],
)
async def test_the_field_is_as_it_was_proposed(store: Storage, mapped: Migration, action: str, more: Any) -> None:
    proposed = await field_of(store, mapped.id, "patient", "first")
    assert await edit(store, mapped.id, action, **more) != proposed
    assert await edit(store, mapped.id, "reopen") == proposed


async def test_the_first_of_several_decisions_is_undone_with_the_others(store: Storage, mapped: Migration) -> None:
    proposed = await field_of(store, mapped.id, "patient", "first")
    for _ in range(2):
        await edit(store, mapped.id, "change", column="nickname")
        await edit(store, mapped.id, "comment", comment="as on the form")
        await edit(store, mapped.id, "ignore", reason="nobody asked")
        undone = await edit(store, mapped.id, "reopen")
        assert undone == proposed.model_copy(update={"comment": "as on the form"})


async def propose_anew(store: Storage, id: str, change: Callable[[list[FieldMap]], list[FieldMap]]) -> None:
    """The source was read again, and the fields of patients were proposed otherwise."""
    migration = await migrations.load(store, id)
    proposed = await jobs.map_version(store, id, migration.map_version)
    route = proposed.objects["patient"].routes[0]
    route.fields = change(route.fields)
    await store_map(store, id, proposed, by="scope-0002", cause="proposed by scope-0002", was=proposed)


def less_sure(found: list[FieldMap]) -> list[FieldMap]:
    return [one.model_copy(update={"confidence": 0.5, "reason": "by its values"}) for one in found]


@pytest.mark.parametrize("before", [("comment",), ("ignore", "reopen")])
async def test_undone_is_what_was_decided_about_the_last_proposal(
    store: Storage, mapped: Migration, before: tuple[str, ...]
) -> None:
    for action in before:
        await edit(store, mapped.id, action, comment="as on the form", reason="nobody asked")
    await propose_anew(store, mapped.id, less_sure)
    proposed = await field_of(store, mapped.id, "patient", "first")
    await edit(store, mapped.id, "confirm")
    assert await edit(store, mapped.id, "reopen") == proposed


async def test_what_was_decided_about_another_field_in_its_place_counts_for_nothing(
    store: Storage, mapped: Migration
) -> None:
    await edit(store, mapped.id, "confirm")
    await propose_anew(store, mapped.id, lambda found: [found[0], found[2], found[1], *found[3:]])
    proposed = await field_of(store, mapped.id, "patient", "last")
    for action in ("confirm", "reopen"):
        one = FieldEdit(field="patient.0.1", source=proposed.source, action=action)
        await fields.edit(store, mapped.id, "Ada", [one])
    assert await field_of(store, mapped.id, "patient", "last") == proposed


async def test_a_decision_that_came_with_the_map_is_undone_too(store: Storage, mapped: Migration) -> None:
    proposed = await field_of(store, mapped.id, "patient", "first")
    decided = {"status": "confirmed", "review": "leave_out", "by": "Ben", "at": now()}
    await propose_anew(
        store,
        mapped.id,
        lambda found: [one.model_copy(update=decided if one.source == "first" else {}) for one in found],
    )
    assert await edit(store, mapped.id, "reopen") == proposed


async def test_what_was_proposed_to_be_left_out_is_left_out_again(store: Storage, mapped: Migration) -> None:
    await propose_anew(
        store,
        mapped.id,
        lambda found: [one.model_copy(update={"status": "ignored"}) if one.source == "first" else one for one in found],
    )
    proposed = await field_of(store, mapped.id, "patient", "first")
    await edit(store, mapped.id, "confirm")
    assert await edit(store, mapped.id, "reopen") == proposed


async def test_a_field_that_came_with_a_whole_map_is_as_it_came(store: Storage, mapped: Migration) -> None:
    changed = await map_of(store, mapped.id)
    pet = FieldMap(source="pet", status="ignored", reason="No column.", unplaced=True)
    some = changed.objects["patient"].routes[0].fields
    some.append(pet)
    await maps.put(store, mapped.id, changed, by="Ada", on=None)
    for action in ("accept", "reopen"):
        edit = FieldEdit.model_validate({"field": f"patient.0.{len(some) - 1}", "source": "pet", "action": action})
        await fields.edit(store, mapped.id, "Ada", [edit])
    assert await field_of(store, mapped.id, "patient", "pet") == pet
