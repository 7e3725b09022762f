"""Which dataset feeds which object, which are joined to it, and how each row finds its patient."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as member
from typing import Final, Literal

from mapping.matching.model import NONE, FieldProposal, Proposal, TableProposal
from mapping.objects import OBJECTS, ObjectName
from sources.errors import UnknownSource
from sources.generated.picks import NONE_PICKED, BadPick, Picks, left_out, picked
from sources.generated.rebuild import to_rebuild
from sources.generated.second import second_look
from sources.profiling.model import DatasetDocument, FieldProfile
from sources.profiling.names import words

#: Objects whose rows hang on no patient.
PRACTICE: Final[tuple[ObjectName, ...]] = ("staff", "location", "practitioner")


#: A name that speaks of templates, rules or reminders gives way to a matcher that is as sure as this.
_SURE: Final = 0.9


#: Roles of datasets whose rows hang on patients.
_CLINICAL: Final = frozenset(("appointment", "encounter", "prescription", "referral", "claim", "document", "diagnosis"))

#: Patients and practitioners share a table, not all of its columns.
_PATIENTS_ONLY: Final = frozenset((
    "SourcePatientID", "SourceMRN", "OriginalPatientCreateDate", "MedicalHistory", "PrimaryInsuranceCarrier",
    "PrimaryPolicyNumber", "PrimarySubscriberId", "PreferredPharmacy", "EmergencyContact", "RecallDate", "DeceasedDate",
))  # fmt: skip
_NOT_FOR: Final[dict[ObjectName, frozenset[str]]] = {
    "practitioner": _PATIENTS_ONLY,
    "patient": frozenset(("NPI", "PractitionerRole", "Specialization")),
}


@dataclass(frozen=True, slots=True)
class Path:
    """How a row finds its patient. ``field``: the row's own column.

    ``own``: the column is a patient's id; ``each``: it holds several of them; ``through``: it is the key of a row of
    ``dataset`` that names the patient in ``far``; ``beside``: patients name the same row of a third dataset in ``far``.
    """

    kind: Literal["own", "each", "through", "beside"]
    field: str
    dataset: str = ""
    far: str = ""


@dataclass(frozen=True, slots=True)
class Detail:
    """A dataset that adds columns to a head's rows. ``here`` is a column of the head, ``there`` one of the detail."""

    document: DatasetDocument
    here: str
    there: str
    many: bool  #: several rows may belong to one of the head


@dataclass(frozen=True, slots=True)
class Head:
    """A dataset whose rows become records of an object."""

    object: ObjectName
    document: DatasetDocument
    path: Path | None  #: None for objects that hang on no patient, and for patients themselves
    details: tuple[Detail, ...] = ()


@dataclass(frozen=True, slots=True)
class Properties:
    """A dataset with a row for each custom property of a patient."""

    document: DatasetDocument
    patient: str
    name: str
    value: str
    changed: str | None = None
    definitions: DatasetDocument | None = None
    code: str = ""
    label: str = ""
    type: str | None = None


@dataclass(slots=True)
class Plan:
    """The whole of it."""

    documents: dict[str, DatasetDocument]
    fields: dict[str, list[FieldProposal]]  #: by dataset, homes only
    ignored: dict[str, list[FieldProposal]]
    patients: DatasetDocument
    heads: list[Head]
    properties: Properties | None
    buckets: dict[str, str | None]  #: dataset -> the column its rows are spread by
    rest: dict[str, str] = member(default_factory=dict)  #: dataset -> why nothing is made of it
    left_out: dict[str, str] = member(default_factory=dict)  #: of those, dataset -> why a person leaves it out

    def of(self, name: ObjectName) -> list[Head]:
        """The heads of an object."""
        return [head for head in self.heads if head.object == name]

    def users(self, document: DatasetDocument) -> set[ObjectName]:
        """The objects whose heads refer to a dataset's rows."""
        heads = (head for head in self.heads if any(_refers(field, document) for field in head.document.fields))
        return {head.object for head in heads if head.document is not document}

    @property
    def objects(self) -> dict[str, ObjectName]:
        """Dataset -> the object whose head it is."""
        return {head.document.name: head.object for head in self.heads}


