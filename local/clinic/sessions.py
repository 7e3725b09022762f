"""Group sessions and blocked time: rows of the calendar that belong to no single patient."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Final

from local.clinic.changes import ever_removed
from local.clinic.entries import MISSING_PATIENT, Entry, pick
from local.clinic.mess import has
from local.clinic.patients import patient_id
from local.clinic.practice import Practice
from local.clinic.times import iso_z, naive
from local.clinic.vocabulary import BLOCKS, GROUPS

#: A group session for so many patients, and a blocked time for so many.
_PER_SESSION: Final = 50
_PER_BLOCK: Final = 20


def calendar_after(number: int, seed: int, practice: Practice, exported: datetime) -> Iterator[Entry]:
    """The rows that are written after the patient of that number."""
    rng = Random(f"{seed}:calendar:{number}")
    if number % _PER_BLOCK == _PER_BLOCK - 1:
        yield _blocked(rng, number, practice, exported)
    if number % _PER_SESSION == _PER_SESSION - 1:
        yield _session(rng, number, practice, exported)


def _times(created: datetime) -> dict[str, str]:
    return {"created_at": iso_z(created), "updated_at": iso_z(created), "created_by": "0002"}


def _blocked(rng: Random, number: int, practice: Practice, exported: datetime) -> Entry:
    start = (exported + timedelta(days=int(rng.random() * 200) - 150)).replace(hour=12)
    row = {
        "appointment_id": f"B{number:06d}", "patient_id": "", "provider_id": pick(rng, practice.providers),
        "location_id": pick(rng, practice.locations), "start_at": naive(start), "duration": "60", "type": "Blocked",
        "status": "", "series_id": "", "reason": pick(rng, BLOCKS), "reminder_sent": "",
        **_times(min(start, exported) - timedelta(days=20)), "deleted": "0",
    }  # fmt: skip
    return Entry("appointments", row, "excluded:blocked_time")


def _session(rng: Random, number: int, practice: Practice, exported: datetime) -> Entry:
    which = number // _PER_SESSION
    kind, minutes = pick(rng, GROUPS)
    start = (exported - timedelta(days=1 + int(rng.random() * 300))).replace(hour=17)
    members = range(number - _PER_SESSION + 1, number + 1)
    able = [one for one in members if not has("deleted_patient", one) and not ever_removed(one)]
    people = [] if which % 5 == 3 else [patient_id(one) for one in sorted(rng.sample(able, 3 + which % 4))]
    if which % 4 == 2 and people:
        people.append(MISSING_PATIENT)
    deleted = which % 7 == 5
    row = {
        "session_id": f"GS{which:05d}", "provider_id": pick(rng, practice.providers),
        "location_id": pick(rng, practice.locations), "start_at": naive(start), "duration": str(minutes),
        "type": kind, "status": "Completed",
        "attendees": "; ".join(f"{one}:{pick(rng, ('attended', 'attended', 'no show'))}" for one in people),
        "notes": "Topic: " + pick(rng, ("nutrition", "sleep", "stress & coping")),
        **_times(start - timedelta(days=20)), "deleted": "1" if deleted else "0",
    }  # fmt: skip
    if not people:
        return Entry("group_sessions", row, "excluded:no_attendees", records=0)
    return Entry("group_sessions", row, "excluded:soft_deleted" if deleted else "fed:appointment", len(people))
