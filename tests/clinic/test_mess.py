"""Every flaw of real exports is there in a clinic of 500, whatever the seed."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime

import pytest

from local.clinic.entries import MISSING_PATIENT
from local.clinic.mess import MESS
from local.clinic.tables import TABLES
from local.clinic.visits import UNKNOWN_PRACTITIONER
from mapping.transforms.texts import is_npi
from tests.clinic.conftest import Write
from tests.clinic.export import Export, Row

MEGABYTE = 1024 * 1024
_KNOWN_STATUSES = {
    "Scheduled", "Confirmed", "Arrived", "Checked In", "In Room", "Completed", "Checked Out", "No Show", "Cancelled",
    "Cancelled <24h", "Rescheduled", "",
}  # fmt: skip


@pytest.fixture(scope="session", params=[1, 2], ids=["seed 1", "seed 2"])
def clinic(request: pytest.FixtureRequest, write_clinic: Write) -> Export:
    return write_clinic(500, request.param)


def cells(dataset: str, column: str, pattern: str) -> Callable[[Export], bool]:
    """Some cell of the column matches whole."""
    matches = re.compile(pattern, re.DOTALL).fullmatch
    return lambda export: any(matches(row[column] or "") for row in export.rows[dataset])


def some(dataset: str, test: Callable[[Row], object]) -> Callable[[Export], bool]:
    return lambda export: any(test(row) for row in export.rows[dataset])


def times(number: int, dataset: str, *columns: str) -> Callable[[Export], bool]:
    """Some filled combination of the columns stands in exactly so many rows."""

    def found(export: Export) -> bool:
        keys = (tuple(row[column] for column in columns) for row in export.rows[dataset])
        return number in Counter(key for key in keys if all(key)).values()

    return found


def orphan(dataset: str, column: str) -> Callable[[Export], bool]:
    """Some rows of a patient that there is not, and few."""

    def found(export: Export) -> bool:
        patients = {row["patient_id"] for row in export.rows["patients"]}
        lost = [row for row in export.rows[dataset] if row[column] and row[column] not in patients]
        return 1 <= len(lost) <= 10 and MISSING_PATIENT not in patients

    return found


def unlinked(dataset: str, column: str, target: str) -> Callable[[Export], bool]:
    def found(export: Export) -> bool:
        there = {row[column] for row in export.rows[target]}
        return any(row[column] and row[column] not in there for row in export.rows[dataset])

    return found


def property_twice(export: Export) -> bool:
    shoes = Counter(row["patient_id"] for row in export.rows["properties"] if row["property"] == "shoe_size")
    return set(shoes.values()) == {2}


def document(test: Callable[[Row, int | None], object]) -> Callable[[Export], bool]:
    """Some document passes; the size is None when the file is missing."""
    return lambda export: any(test(row, export.files.get(row["file_path"])) for row in export.rows["documents"])


FLAWS: dict[str, Callable[[Export], bool]] = {
    "apostrophe": cells("patients", "last_name", ".*['’].*"),
    "accents": cells("patients", "first_name", ".*[ëíóç].*"),
    "cyrillic": cells("patients", "last_name", "[а-яА-Я]+"),
    "chinese": cells("patients", "last_name", "[\u4e00-\u9fff]+"),
    "arabic": cells("patients", "last_name", "[\u0600-\u06ff]+"),
    "maiden_name": cells("patients", "maiden_name", ".+"),
    "nickname": cells("patients", "preferred_name", ".+"),
    "shared_ssn": times(2, "patients", "ssn"),
    "ssn_plain": cells("patients", "ssn", r"\d{9}"),
    "invalid_birth_date": cells("patients", "date_of_birth", "0000-00-00|1980-02-30|1700-01-01"),
    "us_birth_date": cells("patients", "date_of_birth", r"\d\d/\d\d/\d{4}"),
    "two_phones": cells("patients", "home_phone", ".* Or .*"),
    "bad_email": cells("patients", "email", "n/a|none@"),
    "zip_missing": some("patients", lambda row: row["city"] and not row["zip"]),
    "foreign_address": cells("patients", "zip", "H2X 1Y4"),
    "duplicate_patient_id": times(2, "patients", "patient_id"),
    "deceased": some("patients", lambda row: row["status"] == "Deceased" and row["deceased_date"]),
    "inactive": cells("patients", "status", "Inactive"),
    "deleted_patient": cells("patients", "deleted", "1"),
    "contradicting_title": some("patients", lambda row: (row["title"], row["sex"]) in (("Mrs.", "M"), ("Mr.", "F"))),
    "undefined_property": cells("properties", "property", "legacy_17"),
    "property_twice": property_twice,
    "empty_property": some("properties", lambda row: not row["value"]),
    "orphan_property": orphan("properties", "patient_id"),
    "long_text": some("properties", lambda row: len(row["value"]) > 4000),
    "no_insurance": cells("insurance", "payer_id", "NO_INSURANCE"),
    "tertiary": cells("insurance", "priority", "Tertiary"),
    "expired": some("insurance", lambda row: row["termination_date"] and row["coverage_status"] == "Termed"),
    "orphan_insurance": orphan("insurance", "patient_id"),
    "orphan_appointment": orphan("appointments", "patient_id"),
    "appointment_without_patient": some("appointments", lambda r: not r["patient_id"] and r["type"] != "Blocked"),
    "unknown_status": some("appointments", lambda row: row["status"] not in _KNOWN_STATUSES),
    "deleted_appointment": cells("appointments", "deleted", "1"),
    "series": times(6, "appointments", "series_id"),
    "odd_duration": cells("appointments", "duration", "0:30|45 min|PT30M"),
    "arrived": cells("appointments", "status", "Arrived|Checked In|In Room"),
    "orphan_encounter": orphan("encounters", "patient_id"),
    "unknown_practitioner": cells("encounters", "provider_id", UNKNOWN_PRACTITIONER),
    "unknown_appointment": unlinked("encounters", "appointment_id", "appointments"),
    "long_note": some("encounters", lambda row: len(row["note_html"]) > 5000),
    "no_diagnosis": some("encounters", lambda row: not row["diagnoses"]),
    "controlled": cells("prescriptions", "controlled", "Y"),
    "unknown_drug": some("prescriptions", lambda row: not row["rxnorm"]),
    "blank_id": some("prescriptions", lambda row: not row["rx_id"]),
    "unknown_encounter": unlinked("prescriptions", "encounter_id", "encounters"),
    "referral_with_money": some("referrals", lambda row: float(row["amount"] or 0) > 0),
    "orphan_referral": orphan("referrals", "patient_id"),
    "informal_source": some("referrals", lambda row: row["source_text"] and not row["source_id"]),
    "blocked_extension": document(lambda row, size: row["file_path"].endswith(".exe") and size),
    "zero_bytes": document(lambda row, size: size == 0),
    "no_extension": document(lambda row, size: "." not in row["file_path"] and size),
    "wrong_mime": document(lambda row, _: (row["file_path"][-4:], row["content_type"]) == (".png", "application/pdf")),
    "missing_file": document(lambda _, size: size is None),
    "document_without_patient": document(lambda row, size: not row["patient_id"] and size),
    "dst_overlap": cells("documents", "uploaded_at", "11/03/2024 01:30 AM"),
    "dst_gap": cells("documents", "uploaded_at", "03/09/2025 02:30 AM"),
    "deleted_document": cells("documents", "deleted", "1"),
    # beyond single patients' flaws
    "leading zeros": cells("patients", "zip", r"0\d{4}"),
    "zip and four": cells("patients", "zip", r"\d{9}"),
    "genders beyond two": cells("patients", "sex", "X|Nonbinary|U|ASKU"),
    "marital beyond four": cells("patients", "marital_status", "Separated|Domestic Partner"),
    "no-show": cells("appointments", "status", "No Show"),
    "blocked time": some("appointments", lambda row: row["type"] == "Blocked" and not row["patient_id"]),
    "group session": cells("group_sessions", "attendees", r"(\d+:[a-z ]+; ){2,}\d+:[a-z ]+"),
    "group session of nobody": cells("group_sessions", "attendees", ""),
    "deleted group session": cells("group_sessions", "deleted", "1"),
    "attendee that is missing": cells("group_sessions", "attendees", f".*{MISSING_PATIENT}:.*"),
    "satellite": some("locations", lambda row: row["parentId"] and row["kind"] == "satellite"),
    "hours with a break": some("locations", lambda row: len(row["hours"]["monday"]) == 2),
    "invalid NPI": some("providers", lambda row: len(row["npi"]) == 10 and not is_npi(row["npi"])),
    "short NPI": cells("providers", "npi", r"\d{9}"),
    "several specialties": cells("providers", "specialties", ".+; .+"),
    "provider without a user": some("providers", lambda row: not row["staff_id"]),
    "provider who left": cells("providers", "status", "Inactive"),
    "deleted provider": cells("providers", "deleted", "1"),
    "notes with quotes and line ends": cells("encounters", "note_html", '<.*\n.*&quot;.*'),
    "several diagnoses": cells("encounters", "diagnoses", "ICD10:.+;ICD10:.+"),
    "ids of 19 digits": cells("prescriptions", "rx_id", r"\d{19}"),
    "ids with a slash": cells("insurance", "policy_id", ".+/.+"),
    "won and lost": lambda e: {"Won", "Lost", "Open"} <= {r["status"] for r in e.rows["referrals"] if r["amount"]},
    "denied claim": some("claims", lambda row: row["status"] == "Denied" and not row["payments"]),
    "open claim": some("claims", lambda row: row["adjudicatedOn"] is None),
    "multi-select": times(3, "properties", "patient_id", "property"),
    "over the limit": document(lambda _, size: size and size > 25 * MEGABYTE),
    "over the default limit": document(lambda _, size: size and 5 * MEGABYTE < size < 25 * MEGABYTE),
    "files without an index row": lambda export: bool(
        export.files.keys() - {row["file_path"] for row in export.rows["documents"]}
    ),
    "patients of ex-staff": lambda export: bool(
        {row["account_owner_id"] for row in export.rows["patients"]}
        & {row["Staff ID"] for row in export.rows["staff"] if row["Status"] == "Inactive"}
    ),
}  # fmt: skip


@pytest.mark.parametrize("flaw", FLAWS)
def test_flaw_is_there(clinic: Export, flaw: str) -> None:
    assert FLAWS[flaw](clinic)


def test_every_flaw_of_the_table_is_looked_for() -> None:
    assert MESS.keys() <= FLAWS.keys()
    assert all(first < min(every, 500) for every, first in MESS.values())


def test_times_are_written_in_all_the_ways(clinic: Export) -> None:
    ways = {
        "Z": ("patients", "created_at", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
        "winter": ("encounters", "started_at", r".*T.*-05:00"),
        "summer": ("encounters", "started_at", r".*T.*-04:00"),
        "naive": ("appointments", "start_at", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"),
        "American": ("prescriptions", "written_on", r"\d\d/\d\d/\d{4}"),
        "American with time": ("documents", "uploaded_at", r"\d\d/\d\d/\d{4} \d\d:\d\d [AP]M"),
    }
    assert [name for name, way in ways.items() if not cells(*way)(clinic)] == []


def test_the_shared_person_agrees_with_itself(clinic: Export) -> None:
    (doctor,) = [row for row in clinic.rows["providers"] if row["linked_person_id"]]
    (patient,) = [row for row in clinic.rows["patients"] if row["linked_person_id"]]
    same = ("linked_person_id", "title", "first_name", "middle_name", "last_name", "suffix", "created_at", "updated_at")
    assert {name: doctor[name] for name in same} == {name: patient[name] for name in same}
    assert patient["home_location_id"] == doctor["location_id"]
    assert patient["account_owner_id"] == doctor["staff_id"]
    assert patient["email"] != doctor["work_email"]


def test_claims_add_up(clinic: Export) -> None:
    def cents(entries: list[Row], name: str) -> int:
        return sum(round(float(entry[name]) * 100) for entry in entries)

    for claim in clinic.rows["claims"]:
        charged = cents(claim["lines"], "charge")
        settled = cents(claim["payments"], "amount") + cents(claim["adjustments"], "amount")
        assert charged - settled == round(float(claim["balance"]) * 100), claim["claimId"]


def test_nothing_was_written_after_the_export(clinic: Export) -> None:
    for name, table in TABLES.items():
        column = next((one for one in table.columns if one in ("updated_at", "updatedAt")), None)
        if column and name != "properties":
            latest = max(datetime.fromisoformat(row[column]) for row in clinic.rows[name])
            assert latest <= datetime.fromisoformat("2025-06-02T10:00:00Z"), name
