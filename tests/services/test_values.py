"""The values of choices that no option answers, counted in the latest reading of the source."""

from ledger import migrations
from ledger.migrations import Migration
from ledger.storage import Storage
from mapping.catalog import build_schema
from services import values
from services.values import Found
from tests.support.maps import map_of, with_values

COUNTS = {"patient": {"sex": {"M": 5, "m ": 1, "Q": 3, "Z": 4}}, "practitioner": {"role": {"MD": 2, "Shaman": 1}}}


async def found(store: Storage, id: str) -> Found:
    clinic_map = await map_of(store, id)
    return await values.unanswered(store, await migrations.load(store, id), clinic_map, build_schema(clinic_map))


async def test_each_is_listed_with_its_records_and_where_it_lands(store: Storage, mapped: Migration) -> None:
    await with_values(store, mapped, COUNTS)
    assert [(one.object, one.column.plain, one.value, one.records, one.lands) for one in (await found(store, mapped.id)).values] == [
        ("practitioner", "PractitionerRole", "Shaman", 1, "Other"),
        ("patient", "gendercode", "Z", 4, None),
        ("patient", "gendercode", "Q", 3, None),
        ("patient", "Gender", "Z", 4, None),
        ("patient", "Gender", "Q", 3, None),
    ]  # fmt: skip


async def test_what_they_mean_is_said_in_counts(store: Storage, mapped: Migration) -> None:
    assert values.summed(await found(store, mapped.id))["said"] == ""
    await with_values(store, mapped, COUNTS)
    totals = values.summed(await found(store, mapped.id))
    assert (totals["refused"], totals["refused_records"]) == (4, 14)
    assert (totals["default"], totals["default_records"]) == (1, 1)
    assert totals["said"] == (
        "Without an option, to be listed as exceptions: 4 values in 14 records. Taken by a default: 1 value in 1 record."
    )


async def test_a_value_that_a_later_reading_brings_is_there(store: Storage, mapped: Migration) -> None:
    await with_values(store, mapped, COUNTS)
    assert "Later" not in {one.value for one in (await found(store, mapped.id)).values}

    def read_again(one: Migration) -> None:
        one.snapshot += 1

    later = await migrations.change(store, mapped.id, read_again)
    assert (await found(store, mapped.id)).values == []
    await with_values(store, later, {"patient": {"sex": {"Later": 1}}})
    assert {one.value for one in (await found(store, mapped.id)).values} == {"Later"}


async def test_a_field_of_too_many_values_is_said_to_be_uncounted(store: Storage, mapped: Migration) -> None:
    await with_values(store, mapped, {"patient": {"sex": None}})
    totals = values.summed(await found(store, mapped.id))
    assert totals["uncounted"] == ["patient.sex"]
    assert totals["said"].startswith("Of more than 200 different values, not looked at: patient.sex")
