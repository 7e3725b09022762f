"""The map: every field of the source and its column, to read, change, confirm field by field and as a whole."""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final, cast, get_args

import azure.functions as func
from pydantic import ValidationError

from console import masks
from console.shell import shell
from console.visit import Visit
from ledger import migrations
from ledger.gates import gate
from ledger.states import Migration
from mapping.catalog import build_schema
from mapping.model import ClinicMap, ControlledPolicy, FieldMap, PhiClass, PhiDecision
from mapping.objects import ObjectName
from mapping.review import REVIEWED, undecided
from mapping.schema import Schema, SchemaColumn
from mapping.transforms import COMMON_ARGS, REGISTRY
from mapping.validate import Problem, problems
from services import decisions, fields, source
from services.access import StepError
from services.fields import CERTAIN, FieldEdit
from services.overview import current_map

#: Columns that the migration fills itself.
_OWN: Final = ("owner", "state", "status", "file", "uniqueidentifier")


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the map's table."""

    key: str
    object: str
    table: str
    field: FieldMap
    column: SchemaColumn | None
    problem: str

    @property
    def id(self) -> str:
        """An id for the page: no dots, which selectors would take for classes."""
        return "f-" + self.key.replace(".", "-")

    @property
    def sure(self) -> str:
        """The confidence in words."""
        if self.field.by and self.field.status != "proposed":
            return "decided"
        return "certain" if self.field.confidence >= CERTAIN else "likely" if self.field.confidence >= 0.8 else "unsure"

    @property
    def eye(self) -> bool:
        """Whether a person should look: not decided, and not certain or wrong."""
        return bool(self.problem) or (self.field.status == "proposed" and self.sure != "certain")


def lines_of(clinic_map: ClinicMap, schema: Schema, found: list[Problem]) -> list[Line]:
    """The rows of the table, in the map's order. ``found``: what is wrong with the map."""
    wrong = {(one.object, one.field): one.message for one in found if one.field}
    return [
        Line(key, name, table, field, _column(schema, table, field.column), wrong.get((name, field.source), ""))
        for key, name, table, field in fields.fields_of(clinic_map)
    ]


def _column(schema: Schema, table: str, name: str | None) -> SchemaColumn | None:
    found = schema.tables.get(table)
    return found.columns.get(name) if found and name else None


def counts_of(lines: list[Line], found: list[Problem]) -> dict[str, Any]:
    """Figures above the table, and what keeps the map from being confirmed."""
    status = Counter(line.field.status for line in lines)
    certain = sum(1 for line in lines if line.field.status == "proposed" and line.field.confidence >= CERTAIN)
    return {
        "all": len(lines),
        "confirmed": status["confirmed"],
        "proposed": status["proposed"],
        "ignored": status["ignored"],
        "eye": sum(1 for line in lines if line.eye),
        "certain": certain,
        "problems": [one for one in found if "controlled substances" not in one.message],
    }


async def map_page(visit: Visit) -> func.HttpResponse:
    """The whole map."""
    context = await shell(visit, "map")
    migration = await visit.migration()
    if migration.map_version == 0:
        return visit.page("map_none.html", **context)
    clinic_map = await current_map(visit.store, migration)
    schema = build_schema(clinic_map)
    found = problems(clinic_map, schema)
    lines = lines_of(clinic_map, schema, found)
    return visit.page(
        "map.html",
        **context,
        lines=lines,
        counts=counts_of(lines, found),
        map=clinic_map,
        phis=sorted({line.field.phi for line in lines}),
        policies=get_args(ControlledPolicy),
        delicate=_delicate(clinic_map),
        edits=f"{visit.home}/map/fields",
        open=_open(visit, migration),
    )


def _delicate(clinic_map: ClinicMap) -> dict[str, list[str]]:
    """Fields by class that somebody has to decide about before the map is confirmed."""
    found: dict[str, list[str]] = {}
    for name, field in undecided(clinic_map):
        found.setdefault(field.phi, []).append(f"{name}.{field.source}")
    return found


def _open(visit: Visit, migration: Migration) -> bool:
    """Whether this person may decide on fields now."""
    return gate(migration, "map") is None and (visit.person.may_operate or visit.person.may_approve)


async def field_panel(visit: Visit) -> func.HttpResponse:
    """One field, to change."""
    migration = await visit.migration()
    clinic_map = await current_map(visit.store, migration)
    schema = build_schema(clinic_map)
    lines = lines_of(clinic_map, schema, problems(clinic_map, schema))
    line = next((one for one in lines if one.key == visit.args["field"]), None)
    if line is None:
        raise StepError("not_found", "There is no such field in the map.", "Load the map again.")
    counted = await source.value_counts(visit.store, migration, line.object, line.field.source)
    shown = masks.revealed(visit)
    found = await source.examples(
        visit.store, migration, clinic_map, cast("ObjectName", line.object), line.table, line.field
    )
    table = schema.tables.get(line.table)
    context = {
        "line": line,
        "columns": sorted(
            (one for one in table.columns.values() if one.type not in _OWN) if table else (), key=lambda one: one.label
        ),
        "transforms": REGISTRY.values(),
        "transform": REGISTRY.get(line.field.transform),
        "common": COMMON_ARGS,
        "args": json.dumps(line.field.args, indent=2, ensure_ascii=False) if line.field.args else "",
        "phis": get_args(PhiClass),
        "values": _values(line, counted),
        "examples": [_example(one, shown) for one in found],
        "revealed": shown,
        "history": await fields.history(visit.store, migration.id, line.key),
        "edits": f"{visit.home}/map/fields",
        "open": _open(visit, migration),
        "home": visit.home,
    }
    if visit.fragment:
        return visit.page("map_field.html", **context)
    return visit.page("map_field_page.html", **{**await shell(visit, "map"), **context})


