"""What happens at a patient's visits: appointments, encounters, prescriptions, and what surrounds them."""

from datetime import datetime, timedelta
from typing import Any, Final

from local.clinic.entries import MISSING_PATIENT, Chart, Entry, pick
from local.clinic.mess import has
from local.clinic.patients import stamps
from local.clinic.practice import Practice
from local.clinic.times import iso_offset, naive, us
from local.clinic.vocabulary import (
    ALLERGENS,
    APPOINTMENT_TYPES,
    ARRIVED_STATUSES,
    COMING_STATUSES,
    COMPLAINTS,
    CONTROLLED_DRUGS,
    DIAGNOSES,
    DRUGS,
    PAST_STATUSES,
    PHARMACIES,
    PLANS,
    PRESCRIPTION_STATUSES,
    UNKNOWN_DRUG,
    UNKNOWN_STATUSES,
    VACCINES,
)

#: A practitioner id that no provider has: somebody who left before the practice bought this system.
UNKNOWN_PRACTITIONER: Final = "DR999"

#: 30 and 45 minutes as other screens of the system write them
_ODD_DURATIONS: Final = ("0:30", "45 min", "PT30M", "")
_SEEN: Final = frozenset({"Completed", "Checked Out"})


def add_visits(chart: Chart, practice: Practice) -> None:
    """Adds appointments, encounters, prescriptions, reminders, allergies and immunizations to the chart."""
    rng, number = chart.rng, chart.number
    for place in range(3 + int(rng.random() * 6)):
        add_appointment(chart, practice, place, _slot(chart, coming=rng.random() < 0.18))
    if has("arrived", number):
        add_appointment(chart, practice, 30, chart.exported.replace(hour=8), pick(rng, ARRIVED_STATUSES))
    if has("unknown_status", number):
        add_appointment(chart, practice, 31, _slot(chart, coming=False), pick(rng, UNKNOWN_STATUSES))
    if has("series", number):
        _series(chart, practice)
    if rng.random() < 0.3 or not chart.rows("encounters"):
        add_encounter(chart, practice, len(chart.rows("encounters")), _slot(chart, coming=False), None)
    _strays(chart, practice)
    _lists(chart)


def _slot(chart: Chart, coming: bool) -> datetime:
    """A quarter hour of a working day, before or after the export."""
    rng = chart.rng
    days = 1 + int(rng.random() * (90 if coming else 1200))
    day = chart.exported + timedelta(days=days if coming else -days)
    day -= timedelta(days=max(0, day.weekday() - 4))
    return day.replace(hour=8 + int(rng.random() * 9), minute=15 * int(rng.random() * 4))


def add_appointment(
    chart: Chart, practice: Practice, place: int, start: datetime, status: str = "", series: str = ""
) -> Entry:
    """An appointment, and, when the patient was seen, the encounter with its prescriptions."""
    rng = chart.rng
    kind, minutes = pick(rng, APPOINTMENT_TYPES)
    status = status or pick(rng, PAST_STATUSES if start < chart.exported else COMING_STATUSES)
    booked = min(start, chart.exported) - timedelta(days=1 + int(rng.random() * 30), hours=2)
    odd = has("odd_duration", chart.number) and place == 0
    gone = has("deleted_appointment", chart.number) and place == 1
    row = {
        "appointment_id": f"A{chart.number:06d}-{place}", "patient_id": chart.patient_id,
        "provider_id": chart.provider if rng.random() < 0.8 else pick(rng, practice.providers),
        "location_id": chart.location, "start_at": naive(start),
        "duration": pick(rng, _ODD_DURATIONS) if odd else str(minutes), "type": kind, "status": status,
        "series_id": series, "reason": pick(rng, ("", *COMPLAINTS)), "reminder_sent": pick(rng, ("Y", "N")),
        **stamps(chart, booked), "deleted": "1" if gone else "0",
    }  # fmt: skip
    entry = chart.add("appointments", row, "excluded:soft_deleted" if gone else "fed:appointment")
    if status in _SEEN and not gone and rng.random() < 0.92:
        add_encounter(chart, practice, len(chart.rows("encounters")), start, row)
    if rng.random() < 0.12:
        reminder = {
            "reminder_id": f"M{chart.number:06d}-{place}", "patient_id": chart.patient_id,
            "appointment_id": row["appointment_id"], "channel": pick(rng, ("SMS", "Email")),
            "send_at": naive(start - timedelta(hours=24)), "status": "Sent" if start < chart.exported else "Queued",
        }  # fmt: skip
        chart.add_stray("reminders", reminder, "excluded:out_of_scope", records=0)
    return entry


