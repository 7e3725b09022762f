"""Each choice the map offers gives a map that is whole, and rows in the other table."""

from typing import Any

import pytest

from mapping.alternatives import ALTERNATIVES, answer_of, choose, take_back
from mapping.catalog import build_schema
from mapping.compile import CompiledMap, compile_map
from mapping.derived import derive
from mapping.model import ClinicMap, FieldMap
from mapping.objects import DERIVED, ObjectName
from mapping.record import MappedRecord, Ref
from mapping.trim import used_fields
from mapping.validate import problems
from tests.mapping.samples import OWNERS, RECORDS, field
from tests.mapping.samples import a_map as sample_map

ANSWERS = [(one.name, answer) for one in ALTERNATIVES for answer in one.answers]


def a_map() -> ClinicMap:
    """The sample's map, with specializations."""
    clinic_map = sample_map()
    fields = clinic_map.objects["practitioner"].routes[0].fields
    fields.append(FieldMap.model_validate(field("specialty", "Specialization", "choice")))
    clinic_map.options["contact.Specialization"] = ["Cardiology", "Surgery"]
    return clinic_map


def _compiled(clinic_map: ClinicMap) -> CompiledMap:
    return compile_map(clinic_map, build_schema(clinic_map), OWNERS)


@pytest.mark.parametrize(("name", "answer"), ANSWERS)
def test_every_answer_gives_a_map_without_problems_that_maps_every_object(name: str, answer: str) -> None:
    clinic_map = choose(a_map(), name, answer)
    assert problems(clinic_map, build_schema(clinic_map)) == []
    compiled = _compiled(clinic_map)
    for object in compiled:
        if object in DERIVED:
            continue
        mapped = compiled[object](RECORDS[object])
        assert (mapped.status, mapped.issues) == ("mapped", []), object


def test_the_default_answers_change_nothing_and_none_changes_the_map_given() -> None:
    clinic_map = a_map()
    for one in ALTERNATIVES:
        assert choose(clinic_map, one.name, one.answers[0]) == a_map()
        choose(clinic_map, one.name, one.answers[1])
    assert clinic_map == a_map()


def test_there_is_no_such_choice() -> None:
    for name, answer in (("location", "Mars"), ("weather", "fine")):
        with pytest.raises(ValueError, match="no choice"):
            choose(a_map(), name, answer)


def test_locations_in_a_table_of_their_own() -> None:
    compiled = _compiled(choose(a_map(), "location", "ClinicLocation"))
    location = compiled["location"](RECORDS["location"])
    assert (location.table, location.payload["cms_name"]) == ("ClinicLocation", "North")
    assert location.refs == [Ref("cms_parentlocation", "location", "demo.location.L1", False)]
    assert compiled["patient"](RECORDS["patient"]).refs[0].column == "cms_homelocation"


@pytest.mark.parametrize(
    ("table", "status", "state"),
    [
        ("appointment", "Scheduled", "scheduled"),
        ("appointment", "Confirmed", "scheduled"),
        ("appointment", "@", None),
        ("appointment", "Completed", "completed"),
        ("appointment", "x", "canceled"),
        ("appointment", "No-show", "canceled"),
        ("task", "Scheduled", None),
        ("task", "Completed", "completed"),
        ("task", "Rescheduled", "canceled"),
    ],
)
def test_appointments_as_activities(table: Any, status: str, state: str | None) -> None:
    compiled = _compiled(choose(a_map(), "appointment", table))
    mapped = compiled["appointment"]({**RECORDS["appointment"], "status": status})
    assert (mapped.table, mapped.state) == (table, state)
    assert mapped.payload["subject"] == "Visit"
    assert (mapped.payload["scheduledstart"], mapped.payload["scheduledend"]) == (
        "2020-01-01T14:00:00Z",
        "2020-01-01T14:15:00Z",
    )
    assert mapped.payload["cms_appointmenttype"] == 100_000_000
    assert mapped.refs[0] == Ref("regardingobjectid", "patient", "demo.patient.P1", True)