def make_plan(documents: Sequence[DatasetDocument], proposal: Proposal, picks: Picks = NONE_PICKED) -> Plan:
    """Brings together what was profiled, what was proposed, and what a person has picked.

    Raises:
        UnknownSource: no dataset of patients was found; says what the datasets were taken for.
        BadPick: a dataset cannot feed the object that was picked for it.
    """
    by_name = {one.name: one for one in documents}
    chosen = {name: one for name, one in picked(picks).items() if name in by_name}
    out = {name: why for name, why in left_out(picks).items() if name in by_name}
    tables = {one.table: one for one in proposal.tables if one.table not in out}
    patients = _patients(documents, tables, chosen)
    homes: dict[str, list[FieldProposal]] = {}
    ignored: dict[str, list[FieldProposal]] = {}
    for one in proposal.fields:
        (homes if one.target_table != NONE else ignored).setdefault(one.table, []).append(one)
    plan = Plan(by_name, homes, ignored, patients, [], None, dict.fromkeys(by_name), dict(out), out)
    plan.buckets[patients.name] = patients.key[0]
    plan.properties = _properties(plan, tables, chosen)
    taken = {patients.name}
    if plan.properties:
        taken |= {one.name for one in (plan.properties.document, plan.properties.definitions) if one}
    heads: list[Head] = [Head("patient", patients, None)]
    for name in OBJECTS:
        for table in tables.values():
            document = by_name[table.table]
            if to_rebuild(table.table) and table.confidence < _SURE and table.table not in chosen:
                continue
            if table.object != name or table.role != name or table.table in taken:
                continue
            if name in ("patient", "custom_property") or (
                name == "prescription" and table.table not in chosen and _has_lines(document, documents, tables)
            ):
                continue
            if table.table in chosen and name in PRACTICE and not document.key:
                continue  # nothing could refer to its records
            path = None if name in PRACTICE else path_to_patient(plan, document)
            if path is None and name not in PRACTICE:
                plan.rest[table.table] = f"It looks like records of {name}, but nothing links them to a patient."
            else:
                heads.append(Head(name, document, path))
                taken.add(table.table)
    plan.heads = heads
    _add_details(plan, tables, taken, chosen)
    for dataset, wanted in chosen.items():
        if dataset not in taken:
            raise BadPick(f"{dataset} cannot feed {wanted}: {_why_not(plan, by_name[dataset], wanted)}.")
    for document in documents:
        if document.name not in taken and document.name not in plan.rest:
            plan.rest[document.name] = _why(tables.get(document.name))
    _spread(plan)
    for head in plan.heads:
        dataset = head.document.name
        every = [*homes.get(dataset, []), *ignored.get(dataset, [])]
        besides = _NOT_FOR.get(head.object, frozenset())
        if head.object == "location" and plan.users(head.document) == {"referral"}:
            besides = frozenset(("LocationKind",))  # it is what it is: a place that refers
        every = second_look(head.document, head.object, every, plan.objects, besides)
        homes[dataset] = [one for one in every if one.migrated]
        ignored[dataset] = [one for one in every if not one.migrated]
    return plan


def _has_lines(
    order: DatasetDocument, documents: Sequence[DatasetDocument], tables: Mapping[str, TableProposal]
) -> bool:
    """Whether another dataset holds the drugs of these orders: then its rows are the prescriptions."""
    return any(
        _refers(field, order) and (table := tables.get(other.name)) is not None and table.role == "prescription"
        for other in documents
        if other is not order
        for field in other.fields
    )


def _taken_for(one: DatasetDocument, table: TableProposal | None) -> str:
    rows = f"{one.sample.rows:,} {'row' if one.sample.rows == 1 else 'rows'}"
    unknown = table is None or table.object is None or table.role == "out_of_scope"
    return f"{rows}, {'like nothing that is migrated' if unknown or table is None else f'most like {table.object}'}"


def _why(table: TableProposal | None) -> str:
    if table is None or table.object is None or table.role == "out_of_scope":
        return "It feeds none of the objects that are migrated."
    return f"It looks like a part of {table.object} records, but nothing links it to them."


