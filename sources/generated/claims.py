"""Claims of a source without a profile: under the export's own names, whatever the source calls them."""

from collections.abc import Sequence
from typing import Final

from sources.generated.plan import Head, Plan
from sources.generated.records import Select, shape
from sources.generated.sql import cell, id_of, identifier, key_of
from sources.profiling.model import DatasetDocument
from sources.profiling.names import words

#: Member of a line, payment or adjustment -> what sources call it, in the order it is looked for.
_LINE: Final = {
    "line_id": ("id", "lineId", "line_id", "chargeid"),
    "procedure_code": ("cpt", "procedure_code", "procedureCode", "procedurecode", "code", "hcpcs", "cpt_code", "product"),
    "modifier": ("modifier", "modifiers", "modifier1", "mod"),
    "place_of_service": ("pos", "place_of_service", "placeOfService", "placeofservice"),
    "diagnosis_codes": ("dx", "diagnoses", "diagnosis_codes", "diagnosisCodes", "icd10", "diagnosis"),
    "units": ("units", "quantity", "qty"),
    "charge": ("charge", "amount", "fee", "price", "total", "charge_amount"),
}  # fmt: skip
_PAYMENT: Final = {
    "payment_id": ("id", "paymentId", "payment_id"),
    "date": ("date", "paidOn", "paid_on", "payment_date", "at"),
    "payer": ("payer", "payer_name", "payerName", "from"),
    "method": ("method", "type", "payment_method"),
    "amount": ("amount", "paid", "payment", "payments"),
}  # fmt: skip
_ADJUSTMENT: Final = {
    "adjustment_id": ("id", "adjustmentId", "adjustment_id"),
    "date": ("date", "at", "adjusted_on"),
    "reason": ("carc", "reason", "reason_code", "reasonCode", "code"),
    "group": ("group", "group_code", "groupCode"),
    "amount": ("amount", "adjustment", "adjustments"),
}  # fmt: skip
_HISTORY: Final = {"date": ("at", "date", "on", "changed_at"), "status": ("status", "state", "to")}
#: List of a claim -> words of what holds it, its members.
_LISTS: Final = {
    "payments": (("payment", "remittance"), _PAYMENT),
    "adjustments": (("adjustment", "writeoff"), _ADJUSTMENT),
    "status_history": (("history", "event"), _HISTORY),
    "lines": (("line", "item", "service", "procedure", "charge", "transaction"), _LINE),
}  # fmt: skip


def claim_select(head: Head, plan: Plan) -> Select:
    """The SELECT of the claims: known fields under the export's names, all others under their own."""
    select = shape(head, plan, None)
    document = head.document
    homes = {
        one.column: one.target_column for one in plan.fields.get(document.name, []) if one.target_table == "csv:claims"
    }
    columns = {name: sql for name, sql in select.columns.items() if name.startswith("_")}
    columns["claim_id"] = key_of(document)
    columns["patient_id"] = select.columns["_patient"]
    for field in document.fields:
        part = _list_of(field.name) if field.nested == "objects" else None
        if part and part not in columns:
            columns[part] = _members(cell(document, field.name), part)
            continue
        name = homes.get(field.name) or identifier(field.name)
        if name not in columns:
            columns[name] = cell(document, field.name)
        elif identifier(field.name) not in columns:
            columns[identifier(field.name)] = cell(document, field.name)
    for detail in head.details:
        part = _list_of(detail.document.name) or "lines"
        if part not in columns:
            select.joins.append(_gathered(detail.document, detail.there, part, key_of(document)))
            columns[part] = f"coalesce(of_{part}.members, [])"
    select.columns = columns
    return select


def _list_of(name: str) -> str | None:
    said = set(words(name))
    return next((part for part, (telling, _) in _LISTS.items() if said & set(telling)), None)


def _members(found: str, part: str) -> str:
    members = _LISTS[part][1]
    picks = ", ".join(f'"{name}": {_first(names)}' for name, names in members.items())
    return f"""coalesce(list_transform(from_json({found}, '["JSON"]'), lambda one: {{{picks}}}), [])"""


def _first(names: Sequence[str]) -> str:
    return f"coalesce({', '.join(f'one->>{chr(39)}{name}{chr(39)}' for name in names)})"


def _gathered(document: DatasetDocument, there: str, part: str, here: str) -> str:
    """The rows of a dataset of lines or payments, as a list for each claim."""
    columns = {_plain(field.name): field.name for field in document.fields}
    picks = []
    for name, called in _LISTS[part][1].items():
        found = next((columns[_plain(one)] for one in called if _plain(one) in columns), None)
        picks.append(f'"{name}": {cell(document, found, "d") if found else "NULL::VARCHAR"}')
    rows = f"list({{{', '.join(picks)}}} ORDER BY d._row) AS members"
    inner = f"SELECT {id_of(document, there, 'd')} AS claim, {rows}\n  FROM {document.name} AS d GROUP BY 1"
    return f"LEFT JOIN ({inner}) AS of_{part} ON of_{part}.claim = {here}"


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
