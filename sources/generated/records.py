"""The SQL that shapes the rows of one head into records of its object."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from mapping.catalog import load_catalog
from mapping.matching.model import FieldProposal
from mapping.objects import ObjectName
from sources.database import quoted
from sources.generated.plan import PRACTICE, Head, Plan
from sources.generated.routes import TABLES, RouteFields
from sources.generated.sql import (
    cell,
    deleted_field,
    diagnoses,
    id_of,
    identifier,
    is_deleted,
    key_of,
    minutes,
    moment,
    one_line,
    plain_cell,
    text,
)
from sources.generated.ways import Way, companion, ignored, way_of
from sources.profiling.model import DatasetDocument, FieldProfile
from sources.profiling.names import words

#: Views that every object may use.
PEOPLE: Final = "the_patients"
STAFF: Final = "the_staff"

#: Columns that the shaped record's reserved fields fill.
_RESERVED: Final = {
    "SourceCreatedOn": "_created", "overriddencreatedon": "_created", "SourceModifiedOn": "_modified",
    "SourceCreatedBy": "_created_by", "SourceOwner": "_owner", "ownerid": "_owner",
}  # fmt: skip
_CREATED: Final = ({"created"}, {"added"}, {"entered"}, {"uploaded"}, {"inserted"})
_MODIFIED: Final = ({"updated"}, {"modified"}, {"changed"})
#: Words of schedule entries that are no visit.
_BLOCKED: Final = "block|lunch|unavailable|out of office|closed|vacation|holiday"
#: A code of ICD-10-CM within a longer text.
_ICD10: Final = r"\b[A-TV-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?\b"
_CODE_SYSTEMS: Final = {"rxnorm": "RxNorm", "rxcui": "RxNorm", "ndc": "NDC", "snomed": "SNOMED CT"}
#: Payers that stand for a time without insurance.
_UNINSURED: Final = r"no[ _-]?insurance|uninsured|none|no coverage"


@dataclass(slots=True)
class Select:
    """A SELECT in the making."""

    columns: dict[str, str] = field(default_factory=dict)  #: name -> SQL
    source: str = ""
    joins: list[str] = field(default_factory=list)
    where: str = ""

    def sql(self) -> str:
        picks = ",\n  ".join(f"{found} AS {quoted(name)}" for name, found in self.columns.items())
        joins = "".join(f"\n{join}" for join in self.joins)
        return f"SELECT {picks}\nFROM {self.source}{joins}" + (f"\nWHERE {self.where}" if self.where else "")


def patient_of(head: Head, plan: Plan) -> tuple[str, list[str]]:
    """SQL of the patient's id of a row ``t``, and the joins it needs."""
    path = head.path
    if path is None:
        return key_of(head.document), []
    if path.kind == "each":
        return "t.the_patient", []
    if path.kind == "own":
        return id_of(head.document, path.field), []
    far = plan.documents[path.dataset]
    here = id_of(head.document, path.field)
    if path.kind == "through":
        picks = f"{key_of(far, 'o')} AS here, {id_of(far, path.far, 'o')} AS patient"
    else:
        picks = f"{id_of(far, path.far, 'o')} AS here, {key_of(far, 'o')} AS patient"
    inner = f"SELECT * FROM (SELECT {picks}, o._row FROM {far.name} AS o) QUALIFY row_number() OVER (PARTITION BY here ORDER BY _row) = 1"
    return "f.patient", [f"LEFT JOIN ({inner}) AS f ON f.here = {here}"]


def rows_of(head: Head) -> str:
    """The FROM of a head: its rows, one for each patient where a cell holds several."""
    if head.path is None or head.path.kind != "each":
        return f"{head.document.name} AS t"
    found = head.document.field(head.path.field)
    separator = text((found.separator if found else None) or ";")
    parts = f"unnest(string_split({cell(head.document, head.path.field, 'o')}, {separator}))"
    person = "nullif(trim(split_part(one, ':', 1)), '')"
    if head.path.field in head.document.hashed:
        person = f"keyed({person})"
    inner = f"SELECT *, {person} AS the_patient FROM (SELECT o.*, {parts} AS one FROM {head.document.name} AS o)"
    return f"(SELECT * FROM ({inner}) WHERE the_patient IS NOT NULL AND in_bucket(the_patient)) AS t"


