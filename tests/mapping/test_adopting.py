"""Match rules: off unless asked for, refused with words where they could not work."""

from typing import Any

import pytest

from mapping.adopting import match_rules
from mapping.catalog import build_schema
from mapping.hash import map_hash
from mapping.validate import problems
from tests.mapping.samples import OBJECTS, a_map, field, route


def _patient(*rules: list[str], **more: Any) -> dict[str, Any]:
    return {**OBJECTS, "patient": {**OBJECTS["patient"], "match": list(rules), **more}}


def _words(objects: dict[str, Any]) -> list[tuple[str, str, str]]:
    clinic_map = a_map(objects=objects)
    return [(one.object, one.field, one.message) for one in problems(clinic_map, build_schema(clinic_map))]


def test_no_object_has_rules_of_itself() -> None:
    assert all(one.match == [] and one.match_owner == "keep" for one in a_map().objects.values())


def test_rules_are_read_by_table_in_their_order() -> None:
    clinic_map = a_map(objects=_patient(["firstname", "birthdate"], ["SourcePatientID"]))
    schema = build_schema(clinic_map)
    assert problems(clinic_map, schema) == []
    assert match_rules(clinic_map.objects["patient"], schema) == {
        "contact": [["firstname", "birthdate"], ["cms_sourcepatientid"]]
    }
    assert match_rules(clinic_map.objects["practitioner"], schema) == {}


def test_a_rule_holds_for_the_tables_that_fill_its_columns() -> None:
    refined = {
        "routes": [
            route("opportunity", field("title", "name"), field("amount", "estimatedvalue", "money"),
                  when={"field": "amount", "above": 0}),
            route("ClinicReferral", field("title", "Name")),
        ],
        "match": [["name"]],
    }  # fmt: skip
    clinic_map = a_map(objects={**OBJECTS, "referral": refined})
    assert match_rules(clinic_map.objects["referral"], build_schema(clinic_map)) == {"opportunity": [["name"]]}


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ([], "at least one column"),
        (["firstname", "firstname"], "a column twice"),
        (["shoe"], "no column shoe"),
        (["nickname"], "No field fills nickname"),
        (["parentcustomerid"], "No field fills parentcustomerid"),
        (["Hobbies", "firstname"], "cannot be matched by Hobbies"),
        (["birthdate", "gendercode"], "would match strangers"),
    ],
)
def test_rules_that_cannot_work(rule: list[str], words: str) -> None:
    [(object_name, named, message)] = _words(_patient(["firstname", "birthdate"], rule))
    assert (object_name, named) == ("patient", ", ".join(rule))
    assert words in message


def test_notes_cannot_be_adopted() -> None:
    document = {**OBJECTS["document"], "match": [["subject"]]}
    [(object_name, _, message)] = _words({**OBJECTS, "document": document})
    assert object_name == "document"
    assert "none can be adopted" in message


def test_a_changed_rule_is_another_map_to_confirm() -> None:
    maps = [
        a_map(),
        a_map(objects=_patient(["firstname", "birthdate"])),
        a_map(objects=_patient(["birthdate", "firstname"])),
        a_map(objects=_patient(["firstname", "birthdate"], match_owner="set")),
    ]
    assert len({map_hash(one) for one in maps}) == len(maps)
