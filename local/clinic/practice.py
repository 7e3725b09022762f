"""The practice itself: its places, people and rules. Grows slowly with the number of patients."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, Final

from local.clinic.entries import Entry, pick
from local.clinic.mess import SHARED_PATIENT, SHARED_PROVIDER
from local.clinic.times import iso_z, naive
from local.clinic.vocabulary import (
    CITIES,
    FEMALE,
    LAST,
    MALE,
    PROPERTIES,
    SPECIALTIES,
    STREETS,
)

MAIL: Final = "lakeside-clinic.example"
_OPENED: Final = datetime(2012, 3, 5, 9, 0)

#: provider number -> what is odd about that provider
INVALID_NPI: Final = 3
SHORT_NPI: Final = 6
NO_USER: Final = 5
DISABLED_USER: Final = 4
LEFT: Final = 8
DELETED: Final = 9

#: office staff number -> what is odd about that person
_STAFF_WITHOUT_USER: Final = 2
_STAFF_DISABLED: Final = 3
_EX_STAFF_DISABLED: Final = 4
_EX_STAFF_WITHOUT_USER: Final = 5
_STAFF_MAIL_IN_CAPITALS: Final = 6
_STAFF_WITHOUT_MAIL: Final = 8

_ROLES: Final = (
    ("Physician", "MD"), ("Physician", "DO"), ("Nurse Practitioner", "NP"), ("RN", "RN"), ("Physician", "MD"),
    ("Technician", "CMA"), ("Office Manager", ""), ("Dietitian", "RD"),
)  # fmt: skip
_JOBS: Final = ("Practice manager", "Front desk", "Biller", "Care coordinator", "Medical assistant")
_WORKFLOWS: Final = (
    ("Appointment reminder 24 h", "appointment.scheduled", "type != 'Blocked'", "send_sms"),
    ("No-show follow-up", "appointment.status", "status = 'No Show'", "create_task"),
    ("Birthday greeting", "daily", "patient.status = 'Active'", "send_email"),
    ("Recall after 12 months", "daily", "last_visit > 365 days", "create_task"),
    ("Eligibility check", "appointment.day_before", "insurance exists", "run_eligibility"),
    ("New patient packet", "patient.created", "", "send_portal_invite"),
)  # fmt: skip


@dataclass(slots=True)
class Practice:
    """What the patients' records point at, the rows of it, and the users of the target system."""

    locations: list[str] = field(default_factory=list)
    organizations: list[str] = field(default_factory=list)
    providers: list[str] = field(default_factory=list)  #: that see patients
    owners: list[str] = field(default_factory=list)  #: staff that may own a record, ex-staff included
    shared_person: dict[str, Any] = field(default_factory=dict)  #: the provider row that is a patient as well
    entries: list[Entry] = field(default_factory=list)
    users: list[dict[str, Any]] = field(default_factory=list)

    def add(self, dataset: str, row: dict[str, Any], account: str, records: int = 1) -> None:
        """Adds a row of the practice."""
        self.entries.append(Entry(dataset, row, account, records))


def npi(nine: int) -> str:
    """Ten digits: nine and the check digit (Luhn over 80840 and the nine, as CMS defines it)."""
    digits = [int(digit) for digit in f"80840{nine:09d}"]
    doubled = [2 * digit - 9 * (digit > 4) if place % 2 == 0 else digit for place, digit in enumerate(digits[::-1])]
    return f"{nine:09d}{-sum(doubled) % 10}"


def build_practice(patients: int, seed: int) -> Practice:
    """The practice of a clinic of that many patients on the first day."""
    rng = Random(f"{seed}:practice")
    practice = Practice()
    _locations(practice, rng, patients)
    _organizations(practice, rng, patients)
    _people(practice, rng, patients)
    _definitions(practice)
    return practice


def _stamps(rng: Random, by: str) -> dict[str, str]:
    created = _OPENED + timedelta(days=int(rng.random() * 3000), minutes=int(rng.random() * 500))
    updated = created + timedelta(days=int(rng.random() * 1500), seconds=17)
    return {"created_at": iso_z(created), "updated_at": iso_z(updated), "created_by": by}