def excluded(head: Head, plan: Plan, patient: str) -> str:
    """SQL of the reason why a row becomes no record, NULL for the others. Reads ``p`` where there are patients."""
    document = head.document
    cases = [f"WHEN {gone} THEN 'soft_deleted'"] if (gone := is_deleted(document)) else []
    cases += [f"WHEN {found} THEN '{why}'" for why, found in _not_real(head, plan, patient)]
    if head.object not in PRACTICE and document is not plan.patients and is_deleted(plan.patients, "t"):
        cases.append("WHEN p.gone THEN 'patient_deleted'")
    return f"CASE {' '.join(cases)} END" if cases else "NULL::VARCHAR"


def _not_real(head: Head, plan: Plan, patient: str) -> Iterator[tuple[str, str]]:
    """Rows that are no visit or no policy, by the words of their cells."""
    fields = plan.fields.get(head.document.name, [])
    if head.object == "appointment" and head.path and head.path.kind == "own":
        told = [one.column for one in fields if one.target_column in ("AppointmentType", "Notes", "Status")]
        if told:
            cells = ", ".join(cell(head.document, name) for name in told)
            yield "blocked_time", f"{patient} IS NULL AND regexp_matches(lower(concat_ws(' ', {cells})), '{_BLOCKED}')"
    if head.object == "insurance" and (none := no_insurance(head, plan)):
        yield "no_insurance", none


def no_insurance(head: Head, plan: Plan, row: str = "t") -> str | None:
    """SQL that holds for rows about a time without insurance; None when no column would say so."""
    fields = plan.fields.get(head.document.name, [])
    told = [one.column for one in fields if one.target_column in ("PayerId", "Carrier")]
    tests = (f"regexp_full_match(lower({cell(head.document, name, row)}), '{_UNINSURED}')" for name in told)
    return f"({' OR '.join(f'coalesce({test}, false)' for test in tests)})" if told else None


def shape(head: Head, plan: Plan, fields: RouteFields | None) -> Select:
    """The SELECT of one head; puts its fields into the object's routes. Without routes, only the reserved fields."""
    document = head.document
    patient, joins = patient_of(head, plan)
    select = Select(source=rows_of(head), joins=joins)
    key = key_of(document)
    if head.path and head.path.kind == "each":
        key = f"{key} || '.' || t.the_patient"
    select.columns["_id"] = key
    if head.object not in PRACTICE:
        select.columns["_patient"] = patient
        if document is not plan.patients:
            select.joins.append(f"LEFT JOIN {PEOPLE} AS p ON p.id = {patient}")
        if plan.buckets[document.name] is None:
            select.where = f"in_bucket({patient})"
    select.columns["_excluded"] = excluded(head, plan, patient)
    here: set[str] = set()
    for detail in head.details if fields else ():
        select.joins.append(
            _detail_join(detail.document, detail.there, id_of(document, detail.here), plan, head.object)
        )
    for one, profile, sql in _cells(head, plan) if fields else ():
        assert fields is not None
        _take(head, plan, fields, select, here, one, profile, sql)
    used = _reserved(head, plan, select)
    if fields:
        for name in used:
            if name not in fields.targets.values() and name in here and fields.ways[name].column is None:
                del fields.ways[name]  # its own place keeps it
        _patient_link(head, fields, select, patient, here)
        if head.path and head.path.kind == "each" and head.object == "appointment":
            way = Way("SeriesId", "identifier", phi="id", reason="the session that several people came to")
            select.columns[fields.add("session", way, document.name, here)] = key_of(document)
    return select


def _cells(head: Head, plan: Plan) -> Iterator[tuple[FieldProposal, FieldProfile, str]]:
    """The proposed fields of a head and its details with the SQL of their cells, surest first."""
    found: list[tuple[FieldProposal, FieldProfile, str]] = []
    own = [*plan.fields.get(head.document.name, []), *plan.ignored.get(head.document.name, [])]
    for one in own:
        if one.object == head.object and (profile := head.document.field(one.column)):
            found.append((one, profile, one_line(head.document, one.column)))
    for detail in head.details:
        for one in plan.fields.get(detail.document.name, []):
            if one.object == head.object and (profile := detail.document.field(one.column)):
                found.append((one, profile, f"{_alias(detail.document)}.{quoted(identifier(one.column))}"))
    yield from sorted(found, key=lambda each: -each[0].confidence)


def _alias(document: DatasetDocument) -> str:
    return quoted(f"with_{document.name}")


