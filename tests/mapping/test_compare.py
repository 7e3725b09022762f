"""Two versions of a map, compared."""

from typing import Any

import pytest

from mapping.compare import Difference, compare
from tests.mapping.samples import CUSTOM, OBJECTS, a_map, field, link, route

MAP = a_map()


def insurance(*fields: dict[str, Any]) -> dict[str, Any]:
    return {**OBJECTS, "insurance": {"routes": [route("ClinicInsurance", *fields)]}}


def test_a_map_does_not_differ_from_itself() -> None:
    assert compare(MAP, a_map()) == []


def test_fields_are_compared_part_by_part() -> None:
    before = a_map(
        objects=insurance(field("a", "Carrier"), field("b", "PlanName", "choice", values={"1": "One", "2": None}))
    )
    after = a_map(
        objects=insurance(
            field("a", "PayerId", phi="insurance", review="redact", by="Ada"),
            field("b", "PlanName", "choice", values={"1": "First", "2": None, "3": None}),
        )
    )
    table = ("insurance", "ClinicInsurance")
    assert compare(before, after) == [
        Difference(*table, "a", "column", "Carrier", "PayerId"),
        Difference(*table, "a", "phi", "none", "insurance"),
        Difference(*table, "a", "review", "", "redact"),
        Difference(*table, "b", "values 1", "One", "First"),
        Difference(*table, "b", "values 3", "", "(empty)"),
    ]


def test_fields_come_and_go_and_one_source_may_fill_two_columns() -> None:
    before = a_map(objects=insurance(field("a", "Carrier"), field("a", "PayerId")))
    after = a_map(objects=insurance(field("a", "Carrier"), field("a", "PlanName"), link("p", "Patient", "patient")))
    assert [(one.field, one.what, one.before, one.after) for one in compare(before, after)] == [
        ("a", "column", "PayerId", "PlanName"),
        ("p", "field", "", "Patient by lookup"),
    ]
    assert [(one.field, one.before) for one in compare(after, before)][1] == ("p", "Patient by lookup")


@pytest.mark.parametrize(
    ("changes", "object", "what", "before", "after"),
    [
        ({"controlled": "redact"}, "", "controlled", "include", "redact"),
        ({"time_zone": "UTC"}, "", "time_zone", "America/New_York", "UTC"),
        ({"out_of_scope": {"fax_log": "nobody reads it"}}, "", "out_of_scope fax_log", "", "nobody reads it"),
        ({"options": {}}, "", "options ClinicAppointment.AppointmentType", '["Checkup"]', ""),
        ({"custom_columns": CUSTOM[:1]}, "", "column contact.ShoeSize", "…", ""),
        ({"objects": {**OBJECTS, "location": {**OBJECTS["location"], "match": [["name"]]}}}, "location", "match", "[]",
         '[["name"]]'),
        ({"objects": {**OBJECTS, "staff": {"routes": [route("systemuser")]}}}, "staff", "field",
         "internalemailaddress by email", ""),
    ],
)  # fmt: skip
def test_the_map_and_its_objects(changes: dict[str, Any], object: str, what: str, before: str, after: str) -> None:
    [found] = compare(MAP, a_map(**changes))
    assert (found.object, found.what, found.after) == (object, what, after)
    assert before in (found.before, "…")


def test_tables_and_whole_objects() -> None:
    routes = OBJECTS["referral"]["routes"]
    never = a_map(objects={**OBJECTS, "referral": {"routes": routes[1:]}})
    found = compare(MAP, never)
    assert (found[0].what, found[0].before) == ("tables", '["opportunity when amount is above 0", "ClinicReferral"]')
    assert {one.what for one in found[1:]} == {"field"}
    gone = a_map(objects={key: one for key, one in OBJECTS.items() if key != "document"})
    assert compare(MAP, gone)[0] == Difference("document", "", "", "object", "annotation", "")
