"""What patients have beyond other records: custom properties, the coverage that counts, the person behind two rows."""

from typing import Final

from sources.generated.plan import Head, Plan, Properties
from sources.generated.records import Select, is_property, no_insurance
from sources.generated.routes import RouteFields
from sources.generated.sql import cell, id_of, is_deleted, key_of, moment, text
from sources.generated.ways import Way
from sources.profiling.names import says_id, words

_SEVERAL: Final = "multi|check|list|array|set"
_COVERAGE: Final = {
    "Carrier": ("primary_carrier", "PrimaryInsuranceCarrier"),
    "PolicyNumber": ("primary_policy_number", "PrimaryPolicyNumber"),
    "SubscriberId": ("primary_subscriber_id", "PrimarySubscriberId"),
}


def add_patient_parts(head: Head, plan: Plan, select: Select, fields: RouteFields) -> None:
    """Completes the SELECT of the patients."""
    party = party_field(plan)
    kind = text("Patient")
    if party:
        doctors = plan.of("practitioner")[0].document
        here, there = id_of(head.document, party), id_of(doctors, party, "o")
        select.joins.append(
            f"LEFT JOIN (SELECT DISTINCT {there} AS id FROM {doctors.name} AS o) AS person ON person.id = {here}"
        )
        select.columns["_party"] = "person.id"
        kind = "CASE WHEN person.id IS NULL THEN 'Patient' ELSE 'Both' END"
    select.columns["kind"] = kind
    fields.compute(
        "kind", Way("ContactKind", "choice", reason="says whether the person is a patient, a practitioner or both")
    )
    if not fields.filled("SourcePatientID"):
        select.columns["source_id"] = key_of(head.document)
        fields.compute(
            "source_id", Way("SourcePatientID", "identifier", phi="id", reason="the patient's id in the source")
        )
    _coverage(plan, select, fields)
    select.columns["properties"] = _properties(head, plan, select)


def party_field(plan: Plan) -> str | None:
    """A column that patients and practitioners have in common and that names the person behind both rows."""
    for doctors in plan.of("practitioner"):
        for field in doctors.document.fields:
            twin = plan.patients.field(field.name)
            person = {"person", "party", "people"} & set(words(field.name)) and says_id(field.name)
            if person and twin and twin.filled and not field.reference and not twin.reference:
                return field.name
    return None


def _coverage(plan: Plan, select: Select, fields: RouteFields) -> None:
    """Carrier, policy and subscriber of the latest primary coverage."""
    head = next((one for one in plan.of("insurance") if one.path and one.path.kind == "own"), None)
    if head is None or head.path is None:
        return
    document = head.document
    homes = {one.target_column: one.column for one in reversed(plan.fields.get(document.name, []))}
    wanted = {
        column: _COVERAGE[column] for column in _COVERAGE if column in homes and not fields.filled(_COVERAGE[column][1])
    }
    if not wanted:
        return
    tests = [f"{id_of(document, head.path.field, 'i')} IS NOT NULL"]
    if "CoverageOrder" in homes:
        tests.append(f"lower({cell(document, homes['CoverageOrder'], 'i')}) IN ('primary', 'p', '1')")
    if gone := is_deleted(document, "i"):
        tests.append(f"NOT coalesce({gone}, false)")
    if none := no_insurance(head, plan, "i"):
        tests.append(f"NOT {none}")
    start = moment(document, homes["CoverageStart"], "i") if "CoverageStart" in homes else "NULL"
    picks = ", ".join(f"{cell(document, homes[column], 'i')} AS {name}" for column, (name, _) in wanted.items())
    inner = (
        f"SELECT {id_of(document, head.path.field, 'i')} AS the_patient, {picks}\n"
        f"  FROM {document.name} AS i\n  WHERE {' AND '.join(tests)}\n  QUALIFY row_number() OVER "
        f"(PARTITION BY the_patient ORDER BY {start} DESC NULLS LAST, i._row) = 1"
    )
    select.joins.append(f"LEFT JOIN ({inner}) AS covered ON covered.the_patient = {key_of(plan.patients)}")
    for name, column in wanted.values():
        select.columns[name] = f"covered.{name}"
        fields.compute(name, Way(column, phi="insurance", reason="from the latest primary coverage"))


