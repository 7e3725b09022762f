"""A source that no profile knows gets one: its rows find their patients and are all accounted for."""

import csv
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mapping.matching.engine import propose as match
from mapping.model import FieldMap
from mapping.objects import ObjectName
from mapping.review import left_behind
from sources.discover import list_files, with_columns
from sources.errors import UnknownSource
from sources.generated.build import build_profile, to_yaml
from sources.generated.picks import NONE_PICKED, BadPick, Pick, Picks
from sources.generated.reading import understand
from sources.profile import Profile, parse_profile
from sources.profiling.source import datasets_of, profile_source
from tests.sources.helpers import Shaped, shape_folder, shared


def proposed(folder: Path, work: Path, picks: Picks = NONE_PICKED) -> Profile:
    """The profile of a folder, as it comes back from its text."""
    seen = [with_columns(file) for file in list_files(folder)]
    documents, problems = profile_source(datasets_of(seen), work, 256)
    assert problems == {}
    others = [file.name for file in seen if file.kind == "other"]
    made = build_profile(documents, understand(documents, match, picks), others, picks=picks)
    return parse_profile(to_yaml(made), "proposed")


def picks(**chosen: ObjectName | None) -> Picks:
    """A person's choices; one that feeds nothing has its reason."""
    return {
        name: Pick(object=one, reason="" if one else "Not wanted.", by="Ann", at=datetime.now(UTC))
        for name, one in chosen.items()
    }


def save(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def practice(tmp_path: Path) -> Path:
    """A made-up practice: people, doctors, visits (some deleted, one without a person), secrets, billing, a fridge."""
    folder = tmp_path / "export"
    people = [
        {"person_no": f"P{n:03d}", "first_name": f"Ana{n}", "last_name": "Sample", "date_of_birth": f"19{n % 80 + 10}-03-14",
         "sex": "FM"[n % 2], "email": f"p{n}@x.example", "zip": "02139", "is_deleted": int(n == 5), "hobby": "chess"}
        for n in range(40)
    ]  # fmt: skip
    save(folder / "patients.csv", people)
    doctors = [
        {"doctor_id": f"D{n}", "first_name": "Bo", "last_name": f"Doc{n}", "npi": "1234567893", "password": "hunter2"}
        for n in range(4)
    ]
    save(folder / "doctors.csv", doctors)
    visits = [
        {"appointment_id": f"V{n}", "person_no": "" if n == 7 else f"P{n % 40:03d}", "doctor_id": f"D{n % 4}",
         "starts_at": f"03/{n % 28 + 1:02d}/2025 09:30 AM", "status": "Scheduled", "void": "Y" if n == 3 else "N"}
        for n in range(90)
    ]  # fmt: skip
    save(folder / "appointments.csv", visits)
    save(folder / "fridge.csv", [{"day": "2025-03-04", "celsius": "4.1"}])
    save(folder / "invoices_2024.csv", [{"nr": 1, "total": "10.00"}])
    (folder / "scans").mkdir()
    (folder / "scans" / "P001.pdf").write_bytes(b"%PDF")
    return folder


def test_a_practice_that_nobody_knows_is_shaped_and_accounted_for(practice: Path, tmp_path: Path) -> None:
    profile = proposed(practice, tmp_path / "profiling")
    shaped: Shaped = shape_folder(practice, tmp_path / "work", 3, profile)
    assert shaped.accounts == {
        "patients": {"fed:patient": 39, "excluded:soft_deleted": 1},
        "doctors": {"fed:practitioner": 4},
        "appointments": {"fed:appointment": 86, "excluded:soft_deleted": 1, "excluded:patient_deleted": 3},
        "fridge": {"excluded:out_of_scope": 1},
    }
    assert [file.name for file in shaped.detection.unknown_files] == ["invoices_2024.csv"]  # exported as it is
    assert [file.name for file in shaped.detection.documents] == ["scans/P001.pdf"]
    assert profile.datasets["doctors"].withheld == ["password"]
    assert not any("hunter2" in str(record) for records in shaped.records.values() for record in records)

    visits = shaped.by_id("appointment")
    assert (visits["V1"]["_patient"], visits["V1"]["_practitioner"]) == ("P001", "D1")
    assert visits["V3"]["_excluded"] == "soft_deleted"
    assert visits["V7"]["_patient"] is None
    assert visits["V5"]["_excluded"] == visits["V45"]["_excluded"] == "patient_deleted"
    patients = shaped.by_id("patient")
    assert (patients["P001"]["kind"], patients["P005"]["_excluded"]) == ("Patient", "soft_deleted")

    fields = {field["source"]: field for field in profile.map["appointment"]["routes"][0]["fields"]}
    assert fields["starts_at"]["args"] == {"format": "us"}
    assert fields["person_no"]["args"] == {"object": "patient", "required": True}
    assert fields["doctor_id"]["column"] == "Practitioner"
    assert all(0 < field.get("confidence", 1) <= 1 for field in fields.values())
    maps = (FieldMap.model_validate(one) for some in profile.map.values() for one in some["routes"][0]["fields"])
    left = [one for one in maps if one.status == "ignored"]
    assert left and all(map(left_behind, left))  # a person has to accept what no column was found for


def test_files_without_patients_are_refused_with_what_was_seen(tmp_path: Path) -> None:
    save(tmp_path / "in" / "fridge.csv", [{"day": f"2025-03-{n:02d}", "celsius": "4.1"} for n in range(1, 29)])
    with pytest.raises(UnknownSource, match=r"no dataset that looks like the list of patients.*fridge \(28 rows"):
        proposed(tmp_path / "in", tmp_path / "work")


def test_a_folder_without_records_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "letter.txt").write_text("hello")
    with pytest.raises(UnknownSource, match="no files with records"):
        proposed(tmp_path / "in", tmp_path / "work")


