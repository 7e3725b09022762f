"""A patient's demographics, custom properties and coverages."""

from datetime import date, datetime, timedelta
from random import Random
from typing import Any, Final

from local.clinic.entries import MISSING_PATIENT, Chart, pick
from local.clinic.mess import SHARED_PATIENT, has
from local.clinic.practice import Practice
from local.clinic.times import iso_z, naive, us
from local.clinic.vocabulary import (
    ACCENTED,
    APOSTROPHE,
    ARABIC,
    CHINESE,
    CITIES,
    CYRILLIC,
    FEMALE,
    LANGUAGES,
    LAST,
    MALE,
    NICKNAMES,
    PAYERS,
    PHARMACIES,
    PROPERTIES,
    RELATIONSHIPS,
    STREET_KINDS,
    STREETS,
    UNDEFINED_PROPERTY,
)

_SEXES: Final = ("F",) * 24 + ("M",) * 23 + ("Female", "Male", "X", "Nonbinary", "Transgender female", "U", "ASKU", "")
_MARITAL: Final = (
    ("S",) * 8 + ("M",) * 8 + ("D",) * 3 + ("W",) * 2 + ("Separated", "Domestic Partner", "Unknown", "", "")
)  # fmt: skip
_BAD_BIRTH_DATES: Final = ("0000-00-00", "1980-02-30", "1700-01-01", "unknown")
_ASKED_AT_INTAKE: Final = PROPERTIES[:-2]
_LONG_TEXT: Final = "Patient was seen before at another clinic; the paper chart is in storage. "


def patient_id(number: int) -> str:
    """The id of the patient of that number; leading zeros are part of it."""
    return f"{number + 1001:07d}"


def open_chart(number: int, seed: int, practice: Practice, exported: datetime) -> Chart:
    """A chart with the patient's own row, properties and coverages in it. Depends on nothing but its arguments."""
    rng = Random(f"{seed}:{number}")
    first, middle, last, female = _name(number, rng)
    shared = practice.shared_person if number == SHARED_PATIENT else {}
    if shared:
        first, middle, last = shared["first_name"], shared["middle_name"], shared["last_name"]
    latest = exported - timedelta(days=40)
    registered = datetime(2015, 1, 5, 9) + timedelta(
        days=int(rng.random() * (latest - datetime(2015, 1, 5)).days), minutes=15 * int(rng.random() * 30)
    )
    chart = Chart(
        number=number,
        patient_id=patient_id(number),
        rng=rng,
        exported=exported,
        deleted=has("deleted_patient", number),
        location=shared.get("location_id") or pick(rng, practice.locations),
        provider=pick(rng, practice.providers),
        born=date(1935, 1, 1) + timedelta(days=int(rng.random() * 32_000)),
        registered=registered,
        last_name=last,
        full_name=f"{first} {last}",
    )
    _patient(chart, practice, shared, (first, middle, last, female))
    _properties(chart)
    _coverages(chart)
    return chart


def stamps(chart: Chart, created: datetime) -> dict[str, str]:
    """The provenance columns of a row written at that time: never later than the export."""
    updated = min(created + timedelta(days=int(chart.rng.random() * 200)), chart.exported - timedelta(hours=9))
    return {
        "created_at": iso_z(created),
        "updated_at": iso_z(max(created, updated)),
        "created_by": f"{1 + int(chart.rng.random() * 10):04d}",
    }


def _name(number: int, rng: Random) -> tuple[str, str, str, bool]:
    female = rng.random() < 0.52
    first, last = pick(rng, FEMALE if female else MALE), pick(rng, LAST)
    middle = pick(rng, ("", "A.", "J", "Marie" if female else "Lee"))
    for flaw, names in (("accents", ACCENTED), ("cyrillic", CYRILLIC), ("chinese", CHINESE), ("arabic", ARABIC)):
        if has(flaw, number):
            first, last = pick(rng, names)
            middle = ""
    if has("apostrophe", number):
        last = pick(rng, APOSTROPHE)
    return first, middle, last, female


def _ssn(number: int) -> str:
    """Nine digits of the 9xx area, which no real number has."""
    digits = f"{900_000_000 + number * 7_654_321 % 99_999_999:09d}"
    return digits if has("ssn_plain", number) else f"{digits[:3]}-{digits[3:5]}-{digits[5:]}"


