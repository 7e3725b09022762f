"""The map: every field of the source and its column, to read, change, confirm field by field and as a whole."""

import json
import re
from typing import Any, Final, cast, get_args

import azure.functions as func
from pydantic import TypeAdapter, ValidationError

from console import masks
from console.lines import Line, counts_of, example, lines_of
from console.shell import shell
from console.visit import Visit
from ledger import migrations
from ledger.gates import gate
from ledger.states import Migration
from mapping.adopting import ASKED, filled
from mapping.catalog import build_schema
from mapping.model import ClinicMap, ControlledPolicy, ObjectMap, PhiClass, PhiDecision
from mapping.objects import LOAD_ORDER, OBJECTS, ObjectName
from mapping.review import review, standing_of, undecided
from mapping.schema import Schema, SchemaColumn
from mapping.transforms import COMMON_ARGS, REGISTRY
from mapping.validate import Problem, problems
from services import decisions, fields, history, masked, options, source, two_people, values
from services.access import StepError
from services.fields import CERTAIN, SHAPING, FieldEdit
from services.overview import current_map

#: Columns that the migration fills itself.
_OWN: Final = ("owner", "state", "status", "file", "uniqueidentifier")


async def map_page(visit: Visit) -> func.HttpResponse:
    """The whole map."""
    context = await shell(visit, "map")
    migration = await visit.migration()
    if migration.map_version == 0:
        return visit.page("map_none.html", **context)
    clinic_map = await current_map(visit.store, migration)
    schema = build_schema(clinic_map)
    found = problems(clinic_map, schema)
    revealed = masks.revealed(visit)
    records = await source.first_records(
        visit.store, migration, [name for name in OBJECTS if name in clinic_map.objects]
    )
    lines = lines_of(clinic_map, schema, found, _whole(migration), records, revealed=revealed)
    return visit.page(
        "map.html",
        **context,
        **await _confirmation(visit, migration, clinic_map, schema, lines, found),
        barred=await two_people.barred(visit.store, migration.id, visit.person.name),
        lines=lines,
        phis=sorted({line.field.phi for line in lines}),
        classes=(classes := review(clinic_map)),
        needed=sum(one.needed for one in classes),
        options=[one for one in options.listed(clinic_map) if one["current"]],
        homes=_homes(clinic_map, schema),
        least=CERTAIN,
        revealed=revealed,
        purpose="map",
        edits=f"{visit.home}/map/fields",
        open=_open(visit, migration),
        change=_open(visit, migration) and visit.person.may_operate,
    )


async def _confirmation(
    visit: Visit,
    migration: Migration,
    clinic_map: ClinicMap,
    schema: Schema,
    lines: list[Line],
    found: list[Problem],
) -> dict[str, Any]:
    """What the figures and the confirmation of the whole map say."""
    delicate: dict[str, list[str]] = {}
    for name, field in undecided(clinic_map):
        delicate.setdefault(field.phi, []).append(f"{name}.{field.source}")
    return {
        "one": migration,
        "map": clinic_map,
        "counts": counts_of(lines, found),
        "left": fields.still_undecided(clinic_map),
        "values": values.summed(await values.unanswered(visit.store, migration, clinic_map, schema)),
        "delicate": delicate,
        "policies": get_args(ControlledPolicy),
        "refusal": gate(migration, "confirm"),
    }


def _homes(clinic_map: ClinicMap, schema: Schema) -> list[tuple[str, ObjectMap, list[SchemaColumn]]]:
    """Objects whose rows may be found in the target, and the columns that their fields fill."""
    found: list[tuple[str, ObjectMap, list[SchemaColumn]]] = []
    for name in LOAD_ORDER:
        one = clinic_map.objects.get(name)
        keyed = (
            [(route, schema.tables[route.table]) for route in one.routes if route.table in schema.tables] if one else []
        )
        columns = {
            column: table.columns[column]
            for route, table in keyed
            if table.key_column
            for column in filled(route)
            if column in table.columns and table.columns[column].type in ASKED
        }
        if one and columns:
            found.append((name, one, sorted(columns.values(), key=lambda each: each.label)))
    return found