def _why_not(plan: Plan, document: DatasetDocument, wanted: ObjectName) -> str:
    """Why nothing could be made of a dataset that a person picked for an object."""
    if wanted == "custom_property":
        return "that takes a row for each value, with the patient's id, the property's name and the value"
    if wanted in (*PRACTICE, "patient") and not document.key:
        return "it has no id column, that is none whose values tell its rows apart, so nothing could refer to them"
    to = ["a patient"] if wanted not in (*PRACTICE, "patient") else []
    to += [f"the rows of {head.document.name}" for head in plan.of(wanted)]
    return f"no column links its rows to {' or '.join(to)}, so they cannot be joined"


def _patients(
    documents: Sequence[DatasetDocument], tables: Mapping[str, TableProposal], chosen: Mapping[str, ObjectName]
) -> DatasetDocument:
    likely = [
        one for one in documents
        if len(one.key) == 1 and (table := tables.get(one.name)) and table.object == table.role == "patient"
    ]  # fmt: skip
    likely = [one for one in likely if chosen.get(one.name) == "patient"] or likely
    if not likely:
        seen = "; ".join(f"{one.name} ({_taken_for(one, tables.get(one.name))})" for one in documents)
        raise UnknownSource(
            "No known system, and no dataset that looks like the list of patients (a row for each person, with an id of "
            f"its own, names and a date of birth). Seen: {seen or 'no files with records'}"
        )

    def referred(one: DatasetDocument) -> int:
        """How many datasets of visits, prescriptions and the like name its rows: a person who is no patient has none."""
        clinical = (other for other in documents if (table := tables.get(other.name)) and table.role in _CLINICAL)
        return sum(1 for other in clinical if any(_refers(field, one) for field in other.fields))

    return max(likely, key=lambda one: (referred(one), tables[one.name].confidence, one.sample.rows))


def _refers(field: FieldProfile, to: DatasetDocument) -> bool:
    return field.reference is not None and field.reference.dataset == to.name


def path_to_patient(plan: Plan, document: DatasetDocument) -> Path | None:
    """The shortest way from a row to its patient; None when there is none."""
    own = [field for field in document.fields if _refers(field, plan.patients)]
    if own:
        best = max(own, key=lambda field: (not field.reference.each, "patient" in words(field.name), field.filled))  # type: ignore[union-attr]
        return Path("each" if best.reference and best.reference.each else "own", best.name)
    for field in document.fields:
        if field.reference and (other := plan.documents[field.reference.dataset]).name != document.name:
            far = next((one for one in other.fields if _refers(one, plan.patients)), None)
            if far is not None and not (far.reference and far.reference.each):
                return Path("through", field.name, other.name, far.name)
    for field in document.fields:
        far = next(
            (one for one in plan.patients.fields if one.reference and field.reference
             and one.reference.dataset == field.reference.dataset and words(one.name) == words(field.name)), None
        )  # fmt: skip
        if far is not None:
            return Path("beside", field.name, plan.patients.name, far.name)
    return None


_NAME_WORDS: Final = ("property", "attribute", "field", "question", "key", "code", "name", "type")
_VALUE_WORDS: Final = ("value", "answer", "content", "data", "text")
_LABEL_WORDS: Final = ("label", "title", "caption", "question", "name", "description")


def _said(document: DatasetDocument, wanted: Iterable[str], *besides: str | None) -> str | None:
    for word in wanted:
        for field in document.fields:
            if field.name not in besides and not field.nested and word in words(field.name):
                return field.name
    return None


def _properties(plan: Plan, tables: Mapping[str, TableProposal], chosen: Mapping[str, ObjectName]) -> Properties | None:
    for name, document in sorted(plan.documents.items(), key=lambda one: one[0] not in chosen):
        table = tables.get(name)
        patient = next((one.name for one in document.fields if _refers(one, plan.patients)), None)
        if table is None or table.role != "custom_property" or patient is None:
            continue
        key = document.key[0] if document.key else None
        value = _said(document, _VALUE_WORDS, patient, key)
        called = _said(document, _NAME_WORDS, patient, key, value)
        if value is None or called is None:
            continue
        changed = next((one.name for one in document.fields if one.dates and one.name != value), None)
        found = document.field(called)
        reference = found.reference if found else None
        definitions = plan.documents[reference.dataset] if reference else None
        if definitions is None or reference is None:
            return Properties(document, patient, called, value, changed)
        label = _said(definitions, _LABEL_WORDS, reference.column) or reference.column
        kind = _said(definitions, ("type", "kind", "datatype"), reference.column, label)
        return Properties(document, patient, called, value, changed, definitions, reference.column, label, kind)
    return None