def _values(line: Line, counted: Any) -> list[tuple[str, int | None, str | None, bool]]:
    """The value map as rows: source value, how often, label, whether it is mapped. Only for fields that have one."""
    known = line.field.values
    choice = line.column is not None and line.column.type in ("choice", "choices", "boolean")
    if known is None and not (choice and counted):
        return []
    labels = line.column.options if line.column else {}
    return [
        (value, counted.get(value), (known or {}).get(value, value if value in labels else None),
         value in (known or {}) or value in labels)
        for value in dict.fromkeys([*counted, *(known or {})])
    ]  # fmt: skip


def _example(one: source.Example, shown: bool) -> tuple[str, str]:
    value, made = one
    after = f"refused: {made.code}" if hasattr(made, "code") else made
    if not shown:
        return masks.mask(value), str(after) if hasattr(made, "code") else masks.mask(after)
    return str(value), "" if after is None else str(after)


async def edit(visit: Visit) -> func.HttpResponse:
    """One field is confirmed, changed, left out, reopened or commented."""
    action = visit.form("action")
    if not visit.person.may_operate and action not in ("confirm", "comment", "reopen"):
        raise StepError("not_allowed", "Changing the map takes the role operator.", "Leave a comment instead.")
    asked: dict[str, Any] = {name: visit.form(name) for name in ("field", "source", "action", "reason", "comment")}
    if action == "change":
        asked |= _changed(visit)
    try:
        given = FieldEdit.model_validate(asked)
    except ValidationError as error:
        places = ", ".join(".".join(map(str, one["loc"])) for one in error.errors())
        raise StepError("bad_request", f"That does not fit: {places}.", "Correct it, then send it again.") from None
    stored = await fields.edit(visit.store, visit.args["id"], visit.person.name, [given])
    if not visit.fragment:
        return visit.go(f"{visit.home}/map")
    clinic_map = await current_map(visit.store, stored)
    schema = build_schema(clinic_map)
    found = problems(clinic_map, schema)
    lines = lines_of(clinic_map, schema, found)
    answer = visit.page(
        "map_edited.html",
        line=next(one for one in lines if one.key == given.field),
        counts=counts_of(lines, found),
        confirmed=stored.confirmed_hash == stored.map_hash,
        home=visit.home,
        edits=f"{visit.home}/map/fields",
    )
    answer.headers["HX-Trigger"] = "carryover-edited"
    return answer


def _changed(visit: Visit) -> dict[str, Any]:
    text = visit.form("args")
    try:
        args = json.loads(text) if text else {}
    except ValueError:
        args = None
    if not isinstance(args, dict):
        raise StepError("bad_request", "The arguments are no JSON object.", 'Write them as {"name": "value"}.')
    changed: dict[str, Any] = {
        "column": visit.form("column") or None,
        "transform": visit.form("transform"),
        "args": args,
    }
    if visit.form("phi"):
        changed["phi"] = visit.form("phi")
    sources, labels = visit.forms().get("value", []), visit.forms().get("label", [])
    if sources:
        changed["values"] = {
            value: label or None for value, label in zip(sources, labels, strict=True) if label != "(not mapped)"
        }
    return changed


async def confirm_certain(visit: Visit) -> func.HttpResponse:
    """Confirm every proposed field that is certain."""
    clinic_map = await current_map(visit.store, await visit.migration())
    try:
        least = max(CERTAIN, float(visit.form("least", str(CERTAIN))))
    except ValueError:
        least = CERTAIN
    found = fields.certain(clinic_map, least)
    if not found:
        raise StepError("nothing_certain", "No proposed field is that certain.", "Look at the others one by one.")
    await fields.edit(visit.store, visit.args["id"], visit.person.name, found)
    return visit.go(f"{visit.home}/map")


async def confirm(visit: Visit) -> func.HttpResponse:
    """A person confirms the map whose hash they were shown."""
    policy = visit.form("controlled")
    chosen = cast("ControlledPolicy", policy) if policy in get_args(ControlledPolicy) else None
    phi: dict[str, PhiDecision] = {
        kind: cast("PhiDecision", made)
        for kind in REVIEWED
        if (made := visit.form(f"phi.{kind}")) in get_args(PhiDecision)
    }
    reasons = {name[len("scope.") :]: given[0] for name, given in visit.forms().items() if name.startswith("scope.")}
    await decisions.confirm(visit.store, visit.args["id"], visit.person.name, visit.form("hash"), chosen, phi, reasons)
    return visit.go(visit.home)


async def download(visit: Visit) -> func.HttpResponse:
    """The map as JSON."""
    migration = await migrations.load(visit.store, visit.args["id"])
    content = (await current_map(visit.store, migration)).model_dump_json(indent=2)
    headers = {"Content-Disposition": f'attachment; filename="map-{migration.map_version}.json"'}
    return func.HttpResponse(content, mimetype="application/json", headers=headers)


ROUTES: Final = (
    ("GET", "m/{id}/map", "read", map_page),
    ("GET", "m/{id}/map/field/{field}", "read", field_panel),
    ("GET", "m/{id}/map/download", "read", download),
    ("POST", "m/{id}/map/fields", "work", edit),
    ("POST", "m/{id}/map/certain", "work", confirm_certain),
    ("POST", "m/{id}/map/confirm", "approve", confirm),
)