def _locations(practice: Practice, rng: Random, patients: int) -> None:
    clinics, satellites = 2 + patients // 10_000, 3 + patients // 5_000
    for number in range(clinics + satellites):
        satellite = number >= clinics
        city, state, postal, county = CITIES[number % len(CITIES)]
        stamps = _stamps(rng, "import")
        ident = f"LOC-{number + 1:02d}"
        practice.locations.append(ident)
        long_day, short_day = ["08:00-12:00", "13:00-17:30"], ["08:00-12:00"]
        row = {
            "id": ident,
            "name": f"Lakeside Family Health {'at ' if satellite else ''}{city}{f' {number}' if number > 9 else ''}",
            "kind": "satellite" if satellite else "clinic",
            "parentId": practice.locations[number % clinics] if satellite else None,
            "accountNumber": f"00{number + 1:03d}",
            "phone": f"617-555-01{number % 100:02d}",
            "npi": npi(130_000_000 + number * 7919),
            "timeZone": "America/New_York",
            "address": {
                "line1": f"{100 + number} {pick(rng, STREETS)} St", "line2": "Suite 200" if number % 3 == 0 else "",
                "city": city, "state": state, "zip": postal, "county": county, "country": "USA",
            },
            "hours": {
                **dict.fromkeys(("monday", "tuesday", "thursday"), long_day),
                "wednesday": ["10:00-19:00"], "friday": short_day,
                "saturday": ["09:00-12:00"] if not satellite else [], "sunday": [],
            },
            "managerStaffId": "0001" if number % 2 == 0 else None,
            "active": number != clinics + satellites - 1,
            "createdAt": stamps["created_at"], "updatedAt": stamps["updated_at"], "createdBy": stamps["created_by"],
        }  # fmt: skip
        practice.add("locations", row, "fed:location")


