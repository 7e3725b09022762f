"""Whoever shaped the map does not decide about it, where two people are asked for."""

from collections.abc import Callable

import pytest

from activities import profiles
from activities.errors import StepError
from ledger import migrations
from ledger.migrations import Migration
from ledger.states import now
from ledger.storage import Storage
from services import decisions, fields, options, two_people
from services.fields import FieldEdit
from services.history import changes
from services.maps import store_map
from settings import Settings
from sources.generated.picks import Pick
from tests.support.maps import map_of

LEFT = FieldEdit(field="patient.0.1", source="first", action="ignore", reason="nobody asked")
CONFIRMED = FieldEdit(field="patient.0.2", source="last", action="confirm")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Switches the setting."""

    def switch(on: bool) -> None:
        made = Settings(CARRYOVER_TWO_PEOPLE=on)
        monkeypatch.setattr(two_people, "settings", lambda: made)

    return switch


async def confirm(store: Storage, id: str, who: str) -> Migration:
    """That person confirms the map as it is now."""
    stored = await migrations.load(store, id)
    return await decisions.confirm(
        store, id, who, stored.map_hash or "", "include", out_of_scope={"lab_orders": "kept there"}
    )


async def test_another_one_confirms_what_somebody_shaped(
    store: Storage, mapped: Migration, asked: Callable[[bool], None]
) -> None:
    asked(True)
    found = await map_of(store, mapped.id)
    out = found.model_copy(update={"out_of_scope": {"lab_orders": ""}})
    await store_map(store, mapped.id, out, by="scope-0001", cause="proposed", was=found)
    await fields.edit(store, mapped.id, "Ada", [LEFT])
    await options.answer(store, mapped.id, "Cyd", {"location": "ClinicLocation"})
    await fields.edit(store, mapped.id, "Ben", [CONFIRMED])  # a decision about a field, and no shaping
    for who in ("Ada", "Cyd"):
        with pytest.raises(StepError) as refused:
            await confirm(store, mapped.id, who)
        assert refused.value.value["code"] == "own_map"
    assert (await confirm(store, mapped.id, "Ben")).confirmed_by == "Ben"
    with pytest.raises(StepError) as refused:
        await decisions.sign_off(store, mapped.id, "Ada", "approver", "h", "sample-0001")
    assert refused.value.value["code"] == "own_map"
    assert await changes(store, mapped.id, "dataset.lab_orders")  # why it stays out is the confirmation's own part
    assert not await two_people.barred(store, mapped.id, "Ben")


async def test_whoever_picked_what_a_dataset_feeds_shaped_the_map(
    store: Storage, mapped: Migration, asked: Callable[[bool], None]
) -> None:
    asked(True)
    await profiles.keep_picks(store, mapped.id, {"tbl_q": Pick(object="patient", by="Dee", at=now())})
    assert [await two_people.barred(store, mapped.id, who) for who in ("Dee", "Ben")] == [True, False]


async def test_one_person_does_all_of_it_where_the_setting_is_off(
    store: Storage, mapped: Migration, asked: Callable[[bool], None]
) -> None:
    asked(False)
    await fields.edit(store, mapped.id, "Ada", [LEFT])
    assert (await confirm(store, mapped.id, "Ada")).confirmed_by == "Ada"