def _series(chart: Chart, practice: Practice) -> None:
    first = _slot(chart, coming=True) - timedelta(days=28)
    series = f"S-{chart.number:06d}"
    for week in range(6):
        add_appointment(chart, practice, 40 + week, first + timedelta(weeks=week), series=series)
    rule = {
        "series_id": series, "patient_id": chart.patient_id, "provider_id": chart.provider,
        "rule": f"FREQ=WEEKLY;COUNT=6;BYDAY={first:%a}"[:-1].upper(), "starts_on": f"{first:%Y-%m-%d}",
        "ends_on": f"{first + timedelta(weeks=5):%Y-%m-%d}",
    }  # fmt: skip
    chart.add_stray("recurring_rules", rule, "excluded:out_of_scope", records=0)


def add_encounter(
    chart: Chart, practice: Practice, place: int, start: datetime, appointment: dict[str, Any] | None
) -> Entry:
    """An encounter: of the appointment, or of somebody who walked in."""
    rng, number = chart.rng, chart.number
    complaint = pick(rng, COMPLAINTS)
    begun = start + timedelta(minutes=int(rng.random() * 20))
    ended = begun + timedelta(minutes=12 + int(rng.random() * 40))
    provider = appointment["provider_id"] if appointment else chart.provider
    linked = appointment["appointment_id"] if appointment else ""
    if place == 0:
        provider = UNKNOWN_PRACTITIONER if has("unknown_practitioner", number) else provider
        linked = "A999999-0" if has("unknown_appointment", number) else linked
    found = [] if has("no_diagnosis", number) else rng.sample(DIAGNOSES, 1 + int(rng.random() * 3))
    row = {
        "encounter_id": f"E{number:06d}-{place}", "patient_id": chart.patient_id, "provider_id": provider,
        "location_id": chart.location, "appointment_id": linked,
        "visit_type": appointment["type"] if appointment else "Walk-in",
        "started_at": iso_offset(begun), "ended_at": iso_offset(ended), "reason": complaint,
        "diagnoses": ";".join(f"ICD10:{code}|{text}" for code, text in found),
        "note_html": _note(chart, complaint, place), "treatment_plan": "\n".join(
            dict.fromkeys(pick(rng, PLANS) for _ in range(1 + int(rng.random() * 3)))
        ),
        "signed_at": iso_offset(ended + timedelta(hours=1)), **stamps(chart, ended), "deleted": "0",
    }  # fmt: skip
    entry = chart.add("encounters", row, "fed:encounter")
    if rng.random() < 0.55 or place == 0:
        _prescriptions(chart, place, row, begun)
    return entry


def _note(chart: Chart, complaint: str, place: int) -> str:
    shown = complaint.replace("&", "&amp;").replace("<", "&lt;")
    times = 90 if has("long_note", chart.number) and place == 0 else 1
    exam = "<li>Lungs clear</li><li>No edema</li><li>Gait &quot;steady&quot;&nbsp;today</li>" * times
    return f"<p><b>Subjective:</b> Patient reports {shown}.</p>\n<p>Objective:<br/>see below</p><ul>{exam}</ul>"