def _organizations(practice: Practice, rng: Random, patients: int) -> None:
    kinds = ("Orthopedics", "Primary Care", "Community Hospital", "School Health", "Cardiology")
    for number in range(12 + min(patients // 500, 80)):
        city, state, postal, _ = pick(rng, CITIES)
        ident = f"ORG-{number + 1:04d}"
        practice.organizations.append(ident)
        row = {
            "source_id": ident,
            "name": f"{pick(rng, LAST)} & {pick(rng, LAST)} {kinds[number % len(kinds)]}",
            "kind": "Practice",
            "phone": f"617-555-01{rng.randrange(100):02d}" if number % 5 else "",
            "fax": f"617.555.01{rng.randrange(100):02d}",
            "address1": f"{rng.randrange(1, 900)} {pick(rng, STREETS)} Ave",
            "city": city, "state": state, "zip": postal,
            "npi": npi(150_000_000 + number * 104_729) if number % 4 else "",
            "active": "N" if number % 11 == 10 else "Y",
            **_stamps(rng, "0001"),
        }  # fmt: skip
        practice.add("referral_sources", row, "fed:location")


def _people(practice: Practice, rng: Random, patients: int) -> None:
    office = 10 + min(patients // 400, 90)
    for number in range(office):
        first, last = pick(rng, FEMALE if number % 2 else MALE), pick(rng, LAST)
        left = number in (_EX_STAFF_DISABLED, _EX_STAFF_WITHOUT_USER)
        mail = _mail(first, last, number + 1)
        shown = mail.upper() if number == _STAFF_MAIL_IN_CAPITALS else mail
        shown = "" if number == _STAFF_WITHOUT_MAIL else shown
        job = _JOBS[number % len(_JOBS)]
        practice.owners.append(_staff(practice, rng, first, last, shown, job, left))
        if number not in (_STAFF_WITHOUT_USER, _EX_STAFF_WITHOUT_USER, _STAFF_WITHOUT_MAIL):
            _user(practice, first, last, mail, number in (_STAFF_DISABLED, _EX_STAFF_DISABLED))
    for number in range(10 + min(patients // 150, 140)):
        _provider(practice, rng, number, linked=number == SHARED_PROVIDER and patients > SHARED_PATIENT)
    _user(practice, "Migration", "Desk", f"migration.desk@{MAIL}", False)


def _mail(first: str, last: str, number: int) -> str:
    return f"{first}.{last}{number}@{MAIL}".lower().replace(" ", "").replace("'", "")


def _user(practice: Practice, first: str, last: str, mail: str, disabled: bool) -> None:
    practice.users.append({"email": mail, "first": first, "last": last, "disabled": disabled})


def _staff(practice: Practice, rng: Random, first: str, last: str, mail: str, job: str, left: bool) -> str:
    number = sum(entry.dataset == "staff" for entry in practice.entries) + 1
    started = date(2012, 3, 5) + timedelta(days=int(rng.random() * 4000))
    row = {
        "Staff ID": f"{number:04d}", "First Name": first, "Last Name": last, "E-mail": mail or None, "Job Title": job,
        "Status": "Inactive" if left else "Active", "Start Date": started,
        "End Date": started + timedelta(days=400) if left else None, "Ext": 100 + number,
    }  # fmt: skip
    practice.add("staff", row, "fed:staff")
    return f"{number:04d}"


def _provider(practice: Practice, rng: Random, number: int, *, linked: bool) -> None:
    first, last = pick(rng, MALE if number % 2 else FEMALE), pick(rng, LAST)
    role, credentials = _ROLES[number % len(_ROLES)]
    mail = _mail(first, last, 500 + number)
    staff = ""
    if number != NO_USER:
        staff = _staff(practice, rng, first, last, mail, role, number == LEFT)
        _user(practice, first, last, mail, number in (DISABLED_USER, LEFT))
    good = npi(100_000_000 + number * 15_485_863 % 99_999_999)
    number_text = good
    if number == INVALID_NPI:
        number_text = good[:9] + str((int(good[9]) + 1) % 10)
    elif number == SHORT_NPI:
        number_text = good[:9]
    count = 1 + (number % 4 == 1) + (number % 8 == 1)
    specialties = [SPECIALTIES[(number + 3 * place) % len(SPECIALTIES)] for place in range(count)]
    row = {
        "provider_id": f"DR{number + 1:03d}",
        "linked_person_id": "PERSON-0001" if linked else "",
        "title": "Dr." if role == "Physician" else "",
        "first_name": first, "middle_name": pick(rng, ("A", "J", "", "Lee")), "last_name": last, "suffix": "",
        "credentials": credentials, "role": role, "npi": number_text, "specialties": "; ".join(specialties),
        "work_email": mail, "work_phone": f"617-555-01{number % 100:02d} x{200 + number}",
        "fax": "617-555-0199", "location_id": practice.locations[number % len(practice.locations)],
        "staff_id": staff, "status": "Inactive" if number == LEFT else "Active",
        "dea_on_file": "Y" if role == "Physician" else "N", **_stamps(rng, "0001"),
        "deleted": "1" if number == DELETED else "0",
    }  # fmt: skip
    if linked:
        practice.shared_person = row
    if number != DELETED:
        practice.providers.append(row["provider_id"])
    practice.add("providers", row, "excluded:soft_deleted" if number == DELETED else "fed:practitioner")
    _schedule(practice, number, row)


def _schedule(practice: Practice, number: int, provider: dict[str, Any]) -> None:
    for weekday in ("Mon", "Tue", "Wed", "Thu", "Fri")[: 3 + number % 3]:
        row = {
            "template_id": f"T{number + 1:03d}-{weekday}", "provider_id": provider["provider_id"],
            "location_id": provider["location_id"], "weekday": weekday, "opens": "08:00", "closes": "16:30",
            "slot_minutes": "15", "valid_from": "2024-01-01", "valid_to": "",
        }  # fmt: skip
        practice.add("schedule_templates", row, "excluded:out_of_scope")


def _definitions(practice: Practice) -> None:
    for code, label, kind, options in PROPERTIES:
        row = {"code": code, "label": label, "type": kind, "options": options, "created_at": naive(_OPENED)}
        practice.add("property_definitions", row, "merged:patient", records=0)
    for number, (name, trigger, condition, action) in enumerate(_WORKFLOWS, 1):
        row = {
            "rule_id": str(number), "name": name, "trigger": trigger, "condition": condition, "action": action,
            "enabled": "false" if number == 3 else "true",
        }  # fmt: skip
        practice.add("workflow_rules", row, "excluded:out_of_scope")


def seed_users(practice: Practice) -> dict[str, Any]:
    """The users, teams and organization of the Dynamics environment that this practice moves to."""
    return {
        "organization": {"name": "Lakeside Family Health"},
        "users": practice.users,
        "teams": ["Lakeside Records"],
    }