def test_an_appointment_whose_length_was_worked_out_from_its_end_keeps_that_end() -> None:
    clinic_map = a_map()
    fields = clinic_map.objects["appointment"].routes[0].fields
    length = next(field for field in fields if field.column == "Duration")
    length.source, length.args = "start", {"fields": ["stop"]}
    compiled = _compiled(choose(clinic_map, "appointment", "task"))
    mapped = compiled["appointment"]({**RECORDS["appointment"], "stop": "2020-01-01 10:00"})
    assert (mapped.payload["scheduledend"], mapped.payload["cms_duration"]) == ("2020-01-01T15:00:00Z", 60)


def test_a_lookup_of_another_table_is_another_column() -> None:
    schema = build_schema(choose(choose(a_map(), "location", "ClinicLocation"), "appointment", "task"))
    location = schema.table("ClinicEncounter").columns["Location"]
    assert (location.logical, location.nav) == (
        "cms_locationcliniclocation",
        {"cms_cliniclocation": "cms_LocationClinicLocation"},
    )
    assert schema.table("ClinicEncounter").columns["Appointment"].nav == {"task": "cms_AppointmentTask"}
    assert build_schema(a_map()).table("ClinicEncounter").columns["Location"].logical == "cms_location"


def test_referrals_that_never_become_opportunities() -> None:
    compiled = _compiled(choose(a_map(), "referral", "never"))
    assert compiled["referral"](RECORDS["referral"]).table == "ClinicReferral"


def test_several_values_as_text() -> None:
    compiled = _compiled(choose(a_map(), "multi_select", "text"))
    assert compiled["patient"](RECORDS["patient"]).payload["cms_hobbiestext"] == "Poker; Chess"


def _derived(clinic_map: ClinicMap, name: ObjectName) -> list[MappedRecord]:
    """What becomes of the records that the sample's one record of the parent gives."""
    mapper = _compiled(clinic_map)[name]
    return [mapper(record) for record in derive(clinic_map, name)([RECORDS[DERIVED[name].of]])]


def test_notes_as_annotations_at_the_time_of_the_encounter() -> None:
    clinic_map = choose(a_map(), "encounter_notes", "annotation")
    (note,) = _derived(clinic_map, "encounter_note")
    assert (note.table, note.source_key, note.file) == ("annotation", "demo.encounter-note.E1", None)
    assert note.payload == {
        "notetext": "Fine\nCarryover: demo.encounter-note.E1",
        "overriddencreatedon": "2020-01-01T14:00:00Z",
        "isdocument": False,
    }
    assert note.refs == [Ref("objectid", "encounter", "demo.encounter.E1", True)]
    assert "cms_clinicalnotes" not in _compiled(clinic_map)["encounter"](RECORDS["encounter"]).payload


def test_an_encounter_without_notes_gives_none_and_one_too_long_is_an_exception() -> None:
    clinic_map = choose(a_map(), "encounter_notes", "annotation")
    none = [{**RECORDS["encounter"], "notes": " "}, {**RECORDS["encounter"], "_excluded": "soft_deleted"}]
    assert list(derive(clinic_map, "encounter_note")(none)) == []
    mapper = _compiled(clinic_map)["encounter_note"]
    assert mapper({**RECORDS["encounter"], "notes": "<p> </p>"}).status == "excluded"
    refused = mapper({**RECORDS["encounter"], "notes": "x" * 100_000})
    assert (refused.status, refused.reason, refused.payload) == ("excepted", "too_long", {})


def test_a_carrier_is_one_account_however_it_is_written() -> None:
    clinic_map = choose(a_map(), "carrier", "account")
    policies = [{**RECORDS["insurance"], "carrier": text} for text in ("Acme  Health", "acme health ", "Other", "")]
    records = list(derive(clinic_map, "carrier")(policies))
    compiled = _compiled(clinic_map)
    carriers = [compiled["carrier"](record) for record in records]
    assert [one.payload["name"] for one in carriers] == ["Acme Health", "Other"]
    assert {one.table for one in carriers} == {"account"}
    assert {one.owner for one in carriers} == {"teams/t"}
    keys = [[ref.key for ref in compiled["insurance"](one).refs if ref.object == "carrier"] for one in policies]
    assert keys == [[carriers[0].source_key], [carriers[0].source_key], [carriers[1].source_key], []]
    assert compiled["insurance"](policies[0]).payload["cms_carrier"] == "Acme  Health"


