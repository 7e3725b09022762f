"""The SQL that says of every raw row what it fed, was merged into, or why it was left out."""

from sources.generated.patients import rows_of_properties
from sources.generated.plan import PRACTICE, Detail, Head, Plan
from sources.generated.records import PEOPLE, excluded, patient_of
from sources.generated.sql import cell, id_of, is_deleted, text


def head_account(head: Head, plan: Plan) -> str:
    """A head's rows feed their object, unless they are left out. One that is whole everywhere knows no patients."""
    document = head.document
    if head.path and head.path.kind == "each":
        found = document.field(head.path.field)
        nobody = f"trim(coalesce({cell(document, head.path.field)}, ''), ' {(found.separator if found else None) or ';'}') = ''"
        gone = is_deleted(document)
        deleted = f" WHEN {gone} THEN 'excluded:soft_deleted'" if gone else ""
        return (
            f"SELECT t._row, CASE WHEN {nobody} THEN 'excluded:no_patients'{deleted} ELSE 'fed:{head.object}' END AS account\n"
            f"FROM {document.name} AS t"
        )
    patient, joins = patient_of(head, plan)
    reason = excluded(head, plan, patient)
    if plan.buckets[document.name] is None:
        # Accounted once, without the patients of any bucket: what hangs on a deleted one is told by its record.
        reason = reason.replace(" WHEN p.gone THEN 'patient_deleted'", "")
        joins = []
        if "f.patient" in reason or reason.strip() == "CASE  END":
            reason = "NULL::VARCHAR"
    elif head.object not in PRACTICE and document is not plan.patients:
        joins = [*joins, f"LEFT JOIN {PEOPLE} AS p ON p.id = {patient}"]
    joined = "".join(f"\n{join}" for join in joins)
    return f"SELECT t._row, coalesce('excluded:' || {reason}, 'fed:{head.object}') AS account\nFROM {document.name} AS t{joined}"


def detail_account(head: Head, detail: Detail) -> str:
    """A detail's rows are merged into the head's records, unless they name none."""
    document = detail.document
    named = id_of(document, detail.there)
    return (
        f"SELECT t._row, CASE WHEN {named} IS NULL THEN 'excluded:no_parent' ELSE 'merged:{head.object}' END AS account\n"
        f"FROM {document.name} AS t"
    )


def property_account(plan: Plan) -> str:
    """Properties are merged into their patient: the newest of each, or all where there may be several."""
    assert plan.properties is not None
    one = plan.properties
    return (
        "SELECT v._row, CASE WHEN v.value IS NULL THEN 'excluded:empty_value' "
        "WHEN p.id IS NULL THEN 'excluded:patient_missing' "
        "WHEN NOT v.several AND v.age > 1 THEN 'excluded:superseded' "
        "WHEN p.gone THEN 'excluded:patient_deleted' ELSE 'merged:patient' END AS account\n"
        f"FROM ({rows_of_properties(one, plan)}) AS v LEFT JOIN {PEOPLE} AS p ON p.id = v.patient"
    )


def whole_account(name: str, account: str) -> str:
    """The same account for every row."""
    return f"SELECT _row, {text(account)} AS account FROM {name}"
