"""The proposal: known fields, provenance, a column for each property, options for each open choice."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mapping.catalog import build_schema
from mapping.compile import compile_map
from mapping.model import ClinicMap, ColumnType, FieldMap
from mapping.owners import Owners
from mapping.propose import ChoiceField, choice_fields, column_name_for, propose, roomy
from mapping.validate import problems
from tests.mapping.samples import OBJECTS, RECORDS

PROFILE = {
    **OBJECTS,
    "patient": {
        "routes": [
            {
                "table": "contact",
                "fields": [f for f in OBJECTS["patient"]["routes"][0]["fields"] if "properties" not in f["source"]],
            }
        ]
    },
}
VALUES = {"appointment.type": ["checkup ", "Checkup", "", "surgery"], "appointment.status": ["@", "Late"]}


@dataclass
class Counts:
    type: ColumnType
    values: int = 30
    max_length: int = 10
    decimals: int = 0
    options: dict[str, int] | None = field(default_factory=dict)


PROPERTIES = {
    "Hobbies": Counts("choices", options={"Chess": 3, "Go": 9}),
    "Favorite colour?": Counts("choice", options={"red": 5, "Blue": 4}),
    "Height": Counts("decimal", decimals=1),
    "Expenses": Counts("decimal", decimals=12, max_length=18),
    "Veteran": Counts("boolean"),
    "Last eye exam": Counts("date"),
    "Motto": Counts("text", max_length=150),
    "Story": Counts("memo", max_length=9_000),
    "Many": Counts("choice", options={str(n): 3 for n in range(13)}),
    "SourceMRN": Counts("text"),
    "1st visit": Counts("datetime"),
}


def _proposal(**more: Any) -> ClinicMap:
    return propose(PROFILE, PROPERTIES, VALUES, system="demo", profile="sample", title="Sample", **more)


def _fields(proposal: ClinicMap, object: Any) -> dict[tuple[str, str | None], FieldMap]:
    return {(f.source, f.column): f for f in proposal.objects[object].routes[0].fields}


def test_known_fields_are_certain_and_say_where_from() -> None:
    name = _fields(_proposal(), "patient")[("first", "firstname")]
    assert (name.confidence, name.reason, name.status) == (1.0, "known field of Sample", "proposed")


def test_a_proposal_is_ready_but_for_the_policy() -> None:
    proposal = _proposal()
    found = problems(proposal, build_schema(proposal))
    assert [problem.message for problem in found] == [
        "Choose what becomes of controlled substances: suppress, redact or include."
    ]
    proposal.controlled = "suppress"
    mapper = compile_map(proposal, build_schema(proposal), Owners(fallback="teams/t"))["patient"]
    mapped = mapper({**RECORDS["patient"], "properties": {"Hobbies": ["go"], "Veteran": "yes", "Height": "1.8"}})
    assert (len(mapped.properties), mapped.properties_refused, mapped.issues) == (3, 0, [])
    assert (mapped.payload["cms_hobbies"], mapped.payload["cms_veteran"], mapped.payload["cms_height"]) == (
        "100000001",
        True,
        1.8,
    )


def test_provenance_is_added_where_the_table_has_it() -> None:
    proposal = _proposal()
    columns = [column for source, column in _fields(proposal, "patient") if source.startswith("_")]
    assert columns == ["SourceCreatedOn", "overriddencreatedon", "SourceModifiedOn", "SourceCreatedBy"]
    assert [c for s, c in _fields(proposal, "document") if s.startswith("_")] == [], "the profile fills it already"
    assert [c for s, c in _fields(proposal, "staff") if s.startswith("_")] == []


def test_properties_become_columns_by_their_type() -> None:
    columns = {column.label: column for column in _proposal().custom_columns}
    assert {label: (column.name, column.type) for label, column in columns.items()} == {
        "1st visit": ("P1stVisit", "datetime"),
        "Expenses": ("Expenses", "text"),
        "Favorite colour?": ("FavoriteColour", "choice"),
        "Height": ("Height", "decimal"),
        "Hobbies": ("Hobbies", "choices"),
        "Last eye exam": ("LastEyeExam", "date"),
        "Many": ("Many", "text"),
        "Motto": ("Motto", "text"),
        "SourceMRN": ("SourceMRN2", "text"),
        "Story": ("Story", "memo"),
        "Veteran": ("Veteran", "boolean"),
    }
    assert columns["Favorite colour?"].options == ["Blue", "red"]
    assert (columns["Motto"].max_length, columns["Story"].max_length) == (500, 13_500)
    fields = _fields(_proposal(), "patient")
    assert fields[("properties.Favorite colour?", "FavoriteColour")].transform == "choice"
    assert fields[("properties.Hobbies", "Hobbies")].confidence < fields[("properties.Height", "Height")].confidence < 1


def test_open_choices_take_their_options_from_the_values() -> None:
    assert choice_fields(PROFILE)[-1] == ChoiceField("referral", "status", "ClinicReferral", "Status", False)
    assert "prescription.drug" not in [one.key for one in choice_fields(PROFILE)], "its options do not come from values"
    opened = [one.key for one in choice_fields(PROFILE) if one.open]
    assert opened == ["appointment.type"]
    assert _proposal().options == {"ClinicAppointment.AppointmentType": ["Checkup", "surgery"]}


def test_options_do_not_depend_on_the_order_in_which_values_were_seen() -> None:
    turned = {key: values[::-1] for key, values in VALUES.items()}
    other = propose(PROFILE, {}, turned, system="demo", profile="sample")
    assert other.options == _proposal().options


def test_an_open_choice_without_values_still_has_an_option() -> None:
    empty = propose(PROFILE, {}, {"appointment.type": []}, system="demo", profile="sample")
    assert empty.options == {"ClinicAppointment.AppointmentType": ["Other"]}


def test_values_of_fixed_choices_without_an_answer_are_named() -> None:
    status = _fields(_proposal(), "appointment")[("status", "Status")]
    assert status.confidence < 1
    assert status.reason.endswith("without an answer so far: Late")


def test_columns_grow_with_the_texts_of_the_source() -> None:
    proposal = _proposal(lengths={"insurance.carrier": 400, "patient.first": 90, "insurance.title": 20})
    grown = [column for column in proposal.custom_columns if column.table == "ClinicInsurance"]
    assert [(column.name, column.max_length) for column in grown] == [("Carrier", 1_000)]
    assert build_schema(proposal).table("ClinicInsurance").columns["Carrier"].max_length == 1_000


@given(st.lists(st.text(max_size=60), max_size=8))
def test_column_names_are_valid_and_never_meet(names: list[str]) -> None:
    taken: set[str] = set()
    for name in names:
        made = column_name_for(name, taken)
        assert made.isascii() and made.isalnum() and made[0].isalpha() and len(made) <= 40
        assert made.lower() not in taken
        taken.add(made.lower())


@given(st.integers(0, 1_048_576))
def test_lengths_leave_room(longest: int) -> None:
    assert longest <= roomy(longest) <= 1_048_576
