"""The profile sample_clinic: recognised, every raw row accounted for, every record shaped, every field mapped."""

import gzip
import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from local.clinic.entries import MISSING_PATIENT
from mapping.catalog.build import build_schema
from mapping.catalog.load import load_catalog
from mapping.compile import compile_map
from mapping.model import ClinicMap, FieldMap
from mapping.objects import DERIVED, LOAD_ORDER, ObjectName
from mapping.owners import Owners
from mapping.record import MappedRecord
from sources.discover import Detection, detect, list_files
from sources.profile import load_profile
from sources.shaping import shape_bucket
from sources.staging import bucket_of, stage_file
from tests.clinic.conftest import Write
from tests.clinic.export import Export

Record = dict[str, Any]
BUCKETS = 3
OWNER = "systemusers/00000000-0000-0000-0000-000000000001"


@dataclass
class Shaped:
    records: defaultdict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    accounts: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    buckets: defaultdict[str, list[tuple[Record, int | None]]] = field(default_factory=lambda: defaultdict(list))

    def by_id(self, name: str) -> dict[str, Record]:
        return {record["_id"]: record for record in self.records[name]}


def shape(detection: Detection, place: Path, buckets: int) -> Shaped:
    profile = detection.profile
    for dataset, files in detection.datasets.items():
        for file in files:
            stage_file(profile, dataset, file.path, place / "raw", buckets)
    shaped = Shaped()
    for bucket in (None, *range(buckets)):
        result = shape_bucket(profile, place / "raw", place / f"shaped-{bucket}", bucket, 256)
        for dataset, counts in result.accounts.items():
            shaped.accounts[dataset].update(counts)
        for name, (count, path) in result.objects.items():
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                records = [json.loads(line) for line in lines]
            assert len(records) == count
            shaped.records[name] += records
            shaped.buckets[name] += [(record, bucket) for record in records]
    return shaped


@pytest.fixture(scope="module")
def detection(clinic: Export) -> Detection:
    return detect(list_files(clinic.folder))


@pytest.fixture(scope="module")
def shaped(detection: Detection, tmp_path_factory: pytest.TempPathFactory) -> Shaped:
    return shape(detection, tmp_path_factory.mktemp("shaping"), BUCKETS)


def fields_of(name: ObjectName, route: int = 0) -> list[FieldMap]:
    return [FieldMap.model_validate(one) for one in load_profile("sample_clinic").map[name]["routes"][route]["fields"]]


def test_the_export_is_recognised(detection: Detection, clinic: Export) -> None:
    assert detection.profile.name == "sample_clinic"
    assert detection.datasets.keys() == detection.profile.datasets.keys()
    assert detection.unknown_files == []
    assert {file.name for file in detection.documents} == clinic.files.keys()


@pytest.mark.parametrize("dataset", load_profile("sample_clinic").datasets)
def test_every_raw_row_has_the_account_it_should(shaped: Shaped, clinic: Export, dataset: str) -> None:
    expected = clinic.manifest["datasets"][dataset]
    assert dict(shaped.accounts[dataset]) == expected["accounts"]
    assert shaped.accounts[dataset].total() == expected["rows"] == len(clinic.rows[dataset])


@pytest.mark.parametrize("name", load_profile("sample_clinic").objects)
def test_every_object_has_the_records_it_should(shaped: Shaped, clinic: Export, name: str) -> None:
    found = Counter(record["_excluded"] or "ready" for record in shaped.records[name])
    assert dict(found) == clinic.manifest["objects"][name]["by"]


def test_every_property_value_is_there_once(shaped: Shaped, clinic: Export) -> None:
    values = sum(len(record["properties"]) for record in shaped.records["patient"])
    assert {"ready": values} == clinic.manifest["objects"]["custom_property"]["by"]


def test_another_number_of_buckets_gives_the_same_records(shaped: Shaped, detection: Detection, tmp_path: Path) -> None:
    def texts(of: Shaped) -> dict[str, list[str]]:
        return {name: sorted(map(json.dumps, records)) for name, records in of.records.items()}

    assert texts(shape(detection, tmp_path, 1)) == texts(shaped)


def test_another_clinic_and_another_day_add_up_as_well(write_clinic: Write, tmp_path: Path) -> None:
    other = write_clinic(210, 5, 2)
    found = shape(detect(list_files(other.folder)), tmp_path, 2)
    assert {name: dict(counts) for name, counts in found.accounts.items()} == {
        name: dataset["accounts"] for name, dataset in other.manifest["datasets"].items() if dataset["rows"]
    }


def test_records_lie_in_their_patients_bucket(shaped: Shaped) -> None:
    wrong = [
        name
        for name, records in shaped.buckets.items()
        for record, bucket in records
        if bucket is not None and bucket_of(record["_patient"], BUCKETS) != bucket
    ]
    assert wrong == []


