"""Every version of the map says who made it, when, and by what."""

import pytest

from activities.errors import StepError
from ledger import map_versions
from ledger.migrations import Migration
from ledger.states import now
from ledger.storage import Storage
from mapping.hash import map_hash
from services import fields, history, maps, options, phi, versions
from services.fields import FieldEdit
from tests.mapping.samples import a_map
from tests.support.maps import map_of

FIRST = FieldEdit(field="patient.0.1", source="first", action="confirm")


async def test_every_way_to_change_the_map_says_who_and_what(store: Storage, mapped: Migration) -> None:
    began = now()
    await fields.edit(store, mapped.id, "Ada", [FIRST])
    await options.answer(store, mapped.id, "Zoë / Ben", {"location": "ClinicLocation"})
    await phi.decide(store, mapped.id, "Cy", {"name": "redact"})
    last = await maps.put(store, mapped.id, a_map(), by="Di", on=4)
    found = await versions.versions(store, mapped.id)
    assert [(one.version, one.by, one.cause) for one in found] == [
        (5, "Di", "put as a whole"),
        (4, "Cy", "health information: name redact"),
        (3, "Zoë / Ben", "option location=ClinicLocation"),
        (2, "Ada", "confirm patient.first"),
        (1, "Ada", "proposed"),
    ]
    assert found[0].hash == last.map_hash == map_hash(a_map())
    assert began <= found[-2].at <= found[0].at <= now()


async def test_a_map_that_was_put_is_in_the_history_field_by_field(store: Storage, mapped: Migration) -> None:
    changed = a_map(controlled=None)
    changed.objects["patient"].routes[0].fields[1].column = "nickname"
    await maps.put(store, mapped.id, changed, by="Di", on=None)
    [line] = await history.changes(store, mapped.id)
    assert (line.by, line.source, line.version) == ("Di", "first", 2)
    assert (line.before, line.after) == ("firstname by text (proposed)", "nickname by text (proposed)")


async def test_a_map_made_from_an_older_version_writes_nothing_over(store: Storage, mapped: Migration) -> None:
    await fields.edit(store, mapped.id, "Ada", [FIRST])
    with pytest.raises(StepError) as refused:
        await maps.put(store, mapped.id, a_map(), by="Di", on=1)
    assert refused.value.value["code"] == "map_changed"
    assert (await map_of(store, mapped.id)).objects["patient"].routes[0].fields[1].status == "confirmed"


async def test_versions_are_compared(store: Storage, mapped: Migration) -> None:
    await fields.edit(store, mapped.id, "Ada", [FIRST])
    await maps.put(store, mapped.id, a_map(), by="Di", on=None)
    assert await versions.differences(store, mapped.id, 1, values=True) == (0, [])
    base, found = await versions.differences(store, mapped.id, 2, values=True)
    assert (base, [(one.field, one.what) for one in found]) == (1, [("first", "status")])
    _, found = await versions.differences(store, mapped.id, 3, 1, values=True)
    assert [(one.what, one.before, one.after) for one in found] == [("controlled", "", "include")]
    with pytest.raises(StepError):
        await versions.differences(store, mapped.id, 4, values=True)


async def test_a_version_that_nobody_took_is_not_listed(store: Storage, mapped: Migration) -> None:
    """A writer died between the blob and the number; the next one's author stands in its place."""
    await map_versions.keep(store, mapped.id, 2, a_map(), by="Ghost", cause="died")
    assert [one.by for one in await versions.versions(store, mapped.id)] == ["Ada"]
    await maps.put(store, mapped.id, a_map(), by="Di", on=None)
    assert [one.by for one in await versions.versions(store, mapped.id)] == ["Di", "Ada"]
