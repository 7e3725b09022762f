"""An export with one large object: the sample clinic's people and places, and appointments without end."""

import csv
import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

#: Of the sample clinic; enough for its variety, and for the patients that are added to have somebody to look like.
PATIENTS: Final = 60
#: Appointments of each patient that is added.
EACH: Final = 20
#: Files that the load of appointments needs; what else a clinic has would only take time.
KEPT: Final = ("locations.json", "referral_sources.csv", "providers.csv", "staff_directory.xlsx", "patients.csv",
               "appointments.csv")  # fmt: skip
_FIRST: Final = datetime(2022, 1, 3, 8)


def enlarge(folder: Path, appointments: int) -> int:
    """Makes an export of the sample clinic one of about so many appointments, most of them of patients that are added.

    Returns how many of them are to land.
    """
    for path in folder.iterdir():
        if path.is_file() and path.name not in KEPT:
            path.unlink()
    patients, header = _read(folder / "patients.csv")
    models = [one for one in patients if one["deleted"] == "0" and one["status"] == "Active"]
    booked, columns = _read(folder / "appointments.csv")
    added = [_patient(number, models[number % len(models)]) for number in range(-(-appointments // EACH))]
    known = {one["patient_id"] for one in patients if one["deleted"] == "0"}
    booked = [one for one in booked if one["deleted"] == "0" and one["patient_id"] in known]
    more = itertools.islice(_appointments(added, booked), max(0, appointments - len(booked)))
    _write(folder / "patients.csv", header, [*patients, *added])
    calendar = [*booked, *more]
    _write(folder / "appointments.csv", columns, calendar)
    return len(calendar)


def _patient(number: int, model: dict[str, str]) -> dict[str, str]:
    """Somebody else of the same kind: nothing that identifies a person is shared with the model."""
    own = {"patient_id": f"{5_000_000 + number}", "mrn": f"9{number:08d}", "linked_person_id": "", "ssn": "",
           "email": f"patient{number}@mail.example", "last_name": f"Load{number:05d}"}  # fmt: skip
    return {**model, **own}


def _appointments(patients: list[dict[str, str]], models: list[dict[str, str]]) -> Iterator[dict[str, Any]]:
    for number, (place, patient) in enumerate(itertools.product(range(EACH), patients)):
        start = _FIRST + timedelta(days=7 * place + number % 5, minutes=15 * (number % 32))
        model = models[number % len(models)]
        yield {**model, "appointment_id": f"L{number:07d}", "patient_id": patient["patient_id"],
               "start_at": f"{start:%Y-%m-%d %H:%M:%S}", "series_id": ""}  # fmt: skip


def _read(path: Path) -> tuple[list[dict[str, str]], list[str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        return list(reader), list(reader.fieldnames or [])


def _write(path: Path, header: list[str], rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, header)
        writer.writeheader()
        writer.writerows(rows)