@pytest.mark.parametrize(
    ("name", "records"),
    [
        ("gnuhealth", {"patient": 46, "practitioner": 6, "location": 3, "staff": 7, "appointment": 160, "encounter": 160,
                       "insurance": 40, "prescription": 36}),
        ("synthea-csv-claims", {"patient": 27, "practitioner": 166, "location": 63, "encounter": 604, "claim": 1267,
                                "insurance": 1051, "prescription": 663}),
    ],
)  # fmt: skip
def test_real_systems_without_their_profile(name: str, records: dict[str, int], tmp_path: Path) -> None:
    profile = proposed(shared(name), tmp_path / "profiling")
    shaped = shape_folder(shared(name), tmp_path / "work", 2, profile)
    assert Counter({key: len(some) for key, some in shaped.records.items()}) == Counter(records)
    patients = {record["_id"] for record in shaped.of("patient")}
    for one in ("appointment", "encounter", "prescription"):
        assert {record["_patient"] for record in shaped.of(one)} <= patients


def test_ids_that_are_health_information_are_nowhere_but_in_their_column(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    numbers = [f"{100 + n}-{10 + n}-{1000 + n}" for n in range(40)]
    people = [
        {"ssn": number, "first_name": f"Ana{n}", "last_name": "Sample", "date_of_birth": f"19{n % 80 + 10}-03-14"}
        for n, number in enumerate(numbers)
    ]  # fmt: skip
    save(folder / "patients.csv", people)
    visits = [
        {"appointment_id": f"V{n}", "patient": numbers[n % 40], "starts_at": "2025-03-04 09:30", "status": "Scheduled"}
        for n in range(90)
    ]  # fmt: skip
    save(folder / "appointments.csv", visits)
    drugs = [
        {"patient": numbers[n % 40], "medication": "Lisinopril 10 MG", "prescribed_date": f"2025-03-{n % 28 + 1:02d}"}
        for n in range(90)
    ]
    save(folder / "prescriptions.csv", drugs)  # no key of its own
    profile = proposed(folder, tmp_path / "profiling")
    assert {name: one.hashed for name, one in profile.datasets.items()} == {
        "patients": ["ssn"], "appointments": ["patient"], "prescriptions": ["patient"],
    }  # fmt: skip
    shaped = shape_folder(folder, tmp_path / "work", 3, profile, secret="5e")
    again = shape_folder(folder, tmp_path / "again", 3, profile, secret="5e")
    assert again.records == shaped.records
    patients = shaped.by_id("patient")
    assert len(patients) == 40 and {one["_patient"] for one in shaped.of("appointment")} == patients.keys()
    assert patients.keys().isdisjoint(
        shape_folder(folder, tmp_path / "other", 3, profile, secret="5f").by_id("patient")
    )
    governed = {
        field["source"]
        for field in profile.map["patient"]["routes"][0]["fields"]
        if field.get("column") == "governmentid"
    }
    assert governed == {"ssn"}
    assert sorted(one.pop("ssn") for one in patients.values()) == sorted(numbers)
    left = str(shaped.records)
    assert not [number for number in numbers if number in left]
    keys = {
        field["source"]
        for field in profile.map["appointment"]["routes"][0]["fields"]
        if field.get("column") == "Patient"
    }
    assert {one[keys.copy().pop()] for one in shaped.of("appointment")} == patients.keys()


@pytest.fixture
def misnamed(practice: Path) -> Path:
    """The same practice with a list of drugs whose name and columns say little."""
    drugs = [
        {"nr": f"R{n}", "person_no": f"P{n % 40:03d}", "what": "Lisinopril 10 MG", "when": f"2025-03-{n % 28 + 1:02d}"}
        for n in range(60)
    ]
    save(practice / "tbl_x.csv", drugs)
    return practice


def test_a_dataset_feeds_the_object_that_a_person_picked_for_it(misnamed: Path, tmp_path: Path) -> None:
    before = proposed(misnamed, tmp_path / "before")
    assert "prescription" not in before.objects
    profile = proposed(misnamed, tmp_path / "after", picks(tbl_x="prescription", appointments=None))
    shaped = shape_folder(misnamed, tmp_path / "work", 3, profile)
    assert shaped.accounts["tbl_x"] == {"fed:prescription": 58, "excluded:patient_deleted": 2}
    assert shaped.by_id("prescription")["R1"]["_patient"] == "P001"
    assert profile.datasets["appointments"].out_of_scope == "Not wanted."
    assert shaped.accounts["appointments"] == {"excluded:out_of_scope": 90}
    assert "appointment" not in profile.objects
    # What nobody picked is as it was proposed.
    assert profile.objects["practitioner"] == before.objects["practitioner"]


@pytest.mark.parametrize(
    ("chosen", "why"),
    [
        ({"fridge": "encounter"}, "fridge cannot feed encounter: no column links its rows to a patient"),
        ({"fridge": "staff"}, "fridge cannot feed staff: it has no id column"),
        ({"fridge": "patient"}, "fridge cannot feed patient: it has no id column"),
        ({"doctors": "patient", "patients": "patient"}, "cannot feed patient: no column links its rows to the rows of"),
        ({"doctors": "custom_property"}, "doctors cannot feed custom_property: that takes a row for each value"),
    ],
)
def test_what_cannot_be_made_of_a_dataset_is_refused_in_words(
    chosen: dict[str, ObjectName], why: str, practice: Path, tmp_path: Path
) -> None:
    save(practice / "fridge.csv", [{"day": "2025-03-04", "celsius": "4.1"}] * 3)
    with pytest.raises(BadPick, match=why):
        proposed(practice, tmp_path / "work", picks(**chosen))


def test_a_dataset_whose_rows_name_no_patient_is_joined_to_the_records_that_name_it(
    practice: Path, tmp_path: Path
) -> None:
    with (practice / "appointments.csv").open(newline="", encoding="utf-8") as file:
        visits = [one | {"tbl_k_id": f"K{n % 6}"} for n, one in enumerate(csv.DictReader(file))]
    save(practice / "appointments.csv", visits)
    save(practice / "tbl_k.csv", [{"tbl_k_id": f"K{n}", "purpose": f"Visit of kind {n}"} for n in range(6)])
    profile = proposed(practice, tmp_path / "work", picks(tbl_k="appointment"))
    shaped = shape_folder(practice, tmp_path / "shaped", 2, profile)
    assert shaped.accounts["tbl_k"] == {"merged:appointment": 6}
    assert len(shaped.of("appointment")) == 90
    assert "Visit of kind 1" in shaped.by_id("appointment")["V1"].values()


def test_a_pick_of_a_dataset_that_is_not_there_any_more_asks_nothing(practice: Path, tmp_path: Path) -> None:
    profile = proposed(practice, tmp_path / "work", picks(gone="encounter", gone_too=None))
    assert profile == proposed(practice, tmp_path / "again")


def test_the_list_of_patients_is_the_one_that_was_picked(practice: Path, tmp_path: Path) -> None:
    members = [{"member_id": f"M{n}", "first_name": f"Bea{n}", "last_name": "Sample"} for n in range(9)]
    save(practice / "members.csv", members)  # whom no visit names, so that the matcher would not take them
    profile = proposed(practice, tmp_path / "work", picks(members="patient"))
    assert profile.detect == {"members": ["member_id"]}
    with pytest.raises(UnknownSource, match="no dataset that looks like the list of patients"):
        proposed(practice, tmp_path / "none", picks(patients=None))