def _whole(migration: Migration) -> str:
    """Who confirmed the map as it is; nobody: "" ."""
    confirmed = migration.confirmed_hash is not None and migration.confirmed_hash == migration.map_hash
    return (migration.confirmed_by or "somebody") if confirmed else ""


def _open(visit: Visit, migration: Migration) -> bool:
    """Whether this person may decide on fields now."""
    return gate(migration, "map") is None and (visit.person.may_operate or visit.person.may_approve)


async def field_panel(visit: Visit) -> func.HttpResponse:
    """One field, to change."""
    migration = await visit.migration()
    clinic_map = await current_map(visit.store, migration)
    schema = build_schema(clinic_map)
    lines = lines_of(clinic_map, schema, problems(clinic_map, schema), _whole(migration))
    line = next((one for one in lines if one.key == visit.args["field"]), None)
    if line is None:
        raise StepError("not_found", "There is no such field in the map.", "Load the map again.")
    name = cast("ObjectName", line.object)
    counted = await source.value_counts(visit.store, migration, name, line.field.source)
    shown = masks.revealed(visit)
    found = await source.examples(visit.store, migration, clinic_map, name, line.table, line.field)
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
        "standing": standing_of(line.field),
        "values": [
            (masks.stands_for(visit, line.key, value), masks.shown(visit, value), *more)
            for value, *more in _values(line, counted)
        ],
        "examples": [example(one, revealed=shown) for one in found],
        "revealed": shown,
        "history": await history.changes(visit.store, migration.id, line.key),
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


async def edit(visit: Visit) -> func.HttpResponse:
    """One field is confirmed, changed, left out, reopened or commented."""
    action = visit.form("action")
    if not visit.person.may_operate and action in SHAPING:
        raise StepError("not_allowed", "Changing the map takes the role operator.", "Leave a comment instead.")
    asked: dict[str, Any] = {name: visit.form(name) for name in ("field", "source", "action", "reason", "comment")}
    if action == "change":
        asked |= _changed(visit, await _known(visit, asked["field"]))
    if action == "review":
        asked["review"] = visit.form("review") or None
    try:
        given = FieldEdit.model_validate(asked)
    except ValidationError as error:
        places = ", ".join(".".join(map(str, one["loc"])) for one in error.errors())
        raise StepError("bad_request", f"That does not fit: {places}.", "Correct it, then send it again.") from None
    before = await visit.migration()
    stored = await fields.edit(visit.store, visit.args["id"], visit.person.name, [given])
    if not visit.fragment:
        return visit.go(f"{visit.home}/map")
    if _whole(before) and not _whole(stored.migration):
        # What was confirmed with the map is not any more: every row says something else now.
        return func.HttpResponse(status_code=204, headers={"HX-Refresh": "true"})
    name = cast("ObjectName", given.field.partition(".")[0])
    records = await source.first_records(visit.store, stored.migration, [name])
    lines = lines_of(
        stored.map, stored.schema, stored.problems, _whole(stored.migration), records, revealed=masks.revealed(visit)
    )
    return visit.page(
        "map_edited.html",
        **await _confirmation(visit, stored.migration, stored.map, stored.schema, lines, stored.problems),
        barred=await two_people.barred(visit.store, stored.migration.id, visit.person.name),
        line=next(one for one in lines if one.key == given.field),
        home=visit.home,
        edits=f"{visit.home}/map/fields",
    )


async def _known(visit: Visit, field: str) -> dict[str, str]:
    """The values of the source that a field's value map may answer, by what stands for each."""
    migration = await visit.migration()
    clinic_map = await current_map(visit.store, migration)
    found = {key: (name, one) for key, name, _, one in history.fields_of(clinic_map)}.get(field)
    if found is None:
        return {}
    counted = await source.value_counts(visit.store, migration, found[0], found[1].source)
    return {masks.stands_for(visit, field, value): value for value in (*counted, *(found[1].values or {}))}


