"""Builds a profile for a source that no profile knows: from what was profiled and what the matcher proposed."""

import re
from collections.abc import Sequence
from fnmatch import translate
from pathlib import PurePosixPath
from typing import Any, Final

import yaml

from mapping.matching.model import Proposal
from sources.generated.accounts import detail_account, head_account, property_account, whole_account
from sources.generated.claims import claim_select
from sources.generated.hidden import hashed_when_staged, with_hidden_ids
from sources.generated.patients import add_patient_parts, party_field
from sources.generated.picks import NONE_PICKED, Picks
from sources.generated.plan import PRACTICE, Head, Plan, make_plan
from sources.generated.rebuild import to_rebuild
from sources.generated.records import PEOPLE, STAFF, Select, shape
from sources.generated.routes import TABLES, RouteFields
from sources.generated.sql import cell, id_of, is_deleted, key_of, text
from sources.generated.ways import Way
from sources.patterns import BILLING, SECRET
from sources.profile import Profile
from sources.profiling.model import DatasetDocument
from sources.profiling.names import words

#: Name of every generated profile.
GENERATED: Final = "generated"


def build_profile(
    documents: Sequence[DatasetDocument],
    proposal: Proposal,
    others: Sequence[str] = (),
    time_zone: str = "UTC",
    picks: Picks = NONE_PICKED,
) -> Profile:
    """The profile, as a person may edit it.

    Billing that feeds no object is no dataset of it: what no dataset takes is exported as it is.

    Args:
        others: paths of the files that hold no records.
        picks: which object a dataset feeds, where a person has said so; the proposal was made with the same.

    Raises:
        UnknownSource: there is no dataset of patients.
        BadPick: a dataset cannot feed the object that was picked for it.
        BadProfile: never for what is built here; the checks are those of every profile.
    """
    documents = with_hidden_ids(documents)
    plan = make_plan(documents, proposal, picks)
    objects: dict[str, Any] = {}
    routes: dict[str, Any] = {}
    for name in dict.fromkeys(head.object for head in plan.heads):
        heads = plan.of(name)
        fields = RouteFields(name)
        selects = [_select(head, plan, fields) for head in heads]
        sql = "\nUNION ALL BY NAME\n".join(select.sql() for select in selects)
        objects[name] = {"sql": sql, "global": True} if name in PRACTICE else sql
        if name in TABLES:
            routes[name] = {"routes": fields.routes()}
    rebuild = _rebuild(plan)
    return Profile.model_validate(
        {
            "name": GENERATED,
            "title": "Proposed profile",
            "time_zone": time_zone,
            "detect": {plan.patients.name: plan.patients.key},
            "documents": _papers(others),
            "datasets": {one.name: _dataset(one, plan, rebuild) for one in documents if not _left_as_is(one, plan)},
            "views": _views(plan),
            "objects": objects,
            "rebuild": rebuild,
            "map": routes,
        }
    )


def to_yaml(profile: Profile) -> str:
    """The profile as text to look at, change and upload again."""

    class Dumper(yaml.SafeDumper):
        pass

    def represent(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, represent)
    plain = profile.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return yaml.dump(plain, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120)


def _select(head: Head, plan: Plan, fields: RouteFields) -> Select:
    if head.object == "claim":
        return claim_select(head, plan)
    select = shape(head, plan, fields)
    match head.object:
        case "patient":
            add_patient_parts(head, plan, select, fields)
        case "practitioner":
            _practitioner(plan, select, fields)
        case "staff":
            _staff(head, plan, select, fields)
        case "location":
            _location(head, plan, select, fields)
        case "document":
            _document(head, plan, select)
        case "prescription":
            _schedule(select, fields)
    _title(head, select, fields)
    return select


def _practitioner(plan: Plan, select: Select, fields: RouteFields) -> None:
    kind = text("Practitioner")
    if party := party_field(plan):
        person = id_of(plan.of("practitioner")[0].document, party)
        select.columns["_party"] = person
        kind = f"CASE WHEN {person} IS NULL THEN 'Practitioner' ELSE 'Both' END"
    select.columns["kind"] = kind
    fields.compute(
        "kind", Way("ContactKind", "choice", reason="says whether the person is a patient, a practitioner or both")
    )
    _apart(plan, fields)


