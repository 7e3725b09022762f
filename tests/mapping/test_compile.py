"""One record of each object through the compiled map, and every way a record may be refused."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapping.catalog import build_schema
from mapping.compile import compile_map
from mapping.objects import DERIVED, LOAD_ORDER, ObjectName
from mapping.owners import Owners
from mapping.record import MappedRecord, Ref
from mapping.steps import BadMap
from tests.mapping.samples import OBJECTS, RECORDS, a_map, compiled, field, route

WRITTEN = [name for name in LOAD_ORDER if name not in DERIVED]
COMPILED = compiled()


def _map(object: ObjectName, **changes: Any) -> MappedRecord:
    return COMPILED[object]({**RECORDS[object], **changes})


def test_every_object_that_becomes_rows_is_compiled() -> None:
    assert list(COMPILED) == WRITTEN
    assert "staff" not in COMPILED


@pytest.mark.parametrize("object", WRITTEN)
def test_the_sample_of_each_object_is_mapped_whole(object: ObjectName) -> None:
    mapped = _map(object)
    assert (mapped.status, mapped.issues, mapped.reason) == ("mapped", [], "")
    assert mapped.source_key == mapped.row_key == f"demo.{object}.{mapped.source_id}"
    assert len(mapped.hash) == 64
    assert mapped.owner


def test_a_patient() -> None:
    mapped = _map("patient")
    assert mapped.table == "contact"
    assert mapped.payload == {
        "cms_sourcepatientid": "00P1",
        "firstname": "Eve",
        "birthdate": "1985-12-22",
        "cms_gender": 100_000_000,
        "cms_originalpatientcreatedate": "2015-07-13T07:13:48Z",
        "cms_hobbies": "100000000,100000002",
        "cms_shoesize": 42,
        "cms_sourcekey": "demo.patient.P1",
        "cms_sourcesystem": "demo",
        "cms_sourceowner": "ann@clinic.test",
        "cms_sourceownerstatus": 100_000_000,
    }
    assert mapped.refs == [Ref("parentcustomerid", "location", "demo.location.L2", False)]
    assert (mapped.owner, mapped.owner_rule, mapped.state) == ("systemusers/u1", "own", "inactive")
    assert mapped.properties == ["Hobbies", "Shoe size", "Chart color"]
    assert (mapped.properties_refused, mapped.properties_ignored) == (0, 1)


def test_an_appointment() -> None:
    mapped = _map("appointment")
    assert mapped.payload == {
        "cms_name": "Visit",
        "cms_scheduleddate": "2020-01-01T14:00:00Z",
        "cms_duration": 15,
        "cms_appointmenttype": 100_000_000,
        "cms_status": 100_000_002,
        "cms_sourcestatus": "@",
        "cms_sourcekey": "demo.appointment.A1",
        "cms_sourcesystem": "demo",
        "cms_sourceowner": "ann@clinic.test",
        "cms_sourceownerstatus": 100_000_000,
    }
    assert [ref.key for ref in mapped.refs] == ["demo.patient.P1", "demo.practitioner.D1"]
    assert [ref.required for ref in mapped.refs] == [True, False]
    assert mapped.owner_rule == "practitioner"


def test_the_other_objects_in_short() -> None:
    assert _map("location").refs == [Ref("parentaccountid", "location", "demo.location.L1", False)]
    assert _map("practitioner").payload["cms_practitionerrole"] == 100_000_004
    assert _map("insurance").payload["cms_coveragestart"] == "2020-01-01"
    encounter = _map("encounter")
    assert encounter.payload["cms_diagnoses"] == "ICD-10, I10, Hypertension"
    assert encounter.payload["cms_clinicalnotes"] == "Fine"
    assert [ref.column for ref in encounter.refs] == ["cms_patient"]
    assert _map("prescription").payload["cms_deaschedule"] == 100_000_000


def test_a_referral_takes_the_first_route_whose_condition_holds() -> None:
    deal = _map("referral")
    assert (deal.table, deal.payload["estimatedvalue"], deal.state) == ("opportunity", 250, "won")
    for amount in ("0", "", None, "unknown", "-5"):
        plain = _map("referral", amount=amount)
        assert (plain.table, plain.state, plain.payload["cms_status"]) == ("ClinicReferral", None, 100_000_003)


def test_a_record_that_no_route_takes_is_an_exception() -> None:
    objects = {**OBJECTS, "referral": {"routes": OBJECTS["referral"]["routes"][:1]}}
    mapped = compiled(objects=objects)["referral"]({**RECORDS["referral"], "amount": "0"})
    assert (mapped.status, mapped.reason) == ("excepted", "no_route")


def test_a_document_keeps_its_provenance_in_its_text() -> None:
    mapped = _map("document")
    assert mapped.file == "documents/scan.pdf"
    assert mapped.payload == {
        "subject": "Scan",
        "notetext": "Left knee\nCarryover: demo.document.X1",
        "filename": "scan.pdf",
        "overriddencreatedon": "2020-01-01T10:00:00Z",
        "isdocument": True,
    }
    assert mapped.refs == [Ref("objectid", "patient", "demo.patient.P1", True)]


def test_a_document_without_text_or_without_file() -> None:
    assert _map("document", text=None).payload["notetext"] == "Carryover: demo.document.X1"
    note = _map("document", path=None)
    assert (note.file, note.payload["isdocument"]) == (None, False)
    nothing = _map("document", path=None, text=None)
    assert (nothing.status, nothing.reason) == ("excepted", "no_file")


def test_a_note_too_long_for_its_last_line_is_refused_and_says_so() -> None:
    mapped = _map("document", text="x" * 99_990)
    assert mapped.payload["notetext"] == "Carryover: demo.document.X1"
    assert [(issue.column, issue.code) for issue in mapped.issues] == [("notetext", "too_long")]


@pytest.mark.parametrize("missing", [None, "", "  "])
def test_no_id_is_an_exception(missing: str | None) -> None:
    mapped = _map("patient", _id=missing)
    assert (mapped.status, mapped.reason, len(mapped.properties)) == ("excepted", "missing_id", 3)


def test_excluded_records_say_why() -> None:
    mapped = _map("insurance", _excluded="no_insurance")
    assert (mapped.status, mapped.reason, mapped.payload) == ("excluded", "no_insurance", {})
    assert mapped.source_key == "demo.insurance.I1"
    assert mapped.message


def test_a_missing_required_link_excepts_and_carries_nothing_along() -> None:
    mapped = _map("appointment", patient=None)
    assert (mapped.status, mapped.reason) == ("excepted", "missing_patient")
    assert (mapped.payload, mapped.refs, mapped.owner, mapped.hash) == ({}, [], None, "")
    assert _map("appointment", practitioner="").status == "mapped"


def test_a_refused_field_leaves_the_record_mapped() -> None:
    mapped = _map("patient", dob="30/02/1985", sex="?")
    assert mapped.status == "mapped"
    assert [(issue.field, issue.column, issue.code) for issue in mapped.issues] == [
        ("dob", "birthdate", "bad_date"),
        ("sex", "gendercode", "unknown_value"),
        ("sex", "Gender", "unknown_value"),
    ]
    assert not any("30/02" in issue.message for issue in mapped.issues)
    assert "birthdate" not in mapped.payload


def test_a_required_field_excepts() -> None:
    objects = {
        **OBJECTS,
        "insurance": {
            "routes": [route("ClinicInsurance", field("from", "CoverageStart", "date", args={"required": True}))]
        },
    }
    mapper = compiled(objects=objects)["insurance"]
    assert mapper({"_id": "1", "from": "2020-13-45"}).reason == "bad_date"
    assert mapper({"_id": "1", "from": ""}).reason == "missing_value"
    assert mapper({"_id": "1", "from": "2020-01-01"}).status == "mapped"


def test_texts_that_mean_nothing_are_listed_by_the_map() -> None:
    plain = field("carrier", "Carrier", args={"none": ["0", "n/a"]})
    linked = {**field("patient", "Patient", "lookup"), "args": {"object": "patient", "none": ["0"]}}
    mapper = compiled(objects={**OBJECTS, "insurance": {"routes": [route("ClinicInsurance", plain, linked)]}})[
        "insurance"
    ]
    mapped = mapper({"_id": "1", "carrier": " n/a", "patient": "0"})
    assert "cms_carrier" not in mapped.payload
    assert mapped.refs == []


def test_two_records_of_one_person_share_the_row_not_the_key() -> None:
    patient, practitioner = _map("patient", _party="77"), _map("practitioner", _party="77")
    assert patient.row_key == practitioner.row_key == "demo.party.77"
    assert patient.source_key != practitioner.source_key


def test_properties_without_an_answer_are_counted_refused() -> None:
    mapped = _map(
        "patient", properties={"Hobbies": ["Golf"], "Shoe size": "big", "New": "x", "Chart color": "red", "Nil": []}
    )
    assert mapped.properties == ["Hobbies", "Shoe size", "New", "Chart color"]
    assert (mapped.properties_refused, mapped.properties_ignored) == (3, 1)
    assert [(issue.field, issue.code) for issue in mapped.issues] == [
        ("properties.Hobbies", "unknown_value"),
        ("properties.Shoe size", "not_number"),
        ("properties.New", "unmapped_property"),
    ]


def test_nothing_lands_without_an_owner() -> None:
    mapped = compiled(Owners())["patient"](RECORDS["patient"])
    assert (mapped.status, mapped.reason, len(mapped.properties)) == ("excepted", "no_owner", 3)


def test_a_substituted_owner_shows() -> None:
    mapped = _map("patient", _owner="2")
    assert (mapped.owner, mapped.owner_rule, mapped.owner_substituted) == ("teams/t", "fallback", True)
    assert mapped.payload["cms_sourceowner"] == "bob@clinic.test"


def test_a_refused_state_is_an_issue() -> None:
    mapped = _map("patient", status="frozen")
    assert (mapped.status, mapped.state) == ("mapped", None)
    assert [(issue.field, issue.column, issue.code) for issue in mapped.issues] == [("status", None, "unknown_value")]


def test_the_hash_covers_what_is_written_and_nothing_else() -> None:
    base = _map("patient")
    assert _map("patient").hash == base.hash
    assert _map("patient", unmapped="x").hash == base.hash
    changes: list[dict[str, Any]] = [
        {"first": "Eva"},
        {"home": "L1"},
        {"_owner": None},
        {"status": "A"},
        {"properties": {}},
    ]
    for change in changes:
        assert _map("patient", **change).hash != base.hash, change
    assert _map("document").hash != _map("document", path="documents/other.pdf").hash


def test_the_hash_does_not_depend_on_the_order_of_fields() -> None:
    turned = {**OBJECTS["patient"]["routes"][0], "fields": OBJECTS["patient"]["routes"][0]["fields"][::-1]}
    other = compiled(objects={**OBJECTS, "patient": {"routes": [turned]}})
    assert other["patient"](RECORDS["patient"]).hash == _map("patient").hash


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (field("x", "Nowhere"), "no column"),
        (field("x", "Carrier", "sing"), "no transform"),
        (field("x", "Relationship", "choice", values={"1": "Cousin"}), "no option"),
        (field("x", "CoverageStart", "date", args={"format": "american"}), "format"),
        (field("x", "Patient", "lookup"), "object"),
        (field("x", "CoverageStart", "datetime", args={"zone": "Mars/North"}), "zone"),
    ],
)
def test_a_map_that_cannot_work_does_not_compile(bad: dict[str, Any], why: str) -> None:
    with pytest.raises(BadMap, match=why) as caught:
        compiled(objects={**OBJECTS, "insurance": {"routes": [route("ClinicInsurance", bad)]}})
    assert (caught.value.object, caught.value.field) == ("insurance", "x")


def test_without_a_policy_for_controlled_substances_nothing_compiles() -> None:
    clinic_map = a_map(controlled=None)
    with pytest.raises(BadMap, match="controlled"):
        compile_map(clinic_map, build_schema(clinic_map), Owners())


VALUES = st.one_of(
    st.none(), st.text(max_size=20), st.lists(st.text(max_size=5), max_size=3), st.integers(), st.booleans()
)


@pytest.mark.parametrize("object", WRITTEN)
@settings(max_examples=40)
@given(data=st.data())
def test_no_record_breaks_the_mapper(object: ObjectName, data: st.DataObject) -> None:
    """Whatever the values are, a record gets one disposition, and the text of an issue never quotes it."""
    sample = RECORDS[object]
    record = {key: data.draw(VALUES) if not key.startswith("_") else value for key, value in sample.items()}
    mapped = COMPILED[object](record)
    assert mapped.status in ("mapped", "excluded", "excepted")
    assert bool(mapped.reason) == (mapped.status != "mapped")
    assert bool(mapped.hash) == (mapped.status == "mapped")
    assert len(mapped.properties) >= mapped.properties_refused + mapped.properties_ignored