def _changed(visit: Visit, known: dict[str, str]) -> dict[str, Any]:
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
    if not known.keys() >= {*sources}:
        raise StepError(
            "bad_request", "The field's values are not those of this form any more.", "Load the field again."
        )
    if sources:
        changed["values"] = {
            known[value]: label or None for value, label in zip(sources, labels, strict=True) if label != "(not mapped)"
        }
    return changed


async def confirm_certain(visit: Visit) -> func.HttpResponse:
    """Confirm every proposed field of at least the confidence that was asked for, in percent."""
    text = visit.form("least")
    if not re.fullmatch(r"\d{1,3}(\.\d+)?", text) or float(text) > 100:
        raise StepError("bad_request", "That is no confidence.", "Give a number from 0 to 100.")
    clinic_map = await current_map(visit.store, await visit.migration())
    found = fields.certain(clinic_map, float(text) / 100)
    if not found:
        raise StepError("nothing_certain", "No proposed field is that certain.", "Look at the others one by one.")
    await fields.edit(visit.store, visit.args["id"], visit.person.name, found)
    return visit.go(f"{visit.home}/map")


async def accept_left(visit: Visit) -> func.HttpResponse:
    """Accept that the fields that the form names, as they stand in the rows that are shown, are left behind."""
    try:
        shown = TypeAdapter(list[FieldEdit]).validate_json(visit.form("fields"))
    except ValidationError:
        raise StepError("bad_request", "The form names no fields.", "Load the map again.") from None
    if not shown:
        raise StepError("nothing_left", "No field that is shown would be left behind.", "Choose another filter.")
    edits = [one.model_copy(update={"action": "accept", "reason": visit.form("reason")}) for one in shown]
    await fields.edit(visit.store, visit.args["id"], visit.person.name, edits)
    return visit.go(f"{visit.home}/map")


async def confirm(visit: Visit) -> func.HttpResponse:
    """A person confirms the map whose hash they were shown."""
    policy = visit.form("controlled")
    chosen = cast("ControlledPolicy", policy) if policy in get_args(ControlledPolicy) else None
    clinic_map = await current_map(visit.store, await visit.migration())
    phi: dict[str, PhiDecision] = {
        f"{name}.{field.source}": cast("PhiDecision", made)
        for name, field in undecided(clinic_map)
        if (made := visit.form(f"phi.{field.phi}")) in get_args(PhiDecision)
    }
    reasons = {name[len("scope.") :]: given[0] for name, given in visit.forms().items() if name.startswith("scope.")}
    await decisions.confirm(visit.store, visit.args["id"], visit.person.name, visit.form("hash"), chosen, phi, reasons)
    return visit.go(visit.home)


async def download(visit: Visit) -> func.HttpResponse:
    """The map as JSON; to a viewer with the source values of its value maps masked."""
    migration = await migrations.load(visit.store, visit.args["id"])
    document = masked.document(await current_map(visit.store, migration), values=visit.person.may_see_values)
    content = json.dumps(document, indent=2, ensure_ascii=False)
    headers = {"Content-Disposition": f'attachment; filename="map-{migration.map_version}.json"'}
    return func.HttpResponse(content, mimetype="application/json", headers=headers)


ROUTES: Final = (
    ("GET", "m/{id}/map", "read", map_page),
    ("GET", "m/{id}/map/field/{field}", "read", field_panel),
    ("GET", "m/{id}/map/download", "read", download),
    ("POST", "m/{id}/map/fields", "work", edit),
    ("POST", "m/{id}/map/certain", "work", confirm_certain),
    ("POST", "m/{id}/map/left", "work", accept_left),
    ("POST", "m/{id}/map/confirm", "approve", confirm),
)
