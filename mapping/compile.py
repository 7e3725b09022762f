"""Turns a confirmed map into functions, compiled once: one shaped record in, one mapped record out."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson

from mapping.controlled import Policy, controlled_policy
from mapping.derived import identity
from mapping.keys import party_key, source_key
from mapping.model import ClinicMap, Condition, FieldMap, Route
from mapping.objects import LOAD_ORDER, ObjectName
from mapping.owners import Owned, Owners
from mapping.parties import text_of
from mapping.properties import PropertyPlan, map_properties, name_properties, plan_properties
from mapping.record import Issue, MappedRecord, Ref
from mapping.schema import Schema, SchemaColumn, SchemaTable
from mapping.steps import BadMap, Step, read_step, step_of
from mapping.transforms import REGISTRY, Ctx, Refused
from mapping.transforms.base import as_text, fit, or_nothing
from mapping.transforms.choices import ROW_OWNER

Record = dict[str, Any]
Mapper = Callable[[Record], MappedRecord]

#: Reserved keys of a shaped record that the owner rules read, in the order of ``Owners.resolve``.
_OWNER_KEYS: Final = ("_owner", "_practitioner", "_provider", "_location")

#: Owners are few and records many; beyond this the table of answers starts afresh.
_OWNER_CACHE: Final = 20_000

_EXCLUDED: Final = {
    "blocked_time": "Time blocked in the schedule, not a visit of a patient.",
    "no_insurance": "A period without insurance, not a policy.",
    "soft_deleted": "Deleted in the source.",
}


class CompiledMap:
    """The mappers of a map by object. Objects that are no rows of their own (staff, claims) have none."""

    def __init__(self, mappers: dict[ObjectName, Mapper]) -> None:
        self._mappers = mappers

    def __getitem__(self, object: ObjectName) -> Mapper:
        """The mapper of that object; KeyError when the map does not have it."""
        return self._mappers[object]

    def __contains__(self, object: ObjectName) -> bool:
        return object in self._mappers

    def __iter__(self) -> Iterator[ObjectName]:
        """The objects in load order."""
        return iter(self._mappers)


def compile_map(map: ClinicMap, schema: Schema, owners: Owners) -> CompiledMap:
    """Compiles every object of the map that becomes rows.

    Raises:
        BadMap: a field cannot work (unknown transform or column, a label that is no option, bad arguments), or the
            map has prescriptions and no policy for controlled substances. ``mapping.validate`` finds these, in full
            and in words, before.
    """
    return CompiledMap({name: _object(map, name, schema, owners) for name in LOAD_ORDER if name in map.objects})


@dataclass(slots=True)
class _Link:
    source: str
    plain: str
    logical: str
    object: ObjectName
    required: bool
    none: frozenset[str]
    identity: Callable[[str], str]  #: the parent's id as its object knows it


@dataclass(slots=True)
class _RoutePlan:
    table: SchemaTable
    takes: Callable[[Record], bool]
    steps: list[Step]
    links: list[_Link]
    properties: PropertyPlan
    state: Step | None
    owner_parties: list[str]  #: party columns that name the row's owner
    policy: Policy | None
    key_column: str | None
    constants: dict[str, Any]
    source_owner: str | None
    source_owner_status: SchemaColumn | None


def _object(map: ClinicMap, name: ObjectName, schema: Schema, owners: Owners) -> Mapper:
    object_map = map.objects[name]
    plans = [_route(map, name, route, schema) for route in object_map.routes]
    rules = tuple(object_map.owner)
    system = map.system
    answers: dict[tuple[Any, ...], Owned] = {}

    def owner_of(table: str, record: Record) -> Owned:
        who = (table, *(record.get(key) or None for key in _OWNER_KEYS))
        answer = answers.get(who)
        if answer is None:
            if len(answers) >= _OWNER_CACHE:
                answers.clear()
            _, own, practitioner, provider, location = who
            answer = answers[who] = owners.resolve(
                rules, table, own=own, practitioner=practitioner, provider=provider, location=location
            )
        return answer

    def mapper(record: Record) -> MappedRecord:
        mapped = whole(record)
        if mapped.status != "mapped":
            # What is not written is not carried along either.
            mapped.payload.clear()
            mapped.refs.clear()
            mapped.owner = mapped.state = mapped.file = None
        return mapped

    def whole(record: Record) -> MappedRecord:
        source_id = or_nothing(record.get("_id"))
        if not source_id:
            mapped = MappedRecord("", "", "")
            name_properties(record, mapped)
            return _except(mapped, "missing_id", "The record has no id in the source.")
        key = source_key(system, name, source_id)
        party = record.get("_party")
        mapped = MappedRecord(source_id, key, party_key(system, party) if party else key)
        excluded = record.get("_excluded")
        plan = None if excluded else next((plan for plan in plans if plan.takes(record)), None)
        if plan is None:
            name_properties(record, mapped)
            if not excluded:
                return _except(mapped, "no_route", "No route of the map takes this record.")
            mapped.status, mapped.reason = "excluded", excluded
            mapped.message = _EXCLUDED.get(excluded, "Left out by the source's profile.")
            return mapped
        mapped.table = plan.table.plain
        if not (_fields(plan, record, mapped) and _links(plan, record, mapped, system)):
            name_properties(record, mapped)
            return mapped
        map_properties(plan.properties, record, mapped)
        if not _own(plan, mapped, owner_of(plan.table.plain, record)):
            return mapped
        if mapped.owner is not None and mapped.owner.startswith("systemusers/"):
            party = text_of([("systemuser", mapped.owner.partition("/")[2])])
            mapped.payload.update(dict.fromkeys(plan.owner_parties, party))
        _state(plan, record, mapped)
        if plan.key_column is not None:
            mapped.payload[plan.key_column] = key
            mapped.payload.update(plan.constants)
        elif plan.table.plain == "annotation":
            _note(plan, name, record, mapped)
        if plan.policy is not None:
            plan.policy(record, mapped)
        if mapped.status == "mapped":
            mapped.hash = payload_hash(mapped)
        return mapped

    return mapper


def payload_hash(mapped: MappedRecord) -> str:
    """SHA-256 (hex) of all that would be written: table, payload, refs, owner, state and file."""
    refs = [(ref.column, ref.object, ref.key) for ref in mapped.refs]
    written = (mapped.table, mapped.payload, refs, mapped.owner, mapped.state, mapped.file)
    return hashlib.sha256(orjson.dumps(written, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _except(mapped: MappedRecord, reason: str, message: str) -> MappedRecord:
    mapped.status, mapped.reason, mapped.message = "excepted", reason, message
    return mapped


def _fields(plan: _RoutePlan, record: Record, mapped: MappedRecord) -> bool:
    """Fills the payload; False when a field without which the record is nothing has no value."""
    payload = mapped.payload
    for step in plan.steps:
        source, fn, ctx, logical, plain_read = step.fast
        try:
            if plain_read:
                value = record.get(source)
                if value is None or value == "":
                    continue
                result = fn(value, ctx)
            else:
                result = read_step(step, record)
        except Refused as refused:
            mapped.issues.append(Issue(source, step.plain, refused.code, refused.message))
            if step.required:
                _except(mapped, refused.code, refused.message)
                return False
            continue
        if result is not None and logical not in payload:
            payload[logical] = result
        elif result is None and step.required:
            _except(mapped, "missing_value", f"The record has no {step.plain}, without which it is not written.")
            return False
    return True


def _links(plan: _RoutePlan, record: Record, mapped: MappedRecord, system: str) -> bool:
    for link in plan.links:
        try:
            parent = as_text(record.get(link.source))
        except Refused as refused:
            mapped.issues.append(Issue(link.source, link.plain, refused.code, refused.message))
            parent = ""
        if parent and parent not in link.none:
            key = source_key(system, link.object, link.identity(parent))
            mapped.refs.append(Ref(link.logical, link.object, key, link.required))
        elif link.required:
            _except(
                mapped,
                f"missing_{link.object}",
                f"The record names no {link.object}, without which it hangs in the air.",
            )
            return False
    return True


def _own(plan: _RoutePlan, mapped: MappedRecord, owned: Owned) -> bool:
    mapped.owner, mapped.owner_rule, mapped.owner_substituted = owned.owner, owned.rule, owned.substituted
    if owned.owner is None:
        _except(mapped, "no_owner", "No rule gives an owner for this record, and there is no fallback.")
        return False
    if plan.source_owner is not None and owned.source_owner is not None:
        mapped.payload[plan.source_owner] = owned.source_owner[:200]
    if plan.source_owner_status is not None and owned.source_status is not None:
        status = plan.source_owner_status
        mapped.payload[status.logical] = status.options[owned.source_status]
    return True


def _state(plan: _RoutePlan, record: Record, mapped: MappedRecord) -> None:
    if plan.state is None:
        return
    try:
        mapped.state = read_step(plan.state, record)
    except Refused as refused:
        mapped.issues.append(Issue(plan.state.source, None, refused.code, refused.message))


def _note(plan: _RoutePlan, name: ObjectName, record: Record, mapped: MappedRecord) -> None:
    """A note takes no custom columns: its provenance is the last line of its text, its file goes beside the payload."""
    path = or_nothing(record.get("path")) if name == "document" else ""
    mapped.file = path or None
    if not path and "notetext" not in mapped.payload:
        lost = next((one for one in mapped.issues if one.column == "notetext"), None)
        if name == "document":
            _except(mapped, "no_file", "The source lists the document but has neither a file nor a text for it.")
        elif lost is not None:
            _except(mapped, lost.code, lost.message)
        else:
            mapped.status, mapped.reason, mapped.message = "excluded", "no_text", "The note has no text."
        return
    line = f"Carryover: {mapped.source_key}"
    column = plan.table.columns["notetext"]
    text = mapped.payload.get("notetext")
    try:
        mapped.payload["notetext"] = fit(f"{text}\n{line}" if text else line, column)
    except Refused as refused:
        if not path and name != "document":
            _except(mapped, refused.code, refused.message)
            return
        mapped.payload["notetext"] = line
        mapped.issues.append(Issue("notetext", column.plain, refused.code, refused.message))
    mapped.payload["isdocument"] = bool(path)


def _route(map: ClinicMap, name: ObjectName, route: Route, schema: Schema) -> _RoutePlan:
    table = schema.tables.get(route.table)
    if table is None:
        raise BadMap(name, "", f"there is no table {route.table}")
    zone = zone_of(map)
    live = [
        field for field in route.fields if field.status != "ignored" and (field.column or field.transform == "state")
    ]
    columns = table.columns
    states = [step_of(name, field, None, zone) for field in live if field.transform == "state"]
    links = [_link(name, field, table) for field in live if field.transform == "lookup"]
    owners = [_column(name, field, table).logical for field in live if field.transform == ROW_OWNER]
    plain = [field for field in live if field.transform not in ("state", "lookup", ROW_OWNER)]
    keyed = table.key_column is not None
    policy = None
    if name == "prescription":
        if map.controlled is None:
            raise BadMap(name, "", "a policy for controlled substances has to be chosen")
        policy = controlled_policy(map.controlled, route, table)
    return _RoutePlan(
        table=table,
        takes=_condition(route.when),
        steps=[
            step_of(name, field, _column(name, field, table), zone)
            for field in plain
            if not field.source.startswith("properties.")
        ],
        links=links,
        properties=plan_properties(name, route, table, zone),
        state=states[0] if states else None,
        owner_parties=owners,
        policy=policy,
        key_column=table.key_column,
        constants={columns["SourceSystem"].logical: map.system} if keyed else {},
        source_owner=columns["SourceOwner"].logical if keyed else None,
        source_owner_status=columns["SourceOwnerStatus"] if keyed else None,
    )


def _column(name: ObjectName, field: FieldMap, table: SchemaTable) -> SchemaColumn:
    column = table.columns.get(field.column or "")
    if column is None:
        raise BadMap(name, field.source, f"{table.plain} has no column {field.column}")
    return column


def _link(name: ObjectName, field: FieldMap, table: SchemaTable) -> _Link:
    column = _column(name, field, table)
    parent = field.args.get("object")
    if parent not in LOAD_ORDER:
        raise BadMap(name, field.source, "a lookup needs the object it points at")
    none = frozenset(str(text) for text in field.args.get("none", ()))
    required = bool(field.args.get("required"))
    return _Link(field.source, column.plain, column.logical, parent, required, none, identity(parent))


def _condition(when: Condition | None) -> Callable[[Record], bool]:
    if when is None:
        return lambda record: True
    source, above = when.field, when.above
    amount = REGISTRY["money"].fn
    ctx = Ctx(args={"places": 4})

    def above_it(record: Record) -> bool:
        try:
            number = amount(record.get(source), ctx)
        except Refused:
            return False
        return number is not None and number > above

    return above_it


def zone_of(map: ClinicMap) -> tzinfo:
    """The clinic's time zone, in which times of the source are that carry none."""
    return UTC if map.time_zone.upper() in ("UTC", "Z", "ETC/UTC") else ZoneInfo(map.time_zone)
