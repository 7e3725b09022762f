"""What changed in a source since the one before it, in lines for people."""

from mapping.drift import Drift, Inventory, changed_fields, compare
from mapping.model import ClinicMap, CustomColumn, FieldMap, ObjectMap, Route

STATUS = FieldMap(source="status", column="Status", transform="choice", values={"kept": "Completed"})
ROOM = FieldMap(source="kind", column="AppointmentType", transform="choice")
PETS = FieldMap(source="properties.Pets", column="Pets")


def a_map(length: int = 100, kinds: tuple[str, ...] = ("Checkup",), *more: FieldMap) -> ClinicMap:
    return ClinicMap(
        system="clinic",
        profile="p",
        objects={
            "patient": ObjectMap(
                routes=[Route(table="contact", fields=[FieldMap(source="nick", column="nickname"), PETS, *more])]
            ),
            "appointment": ObjectMap(routes=[Route(table="ClinicAppointment", fields=[STATUS, ROOM])]),
        },
        custom_columns=[CustomColumn(table="contact", name="Pets", type="text", max_length=length)],
        options={"ClinicAppointment.AppointmentType": list(kinds)},
    )


def drift(before: Inventory, now: Inventory, old: ClinicMap | None = None, new: ClinicMap | None = None) -> list[Drift]:
    return compare(before, now, old or a_map(), new or old or a_map())


def test_columns_and_datasets_that_came_and_went() -> None:
    before = Inventory(columns={"patients": ["id", "fax"], "recalls": ["id"]})
    now = Inventory(
        columns={"patients": ["ID", "pager", "hobby", "suffix"], "orders": ["id", "test"]},
        unread={"patients": ["pager", "hobby"]},
        properties={"hobby": "text"},
    )
    assert {(one.what, one.where): one.follows for one in drift(before, now)} == {
        ("new dataset", "orders"): "see the datasets",
        ("dataset gone", "recalls"): "its records are gone from the source",
        ("new column", "patients.pager"): "the profile does not read it",
        ("new column", "patients.hobby"): "a custom property of patients",
        ("new column", "patients.suffix"): "the profile reads it",
        ("column gone", "patients.fax"): "what it filled is empty",
        ("new custom property", "hobby"): "a column of its own, once the map is confirmed",
    }


def test_choice_values_say_whether_the_map_has_an_answer() -> None:
    before = Inventory(values={"appointment.status": ["Kept"], "appointment.kind": ["Checkup"]})
    now = Inventory(values={"appointment.status": ["kept ", "lost"], "appointment.kind": ["Checkup", "Yoga"]})
    found = {one.where: one for one in drift(before, now, a_map(), a_map(kinds=("Checkup", "Yoga")))}
    assert (found["appointment.status"].now, found["appointment.kind"].now) == ("lost", "Yoga")
    assert "no answer" in found["appointment.status"].follows
    assert found["appointment.kind"].follows == "options are added to the column"
    assert drift(before, before) == []


def test_only_texts_longer_than_their_column_are_told() -> None:
    before = Inventory(lengths={"patient.properties.Pets": 40, "patient.nick": 40})
    now = Inventory(lengths={"patient.properties.Pets": 120, "patient.nick": 150})
    told = drift(before, now, a_map(100), a_map(200))
    assert [(one.where, one.follows) for one in told] == [
        ("patient.nick", "longer than the 100 characters of the column: refused"),
        ("patient.properties.Pets", "the column grows from 100 to 200"),
    ]
    assert drift(before, Inventory(lengths={"patient.properties.Pets": 99})) == []


def test_mapped_fields_that_changed_are_named() -> None:
    new = FieldMap(source="suffix", column="suffix")
    changed = a_map(100, ("Checkup",), new)
    changed.custom_columns[0].type = "memo"
    found = {one.where: one.follows for one in changed_fields(a_map(), changed)}
    assert found == {"patient.suffix": "new in the map", "patient.properties.Pets": "goes another way"}
    assert changed_fields(a_map(), a_map(500, ("Checkup", "Yoga"))) == []


def test_values_of_fields_that_the_map_does_not_use_are_not_remembered() -> None:
    kept = Inventory(values={"appointment.status": ["kept"], "patient.race": ["x"]}).kept(a_map())
    assert list(kept.values) == ["appointment.status"]