def test_specializations_as_rows() -> None:
    clinic_map = choose(a_map(), "specializations", "PractitionerSpecialization")
    practitioner = {
        **RECORDS["practitioner"],
        "specialty": "Surgery",
        "_specializations": ["Surgery", "Cardiology", "surgery"],
    }
    records = list(derive(clinic_map, "specialization")([practitioner]))
    rows = [_compiled(clinic_map)["specialization"](record) for record in records]
    options = build_schema(clinic_map).table("PractitionerSpecialization").columns["Specialization"].options
    assert [(row.payload["cms_specialization"], row.payload["cms_primary"]) for row in rows] == [
        (options["Surgery"], True),
        (options["Cardiology"], False),
    ]
    assert {row.refs[0].key for row in rows} == {"demo.practitioner.D1"}


def test_values_of_a_property_as_rows() -> None:
    clinic_map = choose(a_map(), "multi_select", "PatientPropertyValue")
    rows = _derived(clinic_map, "property_value")
    assert [(row.payload["cms_property"], row.payload["cms_value"]) for row in rows] == [
        ("Hobbies", "Poker"),
        ("Hobbies", "Chess"),
    ]
    assert all("Poker" not in row.source_id for row in rows)
    patient = _compiled(clinic_map)["patient"](RECORDS["patient"])
    assert (len(patient.properties), patient.properties_refused, patient.properties_ignored) == (3, 0, 1)
    assert "cms_hobbies" not in patient.payload
    assert "Hobbies" not in build_schema(clinic_map).table("contact").columns


def test_a_redacted_property_gives_no_value_away() -> None:
    clinic_map = choose(a_map(), "multi_select", "PatientPropertyValue")
    fields = clinic_map.objects["patient"].routes[0].fields
    hobbies = next(one for one in fields if one.source == "properties.Hobbies")
    hobbies.review = "redact"
    assert [row.payload["cms_value"] for row in _derived(clinic_map, "property_value")] == ["[redacted]"]


def test_what_derived_rows_are_made_from_is_kept_when_records_are_trimmed() -> None:
    clinic_map = a_map()
    for name, answer in (("encounter_notes", "annotation"), ("multi_select", "PatientPropertyValue")):
        clinic_map = choose(clinic_map, name, answer)
    used = used_fields(clinic_map)
    assert "notes" in used["encounter"]
    assert "properties.Hobbies" in used["patient"]
    assert not used.keys() & DERIVED.keys()


def test_parties_of_an_appointment() -> None:
    mapped = _compiled(choose(a_map(), "appointment", "appointment"))["appointment"](RECORDS["appointment"])
    assert [(ref.column, ref.key) for ref in mapped.refs if ref.column == "requiredattendees"] == [
        ("requiredattendees", "demo.patient.P1"),
        ("requiredattendees", "demo.practitioner.D1"),
    ]
    assert mapped.payload["organizer"] == "systemuser:u1"
    owned_by_a_team = {**RECORDS["appointment"], "_practitioner": None}
    mapped = _compiled(choose(a_map(), "appointment", "appointment"))["appointment"](owned_by_a_team)
    assert "organizer" not in mapped.payload


def test_a_choice_is_taken_back_and_the_others_stay() -> None:
    original = a_map()
    one = choose(original, "encounter_notes", "annotation")
    both = choose(choose(one, "location", "ClinicLocation"), "multi_select", "text")
    back = take_back(both, original, "encounter_notes")
    assert {name: answer_of(back, name) for name in ("encounter_notes", "location", "multi_select")} == {
        "encounter_notes": "memo", "location": "ClinicLocation", "multi_select": "text"
    }  # fmt: skip
    assert back.objects["encounter"] == choose(original, "location", "ClinicLocation").objects["encounter"]
    assert problems(back, build_schema(back)) == []
    with pytest.raises(ValueError, match="no earlier version"):
        take_back(both, one, "encounter_notes")


def test_every_two_choices_go_together() -> None:
    for first in ALTERNATIVES:
        for second in ALTERNATIVES:
            if first is not second:
                clinic_map = choose(choose(a_map(), first.name, first.answers[-1]), second.name, second.answers[-1])
                assert problems(clinic_map, build_schema(clinic_map)) == [], (first.name, second.name)
