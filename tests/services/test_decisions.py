"""Decisions of people about the map: taken, refused in words, and kept in its history."""

import pytest

from activities.errors import StepError
from ledger.migrations import Migration
from ledger.storage import Storage
from services import decisions, fields, history, phi
from services.fields import FieldEdit
from tests.support.maps import field_of, map_of


@pytest.mark.parametrize("unknown", ["patient.nosuch", "contacts"])
async def test_confirming_refuses_a_decision_about_nothing(store: Storage, mapped: Migration, unknown: str) -> None:
    before = await map_of(store, mapped.id)
    with pytest.raises(StepError) as refused:
        await decisions.confirm(store, mapped.id, "Ada", mapped.map_hash or "", "include", {unknown: "redact"})
    assert refused.value.value["code"] == "bad_request"
    assert unknown in refused.value.value["message"]
    assert await map_of(store, mapped.id) == before


async def test_a_class_that_no_record_lands_without_is_refused_in_words(store: Storage, mapped: Migration) -> None:
    with pytest.raises(StepError) as refused:
        await phi.decide(store, mapped.id, "Ada", {"patient.home": "redact"})
    assert "cannot be redacted: no record lands without it" in refused.value.value["message"]


async def test_what_was_decided_stands_in_the_history(store: Storage, mapped: Migration) -> None:
    await phi.decide(store, mapped.id, "Ada", {"name": "redact"})
    done = await decisions.confirm(
        store, mapped.id, "Ben", (await phi.decide(store, mapped.id, "Ada", {})).map_hash or "", "include",
        {"patient.first": "leave_out"},
    )  # fmt: skip
    assert (done.confirmed_by, done.confirmed_hash) == ("Ben", done.map_hash)
    lines = [(one.by, one.source, one.comment) for one in await history.changes(store, mapped.id)]
    assert lines == [("Ben", "first", "leave_out"), ("Ada", "last", "redact"), ("Ada", "first", "redact")]
    assert (await field_of(store, mapped.id, "patient", "first")).status == "ignored"


async def test_a_map_without_what_its_records_need_is_kept_but_not_confirmed(store: Storage, mapped: Migration) -> None:
    left = FieldEdit(field="patient.0.2", source="last", action="ignore", reason="nobody asked")
    stored = (await fields.edit(store, mapped.id, "Ada", [left])).migration
    with pytest.raises(StepError) as refused:
        await decisions.confirm(store, mapped.id, "Ben", stored.map_hash or "", "include")
    assert refused.value.value["code"] == "bad_map"
    assert "need “Last name”, and last, which fills it, is left out" in refused.value.value["message"]
    back = FieldEdit(field="patient.0.2", source="last", action="confirm")
    stored = (await fields.edit(store, mapped.id, "Ada", [back])).migration
    assert (await decisions.confirm(store, mapped.id, "Ben", stored.map_hash or "", "include")).state == "confirmed"
