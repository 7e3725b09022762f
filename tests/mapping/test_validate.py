"""What is wrong with a map is said in full, before it is confirmed."""

from typing import Any

import pytest

from mapping.catalog import build_schema
from mapping.compile import compile_map
from mapping.owners import Owners
from mapping.validate import Problem, problems
from tests.mapping.samples import OBJECTS, a_map, field, link, route


def _problems(**changes: Any) -> list[Problem]:
    """What is wrong beside what is not filled."""
    clinic_map = a_map(**changes)
    return [one for one in problems(clinic_map, build_schema(clinic_map)) if not one.unfilled]


def _unfilled(**changes: Any) -> list[Problem]:
    clinic_map = a_map(**changes)
    return [one for one in problems(clinic_map, build_schema(clinic_map)) if one.unfilled]


def _insurance(*fields: dict[str, Any]) -> list[Problem]:
    return _problems(objects={**OBJECTS, "insurance": {"routes": [route("ClinicInsurance", *fields)]}})


def test_the_sample_map_has_no_problems_and_compiles() -> None:
    clinic_map = a_map()
    assert problems(clinic_map, build_schema(clinic_map)) == []
    compile_map(clinic_map, build_schema(clinic_map), Owners())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"controlled": None}, "controlled substances"),
        ({"system": "my clinic"}, "system's name"),
        ({"prefix": "mscrmx"}, "prefix"),
        ({"prefix": "c"}, "prefix"),
        ({"time_zone": "Mars/North"}, "time zone"),
        ({"currency": "dollar"}, "currency"),
    ],
)
def test_settings(changes: dict[str, Any], words: str) -> None:
    found = _problems(**changes)
    assert [(problem.object, problem.field) for problem in found] == [("", "")]
    assert words in found[0].message


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (field("x", "Nowhere"), "no column Nowhere"),
        (field("x", None), "ignored with the reason"),
        (field("x", "Carrier", "sing"), "no transform sing"),
        (field("x", "CoverageStart"), "use date"),
        (field("x", "Relationship", "choice", values={"1": "Cousin"}), "no option 'Cousin'"),
        (field("x", "CoverageStart", "date", args={"format": "american"}), "american"),
        (field("x", "ownerid", "constant", args={"value": "me"}), "by the migration itself"),
        (field("x", "statecode", "constant", args={"value": 1}), "by the migration itself"),
        (field("x", "Patient", "lookup"), "needs the object"),
        (field("x", "Patient", "lookup", args={"object": "staff"}), "needs the object"),
        (link("x", "Patient", "location"), "cannot point at account"),
    ],
)
def test_fields(bad: dict[str, Any], words: str) -> None:
    found = _insurance(bad)
    assert [(problem.object, problem.field) for problem in found] == [("insurance", "x")]
    assert words in found[0].message


def test_a_column_is_filled_once_and_a_state_decided_once() -> None:
    found = _insurance(
        field("a", "Carrier"), field("b", "Carrier"), field("c", None, "state"), field("d", None, "state")
    )
    assert [problem.field for problem in found] == ["b", "d"]


def test_links_to_objects_that_the_map_leaves_out() -> None:
    objects = {name: plain for name, plain in OBJECTS.items() if name != "appointment"}
    assert [problem.field for problem in _problems(objects=objects)] == ["appointment"]


def test_an_open_choice_needs_its_options() -> None:
    assert [problem.field for problem in _problems(options={})] == ["type"]


def test_objects_and_routes() -> None:
    conditional = route("ClinicInsurance", when={"field": "amount", "above": 0})
    always = route("ClinicInsurance")
    for routes, words in (
        ([], "nowhere to go"),
        ([conditional], "Every table has a condition"),
        ([always, conditional], "takes every record"),
        ([route("ClinicPony")], "no table ClinicPony"),
        ([route("systemuser")], "no table systemuser"),
    ):
        found = _problems(objects={**OBJECTS, "insurance": {"routes": routes}})
        assert len(found) == 1, words
        assert words in found[0].message
    found = _problems(objects={**OBJECTS, "insurance": {"routes": [always], "owner": []}})
    assert "owner" in found[0].message
    assert "never written" in _problems(objects={**OBJECTS, "claim": {"routes": [route("account")]}})[0].message


def test_custom_columns() -> None:
    bad = [
        {"table": "contact", "name": "Hobbies", "type": "text"},
        {"table": "contact", "name": "hobbies", "type": "text"},
        {"table": "contact", "name": "1st", "type": "text"},
        {"table": "contact", "name": "Kind", "type": "choice"},
        {"table": "contact", "name": "Friend", "type": "lookup"},
        {"table": "annotation", "name": "Page", "type": "integer"},
        {"table": "ClinicPony", "name": "Color", "type": "text"},
    ]
    patient = {"routes": [route("contact", field("first", "firstname"))]}
    found = _problems(objects={**OBJECTS, "patient": patient}, custom_columns=bad)
    assert [problem.field for problem in found] == [
        "contact.hobbies", "contact.1st", "contact.Kind", "contact.Friend", "annotation.Page", "ClinicPony.Color",
    ]  # fmt: skip


def test_a_map_that_leaves_every_field_of_patients_out_is_of_no_use() -> None:
    fields = [{**one, "status": "ignored", "reason": "no"} for one in OBJECTS["patient"]["routes"][0]["fields"]]
    found = _unfilled(objects={**OBJECTS, "patient": {"routes": [route("contact", *fields)]}})
    assert [(one.object, one.field, one.unfilled) for one in found] == [
        ("patient", "id", "SourcePatientID"), ("patient", "last", "lastname"),
    ]  # fmt: skip
    assert found[1].message == ("Patient records need “Last name”, and last, which fills it, is left out: migrate it.")


def test_what_records_need_is_asked_of_each_object_and_table() -> None:
    found = _unfilled(objects={**OBJECTS, "insurance": {"routes": [route("ClinicInsurance", field("a", "Carrier"))]}})
    assert [one.message for one in found] == [
        "Insurance records need the link “Patient”, and no field fills it: give one the column Patient."
    ]
    # A practitioner is a contact, too, but needs no patient's id.
    contact = route("contact", field("last", "lastname"))
    assert _unfilled(objects={**OBJECTS, "practitioner": {"routes": [contact]}}) == []


def test_a_redacted_field_fills_a_text_and_nothing_else() -> None:
    for source, column, gap in (("start", "ScheduledDate", True), ("last", "lastname", False)):
        objects = {
            name: {
                "routes": [
                    {
                        **one,
                        "fields": [{**f, "review": "redact"} if f["source"] == source else f for f in one["fields"]],
                    }
                    for one in plain_object["routes"]
                ]
            }
            for name, plain_object in OBJECTS.items()
        }
        assert [one.unfilled for one in _unfilled(objects=objects)] == ([column] if gap else []), source
