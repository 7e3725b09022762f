"""Claims with everything that happened to them, and referrals."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from local.clinic.entries import MISSING_PATIENT, Chart, Entry, pick
from local.clinic.mess import has
from local.clinic.patients import stamps
from local.clinic.practice import Practice
from local.clinic.times import iso_z, us
from local.clinic.vocabulary import INFORMAL_SOURCES, PROCEDURES, REFERRAL_REASONS, REFERRED_TO

_FINAL: Final = ("Paid", "Paid", "Paid", "Partially paid", "Denied")
_CENT: Final = Decimal("0.01")
_MONEY_STATUSES: Final = ("Won", "Lost", "Open", "Open")
_PLAIN_STATUSES: Final = ("Pending", "Accepted", "On hold", "Completed", "Completed", "Declined", "Expired")


def add_billing(chart: Chart, practice: Practice) -> None:
    """Adds claims for most encounters, and referrals."""
    payer = _payer(chart)
    for encounter in chart.rows("encounters"):
        if encounter.row["patient_id"] == chart.patient_id and chart.rng.random() < 0.7:
            _claim(chart, encounter.row, payer)
    _referrals(chart, practice)


def _payer(chart: Chart) -> dict[str, str]:
    for entry in chart.rows("insurance"):
        if entry.row["coverage_status"] == "Active" and entry.row["policy_number"]:
            return {"id": entry.row["payer_id"], "name": entry.row["payer_name"]}
    return {"id": "SELF", "name": "Self pay"}


def _claim(chart: Chart, encounter: dict[str, Any], payer: dict[str, str]) -> None:
    rng = chart.rng
    served = datetime.fromisoformat(encounter["started_at"]).replace(tzinfo=None)
    number = len(chart.rows("claims"))
    codes = [part.removeprefix("ICD10:").split("|")[0] for part in encounter["diagnoses"].split(";") if part]
    lines: list[dict[str, Any]] = [
        {"cpt": cpt, "modifiers": pick(rng, ([], [], ["25"])), "pos": pick(rng, ("11", "11", "02")), "dx": codes[:4],
         "units": 1, "charge": charge}
        for cpt, charge in rng.sample(PROCEDURES, 1 + int(rng.random() * 3))
    ]  # fmt: skip
    billed = min(served + timedelta(days=1 + int(rng.random() * 6)), chart.exported - timedelta(hours=10))
    settled = billed + timedelta(days=14 + int(rng.random() * 30))
    open_still = settled > chart.exported
    status = "Submitted" if open_still else pick(rng, _FINAL)
    total = sum((Decimal(line["charge"]) for line in lines), Decimal(0))
    payments, adjustments = ([], []) if open_still else _settlement(chart, status, total, settled, payer["name"])
    balance = total - sum((Decimal(one["amount"]) for one in (*payments, *adjustments)), Decimal(0))
    patient_share = balance if status == "Partially paid" else Decimal(0)
    history = [{"at": iso_z(served), "status": "Draft"}, {"at": iso_z(billed), "status": "Submitted"}]
    if not open_still:
        history.append({"at": iso_z(settled), "status": status})
    times = stamps(chart, billed)
    row = {
        "claimId": f"CL-{chart.number:06d}-{number}", "patientId": chart.patient_id,
        "encounterId": encounter["encounter_id"], "providerId": encounter["provider_id"],
        "locationId": chart.location, "payer": payer, "serviceDate": f"{served:%Y-%m-%d}",
        "billedDate": f"{billed:%Y-%m-%d}", "dueDate": f"{billed + timedelta(days=30):%Y-%m-%d}",
        "invoiceNumber": f"INV{chart.number:06d}{number:03d}",
        "payerClaimNumber": f"PCN{int(rng.random() * 10**9):09d}",
        "checkNumber": f"00{int(rng.random() * 10**6):06d}" if payments else None,
        "status": status, "currency": "USD", "balance": str(balance), "patientBalance": str(patient_share),
        "adjudicatedOn": None if open_still else f"{settled:%Y-%m-%d}", "lines": lines, "payments": payments,
        "adjustments": adjustments, "history": history, "createdAt": times["created_at"],
        "updatedAt": times["updated_at"], "createdBy": times["created_by"], "deleted": False,
    }  # fmt: skip
    chart.add("claims", row, "fed:claim")


def _settlement(
    chart: Chart, status: str, total: Decimal, on: datetime, payer: str
) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Payments and adjustments (CARC with its group): they and the balance add up to the charges."""
    day = f"{on:%Y-%m-%d}"
    if status == "Denied":
        reason = pick(chart.rng, (("CO", "97"), ("CO", "50"), ("CO", "29"), ("PI", "16")))
        return [], [{"date": day, "group": reason[0], "carc": reason[1], "amount": str(total)}]
    contractual = (total * Decimal(15 + int(chart.rng.random() * 25)) / 100).quantize(_CENT)
    copay = min(Decimal(20), total - contractual)
    rest = total - contractual - copay
    paid = rest if status == "Paid" else (rest / 2).quantize(_CENT)
    payments = [
        {"date": day, "payer": "Patient", "method": pick(chart.rng, ("COPAY", "CC", "CASH")), "amount": str(copay)},
        {"date": day, "payer": payer, "method": "ECHECK", "amount": str(paid)},
    ]
    return payments, [{"date": day, "group": "CO", "carc": "45", "amount": str(contractual)}]


def _referrals(chart: Chart, practice: Practice) -> None:
    rng, number = chart.rng, chart.number
    money = has("referral_with_money", number) and rng.random() < 0.9
    if money:
        _referral(chart, practice, 0, f"{100 + int(rng.random() * 9000)}.{pick(rng, ('00', '50'))}")
    if rng.random() < 0.25 or has("informal_source", number):
        _referral(chart, practice, 1, pick(rng, ("", "", "0", "0.00")))
    if has("orphan_referral", number):
        _referral(chart, practice, 9, "", MISSING_PATIENT)


def _referral(chart: Chart, practice: Practice, place: int, amount: str, patient: str = "") -> Entry:
    rng = chart.rng
    inbound = rng.random() < 0.6
    informal = inbound and has("informal_source", chart.number)
    made = chart.registered + timedelta(days=int(rng.random() * 30))
    row = {
        "referral_id": f"R{chart.number:06d}-{place}", "patient_id": patient or chart.patient_id,
        "provider_id": chart.provider, "direction": "In" if inbound else "Out",
        "source_id": pick(rng, practice.organizations) if inbound and not informal else "",
        "source_text": pick(rng, INFORMAL_SOURCES) if informal else "",
        "referred_to": "" if inbound else pick(rng, REFERRED_TO), "reason": pick(rng, REFERRAL_REASONS),
        "status": pick(rng, _MONEY_STATUSES if place == 0 else _PLAIN_STATUSES), "amount": amount,
        "expected_close": us(made + timedelta(days=60)) if amount and place == 0 else "", "referred_on": us(made),
        **stamps(chart, made), "deleted": "0",
    }  # fmt: skip
    add = chart.add_stray if patient else chart.add
    return add("referrals", row, "fed:referral")