def _prescriptions(chart: Chart, visit: int, encounter: dict[str, Any], written: datetime) -> None:
    rng, number = chart.rng, chart.number
    drugs = [pick(rng, DRUGS)]
    if visit == 0 and has("controlled", number):
        drugs.append(pick(rng, CONTROLLED_DRUGS))
    if visit == 0 and has("unknown_drug", number):
        drugs.append(UNKNOWN_DRUG)
    for place, (code, name, dose, sig, frequency, controlled) in enumerate(drugs):
        blank = visit == 0 and place == 0 and has("blank_id", number)
        unknown = visit == 0 and place == 0 and has("unknown_encounter", number)
        status = pick(rng, PRESCRIPTION_STATUSES)
        row = {
            "rx_id": "" if blank else f"5148109{number:08d}{visit:03d}{place}", "patient_id": chart.patient_id,
            "prescriber_id": encounter["provider_id"],
            "encounter_id": "E999999-0" if unknown else encounter["encounter_id"],
            "drug_name": name, "rxnorm": code, "dose": dose, "sig": sig, "frequency": frequency,
            "quantity": pick(rng, ("30", "60", "90", "1 bottle", "")), "refills": pick(rng, ("0", "1", "3", "11", "")),
            "written_on": us(written),
            "end_on": us(written + timedelta(days=30)) if status in ("Completed", "Discontinued") else "",
            "status": status, "pharmacy": pick(rng, PHARMACIES), "controlled": controlled,
            **stamps(chart, written), "deleted": "0",
        }  # fmt: skip
        chart.add("prescriptions", row, "fed:prescription")


def _strays(chart: Chart, practice: Practice) -> None:
    """Rows whose patient is missing, or was never entered."""
    number = chart.number
    for flaw, patient, place in (
        ("orphan_appointment", MISSING_PATIENT, 90),
        ("appointment_without_patient", "", 91),
    ):
        if has(flaw, number):
            start = _slot(chart, coming=True)
            row = {
                "appointment_id": f"A{number:06d}-{place}", "patient_id": patient, "provider_id": chart.provider,
                "location_id": chart.location, "start_at": naive(start), "duration": "60", "type": "New Patient",
                "status": "Scheduled", "series_id": "", "reason": "", "reminder_sent": "N",
                **stamps(chart, chart.exported - timedelta(days=3)), "deleted": "0",
            }  # fmt: skip
            chart.add_stray("appointments", row, "fed:appointment")
    if has("orphan_encounter", number):
        start = _slot(chart, coming=False)
        row = {
            "encounter_id": f"E{number:06d}-90", "patient_id": MISSING_PATIENT, "provider_id": chart.provider,
            "location_id": chart.location, "appointment_id": "", "visit_type": "Office Visit",
            "started_at": iso_offset(start), "ended_at": "", "reason": "", "diagnoses": "ICD10:I10|", "note_html": "",
            "treatment_plan": "", "signed_at": "", **stamps(chart, start), "deleted": "0",
        }  # fmt: skip
        chart.add_stray("encounters", row, "fed:encounter")


def _lists(chart: Chart) -> None:
    """What the target has no place for."""
    rng, number = chart.rng, chart.number
    if rng.random() < 0.5:
        row = {
            "allergy_id": f"L{number:06d}", "patient_id": chart.patient_id, "allergen": pick(rng, ALLERGENS),
            "reaction": pick(rng, ("hives", "anaphylaxis", "")), "severity": pick(rng, ("mild", "severe", "")),
            "noted_on": us(chart.registered), "status": "Active",
        }  # fmt: skip
        chart.add_stray("allergies", row, "excluded:out_of_scope", records=0)
    for place in range(int(rng.random() * 3)):
        cvx, vaccine = pick(rng, VACCINES)
        row = {
            "immunization_id": f"V{number:06d}-{place}", "patient_id": chart.patient_id, "cvx": cvx,
            "vaccine": vaccine, "given_on": us(_slot(chart, coming=False)), "lot": f"L{int(rng.random() * 9999):04d}",
            "location_id": chart.location,
        }  # fmt: skip
        chart.add_stray("immunizations", row, "excluded:out_of_scope", records=0)