def _birth_date(chart: Chart) -> str:
    if has("invalid_birth_date", chart.number):
        return _BAD_BIRTH_DATES[chart.number // 101 % len(_BAD_BIRTH_DATES)]
    return us(chart.born) if has("us_birth_date", chart.number) else chart.born.isoformat()


def _phone(rng: Random) -> str:
    line = f"01{int(rng.random() * 100):02d}"
    return pick(rng, (f"617-555-{line}", f"(508) 555-{line}", f"781555{line}", f"+1 978 555 {line}", ""))


def _patient(chart: Chart, practice: Practice, shared: dict[str, Any], name: tuple[str, str, str, bool]) -> None:
    rng, number = chart.rng, chart.number
    first, middle, last, female = name
    sex = pick(rng, _SEXES)
    deceased = chart.exported - timedelta(days=90 + number % 700) if has("deceased", number) else None
    city, state, postal, county = pick(rng, CITIES)
    title = pick(rng, ("", "", "Ms." if female else "Mr."))
    if has("contradicting_title", number):
        title = "Mrs." if sex.startswith("M") else "Mr."
    marital = pick(rng, _MARITAL) if (chart.exported.date() - chart.born).days > 6600 else ""
    row = {
        "patient_id": chart.patient_id,
        "mrn": f"00{number * 37 + 4711:07d}",
        "linked_person_id": shared.get("linked_person_id", ""),
        "title": shared.get("title", title),
        "first_name": first, "middle_name": middle, "last_name": last,
        "suffix": "" if shared else pick(rng, ("",) * 15 + ("Jr.",)),
        "preferred_name": pick(rng, NICKNAMES) if has("nickname", number) and not shared else "",
        "maiden_name": pick(rng, LAST) if has("maiden_name", number) else "",
        "date_of_birth": _birth_date(chart), "sex": sex, "marital_status": marital, "language": pick(rng, LANGUAGES),
        "ssn": _ssn(number - 1) if has("shared_ssn", number) else _ssn(number) if rng.random() < 0.8 else "",
        "email": _email(chart, first, last), "home_phone": _phone(rng), "mobile_phone": _phone(rng),
        "address1": f"{1 + int(rng.random() * 990)} {pick(rng, STREETS)} {pick(rng, STREET_KINDS)}",
        "address2": pick(rng, ("", "", "", f"Apt {1 + int(rng.random() * 40)}", "Unit #3, rear")),
        "city": city, "state": state, "zip": postal, "county": county, "country": pick(rng, ("", "USA", "US")),
        "contact_preference": pick(rng, ("Phone", "Email", "Text", "Mail", "")),
        "do_not_email": pick(rng, ("N", "N", "N", "Y", "")), "do_not_call": pick(rng, ("N", "N", "N", "N", "Y", "")),
        "home_location_id": chart.location, "primary_provider_id": chart.provider,
        "account_owner_id": shared.get("staff_id") or (pick(rng, practice.owners) if rng.random() < 0.3 else ""),
        "pharmacy": pick(rng, ("", *PHARMACIES)),
        "emergency_contact": f"{pick(rng, FEMALE)} {last}, {_phone(rng) or 'no phone'}" if rng.random() < 0.6 else "",
        "recall_date": us((chart.exported + timedelta(days=int(rng.random() * 365))).date()) if number % 3 == 0 else "",
        "deceased_date": deceased.date().isoformat() if deceased else "",
        "status": "Deceased" if deceased else "Inactive" if has("inactive", number) else "Active",
        "medical_history": "HTN; appendectomy 1998" if number % 10 == 3 else "",
        "chart_color": pick(rng, ("", "green", "blue")), "registered_at": naive(chart.registered),
        **stamps(chart, chart.registered + timedelta(seconds=40)), "deleted": "1" if chart.deleted else "0",
    }  # fmt: skip
    _oddities(chart, row)
    if shared:
        row.update({name: shared[name] for name in ("created_at", "updated_at", "created_by")})
    account = "excluded:soft_deleted" if chart.deleted else "fed:patient"
    chart.add("patients", row, account)
    if has("duplicate_patient_id", number):
        again = {**row, "address1": "PO Box 12", "address2": ""}
        chart.add("patients", again, account)


def _email(chart: Chart, first: str, last: str) -> str:
    if has("bad_email", chart.number):
        return "n/a" if chart.number % 2 else "none@"
    if chart.rng.random() < 0.2:
        return ""
    local = f"{first}.{last}" if (first + last).isascii() else "patient"
    return f"{local}{chart.number}@mail.example".lower().replace(" ", "").replace("'", "")


def _oddities(chart: Chart, row: dict[str, Any]) -> None:
    """Contact data as people type it."""
    number = chart.number
    if has("two_phones", number):
        row["home_phone"] = "978-555-0181 Or 978-555-0182"
    if has("zip_missing", number):
        row["zip"] = ""
    if has("foreign_address", number):
        row.update(
            {"city": "Montréal", "state": "QC", "zip": "H2X 1Y4", "county": "", "country": "Canada",
             "mobile_phone": "+919999999888"}
        )  # fmt: skip


def _properties(chart: Chart) -> None:
    rng, number = chart.rng, chart.number
    written = chart.registered + timedelta(minutes=20)

    def put(code: str, value: str, account: str = "merged:patient", records: int = 1, later: int = 0) -> None:
        row = {
            "row_id": f"{number}-{len(chart.entries)}", "patient_id": chart.patient_id, "property": code,
            "value": value, "updated_at": naive(written + timedelta(days=later)),
        }  # fmt: skip
        chart.add("properties", row, account, 0 if chart.deleted else records)

    for code, _, kind, options in _ASKED_AT_INTAKE:
        if rng.random() > 0.28:
            continue
        if kind == "multiselect":
            words = options.split("|")
            chosen = rng.sample(words, 1 + int(rng.random() * 3))
            for place, word in enumerate(chosen):
                put(code, word, records=int(place == 0))
            continue
        put(code, _property_value(chart, code, kind, options))
    if has("property_twice", number):
        put("shoe_size", "9", "excluded:superseded", 0)
        put("shoe_size", "9.5", later=30)
    if has("undefined_property", number):
        put(UNDEFINED_PROPERTY, "see paper chart")
    if has("empty_property", number):
        put("old_chart", "", "excluded:empty_value", 0)
    if has("orphan_property", number):
        row = {
            "row_id": f"{number}-x", "patient_id": MISSING_PATIENT, "property": "employer", "value": "Acme",
            "updated_at": naive(written),
        }  # fmt: skip
        chart.add_stray("properties", row, "excluded:patient_missing", records=0)


def _property_value(chart: Chart, code: str, kind: str, options: str) -> str:
    rng = chart.rng
    match kind:
        case "choice":
            return pick(rng, options.split("|"))
        case "yesno":
            return pick(rng, ("Y", "N") if code == "consent_text" else ("Yes", "No"))
        case "number":
            return f"{140 + rng.random() * 60:.1f}" if code == "height_cm" else str(1 + int(rng.random() * 6))
        case "date":
            return us((chart.exported - timedelta(days=int(rng.random() * 800))).date())
        case "datetime":
            return iso_z(chart.registered + timedelta(hours=3))
        case "money":
            return f"${5 * int(rng.random() * 12)}.00"
        case "memo":
            return (_LONG_TEXT * (60 if has("long_text", chart.number) else 4)).strip()
        case _:
            return pick(rng, ("Lowell High School", "Acme Tool & Die", "retired", "MBTA", "O'Neil's Diner"))


def _coverages(chart: Chart) -> None:
    rng, number = chart.rng, chart.number
    if has("no_insurance", number):
        _policy(chart, 0, "Primary", ("NO_INSURANCE", "NO_INSURANCE", ("",)))
        return
    if rng.random() < 0.07:
        return
    if has("expired", number):
        _policy(chart, 0, "Primary", pick(rng, PAYERS), ended=True)
    orders = ["Primary"]
    if rng.random() < 0.3 or has("tertiary", number):
        orders.append("Secondary")
    if has("tertiary", number):
        orders.append("Tertiary")
    for place, order in enumerate(orders, 1):
        _policy(chart, place, order, pick(rng, PAYERS))
    if has("orphan_insurance", number):
        _policy(chart, 9, "Primary", PAYERS[0], patient=MISSING_PATIENT)


def _policy(
    chart: Chart, place: int, order: str, payer: tuple[str, str, tuple[str, ...]], *, ended: bool = False,
    patient: str = "",
) -> None:  # fmt: skip
    rng, none = chart.rng, payer[0] == "NO_INSURANCE"
    relationship = pick(rng, RELATIONSHIPS)
    start = date(2018 if ended else 2024, 1 + int(rng.random() * 12), 1)
    row = {
        "policy_id": f"{chart.patient_id}/{place}", "patient_id": patient or chart.patient_id,
        "payer_id": payer[0], "payer_name": payer[1], "plan_name": pick(rng, payer[2]),
        "policy_number": "" if none else f"00{int(rng.random() * 10**8):08d}",
        "group_number": "" if none or rng.random() < 0.2 else f"G{int(rng.random() * 10**5):05d}",
        "subscriber_id": "" if none else f"W{int(rng.random() * 10**9):09d}",
        "subscriber_name": chart.full_name if relationship == "Self" else f"{pick(rng, FEMALE)} {chart.last_name}",
        "relationship": relationship, "priority": order,
        "coverage_status": "Termed" if ended else "Active",
        "effective_date": us(start), "termination_date": us(date(2023, 12, 31)) if ended else "",
        "eligibility_status": "" if none else pick(rng, ("Eligible", "Eligible", "Ineligible", "Pending", "")),
        "eligibility_message": "" if none else pick(rng, ("", "", "PLAN: ACTIVE; COPAY $25 \"OFFICE\"")),
        "eligibility_checked_at": "" if none else naive(chart.exported - timedelta(days=int(rng.random() * 60))),
        **stamps(chart, chart.registered + timedelta(minutes=30)), "deleted": "0",
    }  # fmt: skip
    if none:
        chart.add("insurance", row, "excluded:no_insurance")
    elif patient:
        chart.add_stray("insurance", row, "fed:insurance")
    else:
        chart.add("insurance", row, "fed:insurance")