def _add_details(
    plan: Plan, tables: Mapping[str, TableProposal], taken: set[str], chosen: Mapping[str, ObjectName]
) -> None:
    """Joins the datasets that are parts of an object to its first head that they can be joined to."""
    for name, table in tables.items():
        if table.object is None or name in taken or not plan.fields.get(name):
            continue
        if to_rebuild(name) and name not in chosen:
            continue
        for place, head in enumerate(plan.heads):
            detail = join(head.document, plan.documents[name]) if head.object == table.object else None
            if detail and head.object == "claim" and detail.here != head.document.key[0]:
                continue  # lines name their claim; what only shares a visit with it would stand in several claims
            if detail:
                plan.heads[place] = Head(head.object, head.document, head.path, (*head.details, detail))
                taken.add(name)
                if name in chosen:
                    plan.rest.pop(name, None)  # no records of their own, so they are a part of others
                break


def join(head: DatasetDocument, other: DatasetDocument) -> Detail | None:
    """How the rows of another dataset belong to those of a head; None when no column says so."""
    for field in other.fields:
        if _refers(field, head) and field.reference and not field.reference.each:
            return Detail(other, head.key[0], field.name, True)
    for field in head.fields:
        if _refers(field, other) and field.reference and not field.reference.each:
            return Detail(other, field.name, other.key[0], False)
    for field in head.fields:
        for far in other.fields:
            shared = field.reference and far.reference and field.reference.dataset == far.reference.dataset != head.name
            if shared and words(field.name) == words(far.name):
                return Detail(other, field.name, far.name, True)
    return None


def _spread(plan: Plan) -> None:
    """Spreads over buckets what names its patient itself; what is needed to find one stays whole everywhere."""
    whole: set[str] = set()
    for head in plan.heads:
        if head.path and head.path.kind in ("through", "beside"):
            whole.add(head.path.dataset)
        elif head.path and head.path.kind == "own":
            plan.buckets[head.document.name] = head.path.field
        for detail in head.details:
            own = next((one.name for one in detail.document.fields if _refers(one, plan.patients)), None)
            joined_by_patient = head.document is plan.patients and detail.here == plan.patients.key[0]
            if joined_by_patient:
                plan.buckets[detail.document.name] = detail.there
            elif own and head.path and head.path.kind == "own":
                plan.buckets[detail.document.name] = own
    if plan.properties:
        plan.buckets[plan.properties.document.name] = plan.properties.patient
    for name in plan.rest:
        # Counted only: spread where that is easy, so that no bucket carries all of it.
        plan.buckets[name] = next((one.name for one in plan.documents[name].fields if _own(one, plan)), None)
    for name in whole:
        plan.buckets[name] = None


def _own(field: FieldProfile, plan: Plan) -> bool:
    return _refers(field, plan.patients) and not (field.reference and field.reference.each)


def organizations(documents: Sequence[DatasetDocument], proposal: Proposal) -> dict[str, ObjectName]:
    """Directories that referrals name: places with an address or a number to call, which the matcher took for a detail.

    Returns dataset -> ``location``, to be matched once more as what they are.
    """
    tables = {one.table: one for one in proposal.tables}
    found: dict[str, ObjectName] = {}
    for one in documents:
        table = tables.get(one.name)
        if table is None or not one.key or table.role in ("patient", "practitioner", "staff", "location"):
            continue
        named = any({"name"} & set(words(field.name)) for field in one.fields)
        reached = any(field.share("phone") > 0.5 or field.share("zip") > 0.5 for field in one.fields)
        by_referrals = any(
            _refers(field, one) and (other := tables.get(document.name)) is not None and other.role == "referral"
            for document in documents
            for field in document.fields
        )
        if named and reached and by_referrals:
            found[one.name] = "location"
    return found
