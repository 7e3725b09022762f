"""Each choice the map offers gives a map that is whole, and rows in the other table."""

from typing import Any

import pytest

from mapping.alternatives import ALTERNATIVES, choose
from mapping.catalog import build_schema
from mapping.compile import CompiledMap, compile_map
from mapping.model import ClinicMap, FieldMap
from mapping.objects import DERIVED
from mapping.record import Ref
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


def test_referrals_that_never_become_opportunities() -> None:
    compiled = _compiled(choose(a_map(), "referral", "never"))
    assert compiled["referral"](RECORDS["referral"]).table == "ClinicReferral"


def test_several_values_as_text() -> None:
    compiled = _compiled(choose(a_map(), "multi_select", "text"))
    assert compiled["patient"](RECORDS["patient"]).payload["cms_hobbies"] == "Poker; Chess"