def test_ids_stand_once_but_for_the_patients_that_stand_twice(shaped: Shaped) -> None:
    for name, records in shaped.records.items():
        twice = [ident for ident, count in Counter(record["_id"] for record in records).items() if ident and count > 1]
        assert len(twice) == (3 if name == "patient" else 0), name
    repeated = [
        r for r in shaped.records["patient"] if Counter(x["_id"] for x in shaped.records["patient"])[r["_id"]] == 2
    ]
    assert all(
        record["properties"].keys() <= {"Maiden name", "Language"}
        for record in repeated
        if record["address1"] == "PO Box 12"
    )
    assert any(len(record["properties"]) > 2 for record in repeated)


def test_properties_are_named_by_their_label_and_typed_by_their_definition(shaped: Shaped) -> None:
    seen: defaultdict[str, list[Any]] = defaultdict(list)
    for record in shaped.records["patient"]:
        for name, value in record["properties"].items():
            seen[name].append(value)
    lists = {name for name, values in seen.items() if any(isinstance(value, list) for value in values)}
    assert lists == {"Languages spoken", "Programs of interest"}
    assert all(isinstance(value, list) for name in lists for value in seen[name])
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", value) for value in seen["Last physical"])
    assert all(re.fullmatch(r"\d+\.00", value) for value in seen["Agreed copay"])
    assert set(seen["Shoe size"]) == {"9.5"}
    assert set(seen["legacy_17"]) == {"see paper chart"}
    assert {"Maiden name", "Language", "Veteran?", "Height (cm)", "Intake notes"} <= seen.keys()
    assert "Old chart no." not in seen


def test_leading_zeros_and_foreign_letters_survive(shaped: Shaped, clinic: Export) -> None:
    raw = {row["patient_id"]: row for row in clinic.rows["patients"] if row["address1"] != "PO Box 12"}
    for record in shaped.records["patient"]:
        if record["address1"] != "PO Box 12":
            for name in ("mrn", "first_name", "last_name", "zip", "ssn", "date_of_birth"):
                assert record[name] == (raw[record["_id"]][name] or None)


def test_a_group_session_is_a_record_for_each_attendee(shaped: Shaped, clinic: Export) -> None:
    expected = {
        f"{row['session_id']}.{person.split(':')[0].strip()}"
        for row in clinic.rows["group_sessions"]
        for person in row["attendees"].split(";")
        if person
    }
    sessions = {
        ident: record for ident, record in shaped.by_id("appointment").items() if (ident or "").startswith("GS")
    }
    assert sessions.keys() == expected
    assert {record["status"] for record in sessions.values()} == {"Completed", "No Show"}
    assert all(record["_provider"] or record["_patient"] == MISSING_PATIENT for record in sessions.values())


def test_the_shared_person_is_one_party(shaped: Shaped) -> None:
    parties = {
        name: [record for record in shaped.records[name] if record["_party"]] for name in ("patient", "practitioner")
    }
    (patient,), (doctor,) = parties["patient"], parties["practitioner"]
    assert patient["_party"] == doctor["_party"]
    assert patient["kind"] == doctor["kind"] == "Both"
    both: tuple[tuple[ObjectName, Record], ...] = (("patient", patient), ("practitioner", doctor))
    columns = {
        name: {one.column: record[one.source] for one in fields_of(name) if one.column and record.get(one.source)}
        for name, record in both
    }
    shared = columns["patient"].keys() & columns["practitioner"].keys()
    assert {"firstname", "lastname", "ContactKind", "parentcustomerid"} <= shared
    assert all(columns["patient"][column] == columns["practitioner"][column] for column in shared)


def test_the_primary_coverage_stands_on_the_patient(shaped: Shaped) -> None:
    policies = defaultdict(list)
    for record in shaped.records["insurance"]:
        if record["priority"] == "Primary" and record["coverage_status"] == "Active" and not record["_excluded"]:
            policies[record["patient_id"]].append(record["policy_number"])
    for record in shaped.records["patient"]:
        if not record["_excluded"]:
            assert [record["primary_policy_number"]] == (policies[record["_id"]] or [None])


def test_claims_keep_their_money(shaped: Shaped, clinic: Export) -> None:
    raw = {claim["claimId"]: claim for claim in clinic.rows["claims"]}
    for claim in shaped.records["claim"]:
        source = raw[claim["claim_id"]]
        for name, amount in (("lines", "charge"), ("payments", "amount"), ("adjustments", "amount")):
            assert [one[amount] for one in claim[name]] == [one[amount] for one in source[name]]
        assert [one["status"] for one in claim["status_history"]] == [one["status"] for one in source["history"]]
        assert [one["diagnosis_codes"] or "" for one in claim["lines"]] == [
            ";".join(one["dx"]) for one in source["lines"]
        ]
    assert {one["group"] for claim in shaped.records["claim"] for one in claim["adjustments"]} == {"CO", "PI"}