def _detail_join(document: DatasetDocument, there: str, here: str, plan: Plan, name: ObjectName) -> str:
    """A row of a detail for each row of the head: texts of several rows below each other, else the first one's."""
    catalog = load_catalog()
    picks: dict[str, str] = {}
    for one in plan.fields.get(document.name, []):
        if one.object != name or document.field(one.column) is None:
            continue
        found = one_line(document, one.column, "d")
        column = catalog.column(one.target_table, one.target_column)
        if column is not None and column.type == "memo":
            picks[identifier(one.column)] = f"string_agg(DISTINCT {found}, chr(10) ORDER BY {found})"
        else:
            picks[identifier(one.column)] = f"arg_min({found}, d._row)"
    listed = "".join(f", {found} AS {quoted(column)}" for column, found in picks.items())
    inner = f"SELECT {id_of(document, there, 'd')} AS here{listed} FROM {document.name} AS d GROUP BY 1"
    return f"LEFT JOIN ({inner}) AS {_alias(document)} ON {_alias(document)}.here = {here}"


def _take(
    head: Head,
    plan: Plan,
    fields: RouteFields,
    select: Select,
    here: set[str],
    one: FieldProposal,
    profile: FieldProfile,
    sql: str,
) -> None:
    """One proposed field: into the record and the routes, or into what SQL makes of it."""
    own = one.table == head.document.name
    gone = deleted_field(head.document)
    if own and gone is not None and one.column == gone.name:
        return  # it decides what is left out
    if one.target_column in _RESERVED:
        return  # reserved fields are found by what they refer to
    table = TABLES[head.object][0]
    if own and head.object == "patient" and is_property(one, head.document):
        return  # kept beside the columns
    name = identifier(one.column) if own else f"{identifier(one.table)}_{identifier(one.column)}"
    if name in ("path", "properties"):
        name = f"{name}_of_{head.document.name}"
    if not one.migrated:
        way = ignored(one.reason, profile.phi)
    elif one.target_table not in (table, "opportunity"):
        way = ignored(f"It belongs to {one.target_table}, not to this record; {one.reason}", profile.phi)
    elif one.target_column.startswith("custom:"):
        way = ignored("The target has no column for it.", profile.phi)
    else:
        way = way_of(plan.objects, one, profile)
    if own and one.column in head.document.hashed and way.column and _is_value(way):
        sql = plain_cell(head.document, one.column)
    if way.transform == "duration":
        sql = minutes(sql)
    if way.transform == "choice" and profile.separator:
        _rest_of_list(fields, select, name, table, sql, profile.separator)
        sql = f"nullif(trim(split_part({sql}, {text(profile.separator)}, 1)), '')"
    elif way.column == "Diagnoses" and profile.separator:
        _primary_diagnosis(fields, select, sql)
        sql = diagnoses(sql, profile.separator)
        way = replace(way, transform="lines")
    elif way.column == "MedicationCode" and (system := _code_system(profile)):
        select.columns["code_system"] = f"CASE WHEN {sql} IS NOT NULL THEN {text(system)} END"
        fields.compute("code_system", Way("CodeSystem", reason="the column is called so"))
    name = fields.add(name, way, head.document.name, here)
    select.columns[name] = sql
    if own and way.transform == "choice" and way.column == "Status":
        _source_status(fields, name, table)
    if (other := companion(way, profile)) and not fields.filled(other.column or ""):
        fields.compute(name, other)


def _is_value(way: Way) -> bool:
    """Whether a way keeps what an id says, and not only whom it means."""
    return way.transform != "lookup" and way.column != "SourcePatientID"


def is_property(one: FieldProposal, document: DatasetDocument) -> bool:
    """Whether a patient's column becomes a custom property: the matcher says so, or it is a name without a home."""
    if one.object != "patient":
        return False
    if one.migrated:
        return one.junction or one.target_column.startswith("custom:")
    profile = document.field(one.column)
    return profile is not None and profile.filled > 0 and profile.phi == "name"


def _rest_of_list(fields: RouteFields, select: Select, name: str, table: str, sql: str, separator: str) -> None:
    """A choice takes the first of several values; all of them go into the description, where that is free."""
    if load_catalog().column(table, "description") and not fields.filled("description"):
        label = text(f"{name.replace('_', ' ').capitalize()}: ")
        select.columns[f"{name}_all"] = f"CASE WHEN contains({sql}, {text(separator)}) THEN {label} || {sql} END"
        fields.compute(f"{name}_all", Way("description", reason="all of the values, where the choice takes the first"))


def _primary_diagnosis(fields: RouteFields, select: Select, sql: str) -> None:
    if not fields.filled("PrimaryDiagnosisCode"):
        select.columns["primary_diagnosis"] = f"nullif(regexp_extract({sql}, '{_ICD10}'), '')"
        way = Way("PrimaryDiagnosisCode", "identifier", phi="clinical", reason="the first code of the diagnoses")
        fields.compute("primary_diagnosis", way)


