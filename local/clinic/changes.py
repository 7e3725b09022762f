"""What a day does to the charts: the export of day 2 is the one of day 1 with these changes and no others."""

from datetime import datetime, timedelta
from random import Random
from typing import Final

from local.clinic.entries import Chart, Entry, pick
from local.clinic.manifest import Manifest
from local.clinic.practice import Practice
from local.clinic.times import exported, iso_z
from local.clinic.visits import add_appointment, add_encounter

#: One patient in so many …
_EDITED: Final = 50
_APPOINTMENT_EDITED: Final = 8
_NEW_APPOINTMENT: Final = 40
_NEW_ENCOUNTER: Final = 60
_APPOINTMENT_REMOVED: Final = 250
_PRESCRIPTION_DELETED: Final = 300
_PATIENT_REMOVED: Final = 500
_NEW_PATIENT: Final = 200

_REMOVED_FIRST: Final = 137


def ever_removed(number: int) -> bool:
    """Whether the patient of that number is taken out of the system on some later day."""
    return number % _PATIENT_REMOVED == _REMOVED_FIRST


def new_patients(patients: int, day: int) -> int:
    """How many patients were registered after the first day."""
    return (day - 1) * max(1, patients // _NEW_PATIENT)


def a_day_later(chart: Chart, seed: int, day: int, practice: Practice, manifest: Manifest) -> None:
    """Changes the chart as that day did, and counts in the manifest which records a delta must find."""
    number, now = chart.number, exported(day)
    rng = Random(f"{seed}:{number}:day{day}")
    turn = number + 17 * day
    if ever_removed(number):
        for entry in chart.entries:
            manifest.changed("gone", entry)
        chart.entries.clear()
        chart.files.clear()
        return
    if turn % _EDITED == 0:
        for entry in chart.rows("patients"):
            _edit(entry, now, {"mobile_phone": f"617-555-01{int(rng.random() * 100):02d}", "address2": "Apt 2F"})
            manifest.changed("changed", entry)
    if turn % _APPOINTMENT_EDITED == 0:
        entry = next(one for one in chart.rows("appointments") if one.row["patient_id"] == chart.patient_id)
        _edit(entry, now, {"reason": f"Rescheduled by phone on day {day}", "reminder_sent": "Y"})
        manifest.changed("changed", entry)
    known = len(chart.entries)
    chart.rng = rng
    chart.exported = now
    if turn % _NEW_APPOINTMENT == 1:
        add_appointment(chart, practice, 60 + day, now + timedelta(days=10, hours=4), "Scheduled")
    if turn % _NEW_ENCOUNTER == 2:
        start = (now - timedelta(days=1)).replace(hour=10)
        add_encounter(chart, practice, 60 + day, start, None)
    for entry in chart.entries[known:]:
        manifest.changed("new", entry)
    if turn % _APPOINTMENT_REMOVED == 3:
        _remove_appointment(chart, manifest)
    if turn % _PRESCRIPTION_DELETED == 4:
        entry = pick(rng, chart.rows("prescriptions"))
        _edit(entry, now, {"deleted": "1"})
        manifest.changed("soft_deleted", entry)
        entry.account = "excluded:soft_deleted"


def _edit(entry: Entry, now: datetime, values: dict[str, str]) -> None:
    entry.row.update(values)
    entry.row["updated_at"] = iso_z(now - timedelta(hours=12))


def _remove_appointment(chart: Chart, manifest: Manifest) -> None:
    """Takes out the last appointment that nothing points at."""
    used = {entry.row["appointment_id"] for name in ("encounters", "reminders") for entry in chart.rows(name)}
    free = [
        entry
        for entry in chart.rows("appointments")
        if entry.row["appointment_id"] not in used and entry.row["patient_id"] == chart.patient_id
    ]
    if free:
        manifest.changed("gone", free[-1])
        chart.entries.remove(free[-1])
