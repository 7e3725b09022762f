"""A practice that files its patients by social security number: the number lands in its column, and stands nowhere else."""

import csv
import json
import random
from pathlib import Path
from typing import Any

from azure.storage.blob import BlobServiceClient

from tests.e2e.road import Road
from tests.e2e.system import System

PATIENTS = 24
NUMBERS = [f"{300 + n}-{20 + n}-{4000 + 7 * n}" for n in range(PATIENTS)]
#: Named by a visit and by no patient.
STRANGER = "666-12-9876"


def save(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def practice(folder: Path) -> Path:
    """Patients by their number, visits that name it, one of them a stranger's; a date that no calendar has."""
    chance = random.Random(1)
    people = [
        {"ssn": number, "first_name": f"Ana{n}", "last_name": "Sample", "date_of_birth": f"19{n % 60 + 20}-03-14",
         "sex": "FM"[n % 2], "email": "not an address" if n == 3 else f"p{n}@x.example"}
        for n, number in enumerate(NUMBERS)
    ]  # fmt: skip
    visits = [
        {"appointment_id": f"V{n}", "patient": chance.choice(NUMBERS) if n else STRANGER,
         "starts_at": f"2025-03-{n % 28 + 1:02d} 09:30", "status": "Scheduled"}
        for n in range(60)
    ]  # fmt: skip
    save(folder / "patients.csv", people)
    save(folder / "appointments.csv", visits)
    return folder


def test_the_number_is_in_no_key_log_exception_or_name(system: System, tmp_path: Path) -> None:
    road = Road(system, "by-number", profile="none")
    road.upload(practice(tmp_path / "export"))
    road.step("scope")
    states = {row["Dataset or object"]: row["State"] for row in road.table("scope", "Ids that are health information")}
    assert states == {"patients": "hashed", "appointments": "hashed"}
    road.confirm()
    road.step("prepare")
    road.step("sample")
    road.sign_off()
    road.run()

    contacts = [row for row in system.rows("contact") if row["governmentid"] in NUMBERS]
    assert len(contacts) == PATIENTS
    keys = {row["cms_sourcekey"] for row in contacts}
    ids = {row["contactid"] for row in contacts}
    visits = system.rows("cms_clinicappointment")
    assert len(visits) > PATIENTS and {row["cms_patient"] for row in visits} <= ids  # the links hold
    without = [{**row, "governmentid": None} for row in contacts]

    audit = road.audit()
    logged = {row["source_id"] for row in audit if "|patient|" in row["PartitionKey"] and row.get("source_id")}
    assert logged == {key.rpartition(".")[2] for key in keys}
    exceptions = road.get("exceptions")["exceptions"]
    assert {(row["object"], row["code"]) for row in exceptions} == {
        ("patient", "bad_email"), ("appointment", "missing_parent"),
    }  # fmt: skip
    seen = json.dumps([audit, exceptions, without, visits, road.get(), names(system)], default=str)
    assert not [number for number in (*NUMBERS, STRANGER) if number in seen]
    for log in system.state.rglob("*.log"):
        assert not [number for number in (*NUMBERS, STRANGER) if number in log.read_text("utf-8", "replace")], log.name


def names(system: System) -> list[str]:
    """Every name in the storage."""
    with BlobServiceClient.from_connection_string(system.places().app_environment()["AzureWebJobsStorage"]) as storage:
        return [
            f"{container.name}/{blob}"
            for container in storage.list_containers()
            for blob in storage.get_container_client(container.name).list_blob_names()
        ]