def _code_system(profile: FieldProfile) -> str | None:
    said = set(words(profile.name.replace("rxnorm", "rxnorm_")))
    return next((system for word, system in _CODE_SYSTEMS.items() if word in said), None)


def _source_status(fields: RouteFields, name: str, table: str) -> None:
    if load_catalog().column(table, "SourceStatus") and not fields.filled("SourceStatus"):
        fields.compute(name, Way("SourceStatus", reason="keeps the status as it stood in the source"))


def _patient_link(head: Head, fields: RouteFields, select: Select, patient: str, here: set[str]) -> None:
    """Every record of a patient points at the patient, by whatever way that one was found."""
    if head.object in (*PRACTICE, "patient"):
        return
    column = "objectid" if head.object == "document" else "Patient"
    if fields.targets.get(column) not in here:
        way = Way(column, "lookup", {"object": "patient", "required": True}, phi="id", reason="the patient it hangs on")
        select.columns[fields.add("of_patient", way, head.document.name, here)] = patient


def _reserved(head: Head, plan: Plan, select: Select) -> set[str]:
    """The record's reserved fields: owner, practitioner, provider, place, and when and by whom it was made.

    Returns the names of the fields that are kept by them.
    """
    used: set[str] = set()
    document = head.document
    staff = [one for one in document.fields if _points(one, plan, "staff")]
    owners = [one for one in staff if "by" not in words(one.name)]
    doctor = _lookup_field(head, plan, "practitioner")
    place = _lookup_field(head, plan, "location")
    if owners:
        select.columns["_owner"] = id_of(document, owners[0].name)
        used.add(owners[0].name)
    if head.object == "practitioner":
        select.columns["_practitioner"] = key_of(document)
        if not owners and (mail := _mail(head, plan)):
            select.columns["_owner"] = cell(document, mail)
    elif doctor:
        select.columns["_provider" if head.object == "patient" else "_practitioner"] = id_of(document, doctor)
    if head.object not in PRACTICE and document is not plan.patients:
        select.columns["_provider"] = "p.provider"
    if place:
        select.columns["_location"] = id_of(document, place)
    elif head.object == "location":
        select.columns["_location"] = key_of(document)
    elif head.object not in PRACTICE and document is not plan.patients:
        select.columns["_location"] = "p.place"
    if made := _moment_field(head, plan, "SourceCreatedOn", _CREATED):
        select.columns["_created"] = moment(document, made)
        used.add(made)
    if changed := _moment_field(head, plan, "SourceModifiedOn", _MODIFIED):
        select.columns["_modified"] = moment(document, changed)
        used.add(changed)
    author = next(
        (one for one in staff if "by" in words(one.name) and not set(words(one.name)) & {"updated", "modified"}), None
    )
    if author:
        select.joins.append(f"LEFT JOIN {STAFF} AS w ON w.id = {id_of(document, author.name)}")
        select.columns["_created_by"] = f"coalesce(w.name, {cell(document, author.name)})"
        used.add(author.name)
    elif told := _proposed(head, plan, "SourceCreatedBy"):
        select.columns["_created_by"] = cell(document, told)
        used.add(told)
    return {identifier(name) for name in used}


def _points(one: FieldProfile, plan: Plan, name: ObjectName) -> bool:
    return one.reference is not None and not one.reference.each and plan.objects.get(one.reference.dataset) == name


def _lookup_field(head: Head, plan: Plan, name: ObjectName) -> str | None:
    """The field that refers to records of an object: the one that fills a link, else the first."""
    fitting = [one.name for one in head.document.fields if _points(one, plan, name)]
    proposed = [one.column for one in plan.fields.get(head.document.name, []) if one.column in fitting]
    return next(iter([*proposed, *fitting]), None)


def _mail(head: Head, plan: Plan) -> str | None:
    told = (
        one.column for one in plan.fields.get(head.document.name, []) if one.target_column.startswith("emailaddress")
    )
    return next(told, None)


def _proposed(head: Head, plan: Plan, column: str) -> str | None:
    return next((one.column for one in plan.fields.get(head.document.name, []) if one.target_column == column), None)


def _moment_field(head: Head, plan: Plan, column: str, called: tuple[set[str], ...]) -> str | None:
    if told := _proposed(head, plan, column):
        return told
    dated = [one for one in head.document.fields if one.dates]
    for wanted in called:
        for one in dated:
            if wanted <= set(words(one.name)):
                return one.name
    return None