@pytest.mark.parametrize("name", load_profile("sample_clinic").map)
def test_every_field_of_a_record_is_mapped_or_ignored_with_a_reason(shaped: Shaped, name: ObjectName) -> None:
    sources = {key for record in shaped.records[name] for key in record if not key.startswith("_")} - {"properties"}
    for route in range(len(load_profile("sample_clinic").map[name]["routes"])):
        fields = fields_of(name, route)
        assert {one.source for one in fields} == sources
        assert all(one.reason for one in fields if one.status == "ignored")
        assert all(one.column or one.transform == "state" for one in fields if one.status != "ignored")


def test_every_object_that_becomes_rows_has_a_map() -> None:
    assert {*LOAD_ORDER, "staff"} - DERIVED.keys() == load_profile("sample_clinic").map.keys()


def test_columns_are_the_catalogs_and_no_protected_one_is_taken_for_harmless() -> None:
    catalog = load_catalog()
    for name, plain in load_profile("sample_clinic").map.items():
        for number, route in enumerate(plain["routes"]):
            for one in fields_of(name, number):
                column = catalog.column(route["table"], one.column) if one.column else None
                assert column or not one.column, f"{route['table']}.{one.column}"
                if column and route["table"] != "account" and column.phi not in ("none", "clinical", "clinical_note"):
                    assert one.phi != "none", f"{name}.{one.source}"


@cache
def _map_of(options: tuple[tuple[str, tuple[str, ...]], ...]) -> ClinicMap:
    profile = load_profile("sample_clinic")
    objects = {name: plain for name, plain in profile.map.items() if name in LOAD_ORDER}
    return ClinicMap.model_validate(
        {
            "system": "clinic", "profile": profile.name, "time_zone": profile.time_zone, "controlled": "include",
            "objects": objects, "options": dict(options),
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def mapped(shaped: Shaped) -> dict[str, list[MappedRecord]]:
    """Every record through the compiled map; choices that sources fill freely have what the records hold."""
    places = (
        ("contact.Specialization", "practitioner", "specialization"),
        ("ClinicAppointment.AppointmentType", "appointment", "type"),
        ("ClinicEncounter.EncounterType", "encounter", "visit_type"),
    )
    options = tuple(
        (column, tuple(sorted({record[source] for record in shaped.records[name] if record[source]})))
        for column, name, source in places
    )
    clinic_map = _map_of(options)
    compiled = compile_map(clinic_map, build_schema(clinic_map), Owners(fallback=OWNER))
    return {
        name: [compiled[name](record) for record in shaped.records[name]] for name in LOAD_ORDER if name not in DERIVED
    }


def test_records_are_excepted_only_without_patient_or_id(mapped: dict[str, list[MappedRecord]]) -> None:
    found = {name: Counter(r.reason for r in records if r.status == "excepted") for name, records in mapped.items()}
    assert {name: set(reasons) for name, reasons in found.items() if reasons} == {
        "appointment": {"missing_patient"},
        "document": {"missing_patient"},
        "prescription": {"missing_id"},
    }


def test_only_what_is_wrong_in_the_source_is_refused(mapped: dict[str, list[MappedRecord]]) -> None:
    refused = {
        (name, issue.field)
        for name, records in mapped.items()
        for record in records
        for issue in record.issues
        if not issue.field.startswith("properties.")
    }
    assert refused == {
        ("practitioner", "npi"), ("patient", "date_of_birth"), ("patient", "email"), ("appointment", "duration"),
    }  # fmt: skip


def test_both_referral_routes_are_taken(mapped: dict[str, list[MappedRecord]], shaped: Shaped) -> None:
    amounts = [float(record["amount"] or 0) for record in shaped.records["referral"]]
    tables = [record.table for record in mapped["referral"] if record.status == "mapped"]
    open_amounts = [
        amount for amount, record in zip(amounts, mapped["referral"], strict=True) if record.status == "mapped"
    ]
    assert tables == ["opportunity" if amount > 0 else "ClinicReferral" for amount in open_amounts]
    assert {record.state for record in mapped["referral"] if record.table == "opportunity"} == {None, "won", "lost"}


def test_unknown_statuses_become_other_and_are_kept(mapped: dict[str, list[MappedRecord]]) -> None:
    schema = build_schema(_map_of(())).tables["ClinicAppointment"].columns
    other = schema["Status"].options["Other"]
    kept = {
        record.payload.get(schema["SourceStatus"].logical)
        for record in mapped["appointment"]
        if record.payload.get(schema["Status"].logical) == other
    }
    assert kept <= {"CALL", "^ Pending", "Ins/fin issue", "Left w/o visit", "Waitlist"} and len(kept) > 2


def test_a_drug_has_a_schedule_or_is_unknown(mapped: dict[str, list[MappedRecord]]) -> None:
    column = build_schema(_map_of(())).tables["ClinicPrescription"].columns["DEASchedule"]
    labels = {value: label for label, value in column.options.items()}
    found = {labels[r.payload[column.logical]] for r in mapped["prescription"] if r.status == "mapped"}
    assert found == {"None", "II", "III", "IV", "Unknown"}