def _apart(plan: Plan, fields: RouteFields) -> None:
    """A practitioner who is a patient, too, shares the contact with the patient, whose address is the first."""
    mail = fields.targets.get("emailaddress1")
    if party_field(plan) and mail and not fields.filled("emailaddress2"):
        fields.move(mail, "emailaddress1", "emailaddress2")


def _staff(head: Head, plan: Plan, select: Select, fields: RouteFields) -> None:
    """Staff are matched by e-mail: address, name, and whether they are still there."""
    document = head.document
    homes = {one.target_column: one.column for one in reversed(plan.fields.get(document.name, []))}
    mail = homes.get("internalemailaddress") or next(
        (one.name for one in document.fields if "email" in one.usual), None
    )
    names = [homes[one] for one in ("firstname", "lastname") if one in homes] or [
        homes[one] for one in ("fullname",) if one in homes
    ]
    status = homes.get("isdisabled") or next((one.name for one in document.fields if "status" in words(one.name)), None)
    active = "'true'"
    if status:
        found = f"lower({cell(document, status)})"
        negative = bool({"inactive", "disabled", "archived", "retired", "deleted", "hidden"} & set(words(status)))
        off = (
            "'true', '1', 't', 'yes', 'y'"
            if negative
            else ("'inactive', 'disabled', 'false', '0', 'f', 'no', 'n', 'terminated', 'left', 'retired', 'archived'")
        )
        active = f"CASE WHEN {found} IN ({off}) THEN 'false' ELSE 'true' END"
    select.columns = {key: sql for key, sql in select.columns.items() if key in ("_id", "_excluded")}
    select.joins = []
    select.columns["email"] = cell(document, mail) if mail else "NULL::VARCHAR"
    select.columns["name"] = (
        f"nullif(concat_ws(' ', {', '.join(cell(document, one) for one in names)}), '')" if names else "NULL::VARCHAR"
    )
    select.columns["active"] = active
    fields.ways.clear()
    fields.more.clear()
    fields.ways["email"] = Way("internalemailaddress", "email", phi="contact", reason="staff are found by it")
    fields.ways["name"] = Way("fullname", phi="name", reason="shown beside the owner")


def _location(head: Head, plan: Plan, select: Select, fields: RouteFields) -> None:
    """Places that only referrals name are where patients come from."""
    kind = fields.targets.get("LocationKind")
    if plan.users(head.document) != {"referral"} and kind in select.columns:
        return
    if kind is None:
        kind = "kind_of_place"
        fields.compute(kind, Way("LocationKind", "choice", reason="by what refers to it"))
    select.columns[kind] = text("Referral source" if plan.users(head.document) == {"referral"} else "Clinic")


def _document(head: Head, plan: Plan, select: Select) -> None:
    """Where the file lies in the upload: the column whose values are paths, else names of files."""
    files = [one for one in head.document.fields if one.share("file") > 0.5]
    files.sort(key=lambda one: ("path" not in words(one.name), "url" not in words(one.name), -one.distinct))
    select.columns["path"] = cell(head.document, files[0].name) if files else "NULL::VARCHAR"


def _schedule(select: Select, fields: RouteFields) -> None:
    """The schedule of a drug is looked up from its name: a yes or no in the source does not tell which."""
    name = fields.targets.get("MedicationName")
    if name is None or fields.filled("DEASchedule"):
        return
    more = [one for one in (fields.targets.get("MedicationCode"), "code_system") if one and one in select.columns]
    args = {"fields": more} if len(more) == 2 else {}
    way = Way("DEASchedule", "drug_schedule", args, phi="controlled_substance", reason="looked up from the drug's name")
    fields.compute(name, way)


def _title(head: Head, select: Select, fields: RouteFields) -> None:
    """Tables whose rows need a name that no field gives."""
    table, word = TABLES[head.object]
    name = "name" if table == "account" else "Name"
    if table in ("contact", "systemuser", "annotation") or (table == "account" and fields.filled("name")):
        return
    telling = ("Carrier", "MedicationName", "AppointmentType", "EncounterType", "ReferredTo", "Reason")
    told = next(
        (fields.targets[one] for one in telling if one in fields.targets and fields.targets[one] in select.columns),
        None,
    )
    kind = f"coalesce({select.columns[told]}, {text(word)})" if told else text(word)
    select.columns["title"] = f"left(concat_ws(' ', {kind}, {select.columns['_id']}), 200)"
    if not fields.filled(name):
        fields.compute("title", Way(name, phi="clinical", reason="a name for the row, made of its kind and id"))