def _properties(head: Head, plan: Plan, select: Select) -> str:
    """SQL of the custom properties: cells without a column of their own, rows of properties, columns nobody knows."""
    pieces = []
    for one in (*plan.fields.get(head.document.name, []), *plan.ignored.get(head.document.name, [])):
        if is_property(one, head.document):
            label = (one.custom.label if one.custom else "") or " ".join(words(one.column)).capitalize()
            found = cell(head.document, one.column)
            profile = head.document.field(one.column)
            if profile is not None and profile.separator:
                parts = f"list_transform(string_split({found}, {text(profile.separator)}), lambda part: trim(part))"
                found = f"CASE WHEN contains({found}, {text(profile.separator)}) THEN to_json({parts}) ELSE to_json({found}) END"
            pieces.append(f"{text(label)}, {found}")
    own = f"json_object({', '.join(pieces)})" if pieces else "'{}'::JSON"
    gathered = "'{}'"
    if plan.properties:
        select.joins.append(
            f"LEFT JOIN ({gather(plan.properties, plan)}) AS gathered ON gathered.patient = {key_of(head.document)}"
        )
        nth = f"row_number() OVER (PARTITION BY {key_of(head.document)} ORDER BY t._row)"
        gathered = f"CASE WHEN {nth} = 1 THEN coalesce(gathered.properties, '{{}}') ELSE '{{}}' END"
    merged = f"json_merge_patch(coalesce(t._extra, '{{}}'), {gathered}, {own})"
    gone = is_deleted(head.document)
    return f"CASE WHEN {gone} THEN '{{}}'::JSON ELSE {merged} END" if gone else merged


def rows_of_properties(one: Properties, plan: Plan) -> str:
    """Every row of the properties with its name, value, whether it may have several, and its age among its like."""
    document = one.document
    label, kind, join = cell(document, one.name, "v"), "NULL::VARCHAR", ""
    value = cell(document, one.value, "v")
    if one.definitions:
        code = id_of(one.definitions, one.code, "o")
        kind_cell = cell(one.definitions, one.type, "o") if one.type else "NULL::VARCHAR"
        inner = (
            f"SELECT {code} AS the_code, {cell(one.definitions, one.label, 'o')} AS label, lower({kind_cell}) AS kind, o._row "
            f"FROM {one.definitions.name} AS o\n  QUALIFY row_number() OVER (PARTITION BY the_code ORDER BY o._row) = 1"
        )
        join = f"\n  LEFT JOIN ({inner}) AS d ON d.the_code = {id_of(document, one.name, 'v')}"
        label, kind = f"coalesce(d.label, {label})", "d.kind"
        value = _plain_value(value, plan)
    several = f"coalesce(regexp_matches({kind}, '{_SEVERAL}'), false)" if one.type else "true"
    latest = f"{moment(document, one.changed, 'v')} DESC, " if one.changed else ""
    age = (
        f"row_number() OVER (PARTITION BY {id_of(document, one.patient, 'v')}, {id_of(document, one.name, 'v')}, "
        f"{cell(document, one.value, 'v')} IS NULL ORDER BY {latest}v._row DESC)"
    )
    return (
        f"SELECT v._row, {id_of(document, one.patient, 'v')} AS patient, {label} AS name, {value} AS value, "
        f"{several} AS several,\n  {age} AS age\n  FROM {document.name} AS v{join}"
    )


def _plain_value(value: str, plan: Plan) -> str:
    """Dates and money that the definition calls so, written alike, so that they can become columns of that type."""
    orders = {name for one in plan.documents.values() for field in one.fields for name in field.dates}
    pattern = "%d/%m/%Y" if "day_first" in orders and "us" not in orders else "%m/%d/%Y"
    return (
        f"CASE WHEN regexp_matches(d.kind, 'date') THEN coalesce(strftime(try_strptime({value}, '{pattern}'), '%Y-%m-%d'), {value}) "
        f"WHEN regexp_matches(d.kind, 'money|currency|amount') AND regexp_full_match({value}, '\\$\\d+(\\.\\d\\d)?') "
        f"THEN {value}[2:] ELSE {value} END"
    )


def gather(one: Properties, plan: Plan) -> str:
    """The properties of each patient as one JSON object: the newest value, or all of them where there may be several."""
    named = (
        "SELECT patient, name, CASE WHEN bool_or(several) AND count(*) > 1 OR bool_or(several) AND "
        f"{'true' if one.type else 'false'} THEN to_json(list(value ORDER BY _row)) ELSE to_json(arg_max(value, _row)) END AS value "
        f"\n  FROM ({rows_of_properties(one, plan)})\n  WHERE value IS NOT NULL AND (several OR age = 1) GROUP BY patient, name"
    )
    return f"SELECT patient, json_group_object(name, value) AS properties FROM ({named}) GROUP BY patient"