def _views(plan: Plan) -> dict[str, str]:
    """The patients as other records need them, and the staff by name."""
    document = plan.patients
    head = plan.of("patient")[0]
    found: dict[str, str] = {}
    for column, name in (("provider", "practitioner"), ("place", "location")):
        fitting = [
            one.name for one in document.fields
            if one.reference and plan.objects.get(one.reference.dataset) == name
        ]  # fmt: skip
        found[column] = id_of(document, fitting[0]) if fitting else "NULL::VARCHAR"
    gone = is_deleted(head.document)
    views = {
        PEOPLE: (
            f"SELECT {key_of(document)} AS id, {found['provider']} AS provider, {found['place']} AS place, "
            f"{f'coalesce({gone}, false)' if gone else 'false'} AS gone\nFROM {document.name} AS t\n"
            f"QUALIFY row_number() OVER (PARTITION BY {key_of(document)} ORDER BY t._row) = 1"
        )
    }
    staff = plan.of("staff")
    if staff:
        select = _select(staff[0], plan, RouteFields("staff"))
        views[STAFF] = (
            f"SELECT {select.columns['_id']} AS id, {select.columns['name']} AS name\nFROM {staff[0].document.name} AS t\n"
            f"QUALIFY row_number() OVER (PARTITION BY {select.columns['_id']} ORDER BY t._row) = 1"
        )
    return views


def _rebuild(plan: Plan) -> dict[str, Any]:
    found = {}
    for name in plan.rest:
        if entry := to_rebuild(name):
            found[name] = {"title": entry[0], "what_to_rebuild": entry[1]}
    return found


def _dataset(one: DatasetDocument, plan: Plan, rebuild: dict[str, Any]) -> dict[str, Any]:
    secret = [name for name in one.columns if SECRET.search(name)]
    bucket = plan.buckets[one.name]
    plain: dict[str, Any] = {
        "files": _globs(one),
        "bucket": bucket,
        "required": [name for name in one.key if name in one.columns and name != bucket],
        "optional": [name for name in one.columns if name not in (*one.key, bucket, *secret)],
        "withheld": secret,
        "hashed": hashed_when_staged(one),
    }
    if one.name in plan.left_out:
        return plain | {"out_of_scope": plan.left_out[one.name]}
    if one.name in rebuild:
        return plain
    if one.name in plan.rest:
        return plain | {"unplaced": plan.rest[one.name]}
    return plain | {"account": _account(one, plan)}


def _account(one: DatasetDocument, plan: Plan) -> str:
    for head in plan.heads:
        if head.document is one:
            return head_account(head, plan)
        for detail in head.details:
            if detail.document is one:
                return detail_account(head, detail)
    if plan.properties and plan.properties.document is one:
        return property_account(plan)
    return whole_account(one.name, "merged:patient")


def _left_as_is(one: DatasetDocument, plan: Plan) -> bool:
    """Whether a dataset feeds nothing and holds billing, and nobody has said why it stays out."""
    unsaid = one.name in plan.rest and one.name not in plan.left_out
    return unsaid and any(BILLING.search(PurePosixPath(file.name).name) for file in one.files)


def _papers(others: Sequence[str]) -> list[str]:
    """Patterns of the files that may be documents: by folder, and by ending for those that lie beside the records."""
    places = {
        f"{path.parent}/*" if str(path.parent) != "." else f"*{path.suffix}" for path in map(PurePosixPath, others)
    }
    return sorted(places) or ["documents/*"]


def _globs(one: DatasetDocument) -> list[str]:
    """The files' own names; of several that differ in a number, one pattern for all that may come."""
    names = [re.sub(r"([\[*?])", r"[\1]", PurePosixPath(file.name).name) for file in one.files]
    if len(names) == 1:
        return names
    globs = list(dict.fromkeys(re.sub(r"\d+(?=\.[A-Za-z]+$)", "*", name) for name in names))
    assert all(any(re.match(translate(glob), name) for glob in globs) for name in names)
    return globs
