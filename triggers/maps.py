"""The map and the decisions people make: confirm, shut the delta window, accept, close."""

from typing import Final

import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from activities import jobs
from ledger import migrations
from mapping.catalog import build_schema
from mapping.model import ClinicMap, ControlledPolicy, PhiDecision
from mapping.review import undecided, unmarked
from mapping.validate import problems
from services import decisions, fields, history, maps, masked, options, overview, papers, phi, values, versions
from services.access import StepError, storage
from services.fields import SHAPING, FieldEdit
from services.overview import shown
from triggers.api import allows, answer, body_of, endpoint, operator_of, require

_UNMASKED: Final = "GET the map as an operator or approver, change that, and put it."


class Decision(BaseModel):
    """A decision of a named person, bound to what they read."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(min_length=1)
    hash: str = ""
    controlled: ControlledPolicy | None = None
    phi: dict[str, PhiDecision] = Field(default_factory=dict)
    out_of_scope: dict[str, str] = Field(default_factory=dict)
    sample: str = ""
    typed: str = ""


@endpoint("read")
async def get_map(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/map: to a viewer with the source values of its value maps masked."""
    store = await storage()
    migration = await migrations.load(store, req.route_params["id"])
    current = await jobs.current_map(store, migration)
    schema = build_schema(current)
    return answer(
        {
            "map": masked.document(current, values=allows(req, "work")),
            "hash": migration.map_hash,
            "version": migration.map_version,
            "undecided": [
                {"object": name, "field": field.source, "phi": field.phi} for name, field in undecided(current)
            ],
            "problems": problems(current, schema),
            "unmarked": unmarked(current),
            "left_behind": [one.model_dump(include={"field", "source"}) for one in fields.left_behind(current)],
            "values": values.summed(await values.unanswered(store, migration, current, schema)),
            "confirmed": migration.confirmed_hash == migration.map_hash,
        }
    )


class WholeMap(BaseModel):
    """A whole map by a named person. ``version``: the one it was made from, so that nobody's change is written over."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(min_length=1)
    map: ClinicMap
    version: int | None = None


@endpoint("operate")
async def put_map(req: func.HttpRequest) -> func.HttpResponse:
    """PUT /migrations/{id}/map: a new version; voids the confirmation when anything that is written changes."""
    try:
        asked = WholeMap.model_validate_json(req.get_body())
    except ValidationError as error:
        if any(one["loc"] == ("map", masked.MARK) for one in error.errors()):
            raise StepError(
                "masked_map", "The values of this map are masked: it was given to a viewer.", _UNMASKED
            ) from None
        places = ", ".join(".".join(map(str, one["loc"])) for one in error.errors()[:10])
        raise StepError(
            "bad_request", f"The map does not fit its form: {places}.", "GET the map, change that, and say by whom."
        ) from None
    by, id = operator_of(req, asked.by), req.route_params["id"]
    migration = await maps.put(await storage(), id, asked.map, by=by, on=asked.version)
    return answer({"hash": migration.map_hash, "version": migration.map_version})


@endpoint("read")
async def list_versions(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/map/versions: every version with its hash, author, time and cause, latest first."""
    found = await versions.versions(await storage(), req.route_params["id"])
    return answer({"versions": [versions.shown(one) for one in found]})


@endpoint("read")
async def get_version(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/map/versions/{version}: one version with its map."""
    number = _number(req.route_params["version"])
    one, clinic_map = await versions.version(await storage(), req.route_params["id"], number)
    return answer({**versions.shown(one), "map": masked.document(clinic_map, values=allows(req, "work"))})


@endpoint("read")
async def compare_versions(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/map/versions/{version}/diff?from=: what differs from another version, or the one before."""
    number, given = _number(req.route_params["version"]), req.params.get("from")
    older = _number(given) if given else None
    store, values = await storage(), allows(req, "work")
    base, found = await versions.differences(store, req.route_params["id"], number, older, values=values)
    return answer({"from": base, "to": number, "differences": found})


def _number(text: str) -> int:
    if not text.isdecimal():
        raise StepError("bad_request", "A version of the map is a number.", "GET map/versions lists them.")
    return int(text)


class FieldEdits(BaseModel):
    """Edits of single fields by a named person."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(min_length=1)
    edits: list[FieldEdit] = Field(min_length=1)


@endpoint("work")
async def edit_fields(req: func.HttpRequest) -> func.HttpResponse:
    """POST /migrations/{id}/map/fields: confirm, change, leave out or comment single fields."""
    asked = body_of(req, FieldEdits)
    if any(one.action in SHAPING for one in asked.edits):
        require(req, "operate")
    by = operator_of(req, asked.by)
    migration = (await fields.edit(await storage(), req.route_params["id"], by, asked.edits)).migration
    return answer({"hash": migration.map_hash, "version": migration.map_version})


@endpoint("read")
async def list_values(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/map/values: the values of choices that no option answers; masked for a viewer."""
    store = await storage()
    migration = await migrations.load(store, req.route_params["id"])
    current = await jobs.current_map(store, migration)
    found = await values.unanswered(store, migration, current, build_schema(current))
    return answer(
        {
            "values": [values.shown(one, revealed=allows(req, "work")) for one in found.values],
            "uncounted": found.uncounted,
        }
    )


class Answers(BaseModel):
    """Choices of the map with their answers, by a named person."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(min_length=1)
    options: dict[str, str] = Field(min_length=1)


@endpoint("read")
async def get_options(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/map/options: what the map may do with locations, appointments, notes and the like."""
    return answer({"options": await options.options(await storage(), req.route_params["id"])})


@endpoint("operate")
async def set_options(req: func.HttpRequest) -> func.HttpResponse:
    """POST /migrations/{id}/map/options: answer choices; the map changes and needs a new confirmation."""
    asked, store, id = body_of(req, Answers), await storage(), req.route_params["id"]
    migration = await options.answer(store, id, operator_of(req, asked.by), asked.options)
    return answer(
        {"hash": migration.map_hash, "version": migration.map_version, "options": await options.options(store, id)}
    )


class PhiDecisions(BaseModel):
    """What becomes of classes of health information, or of single fields, by a named person."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(min_length=1)
    phi: dict[str, PhiDecision] = Field(min_length=1)


@endpoint("read")
async def get_phi(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/map/phi: each class of health information with its fields and what was decided of them."""
    return answer({"classes": await phi.classes(await storage(), req.route_params["id"])})


@endpoint("work")
async def decide_phi(req: func.HttpRequest) -> func.HttpResponse:
    """POST /migrations/{id}/map/phi: decide about classes or fields; where that changes what is written, confirm anew."""
    asked, store, id = body_of(req, PhiDecisions), await storage(), req.route_params["id"]
    migration = await phi.decide(store, id, operator_of(req, asked.by), asked.phi)
    return answer(
        {"hash": migration.map_hash, "version": migration.map_version, "classes": await phi.classes(store, id)}
    )


@endpoint("read")
async def list_changes(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/map/changes?field=: who did what to the map's fields, latest first."""
    found = await history.changes(await storage(), req.route_params["id"], req.params.get("field") or None)
    return answer({"changes": [one.model_dump(mode="json") for one in found]})


@endpoint("approve")
async def confirm_map(req: func.HttpRequest) -> func.HttpResponse:
    """POST /migrations/{id}/confirm: no record moves before this."""
    decision, store = body_of(req, Decision), await storage()
    by = operator_of(req, decision.by)
    id = req.route_params["id"]
    migration = await decisions.confirm(
        store, id, by, decision.hash, decision.controlled, decision.phi, decision.out_of_scope
    )
    return answer(await shown(store, migration))


@endpoint("work")
async def shut_delta(req: func.HttpRequest) -> func.HttpResponse:
    """POST /migrations/{id}/delta/shut: nothing is picked up any more, and the migration can be closed."""
    decision, store = body_of(req, Decision), await storage()
    migration = await decisions.shut_delta(store, req.route_params["id"], operator_of(req, decision.by))
    return answer(await shown(store, migration))


@endpoint("approve")
async def accept(req: func.HttpRequest) -> func.HttpResponse:
    """POST /migrations/{id}/accept: a person accepts the differences of the latest reconciliation."""
    decision, store = body_of(req, Decision), await storage()
    migration = await decisions.accept(store, req.route_params["id"], operator_of(req, decision.by))
    return answer(await shown(store, migration))


@endpoint("approve")
async def close(req: func.HttpRequest) -> func.HttpResponse:
    """POST /migrations/{id}/close: ends the migration, and rollback with it, so the id is typed to acknowledge that."""
    decision, store = body_of(req, Decision), await storage()
    by = operator_of(req, decision.by)
    migration = await decisions.close(store, req.route_params["id"], by, decision.typed)
    return answer(await shown(store, migration))


@endpoint("read")
async def get_owners(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/owners"""
    people = await papers.owners(await storage(), req.route_params["id"])
    return answer(
        {"owners": people["rows"], "practitioners": people["practitioners"], "strangers": people["strangers"]}
    )


class Fallback(BaseModel):
    """Who owns what nobody else can, by a named person."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(min_length=1)
    fallback: str


@endpoint("operate")
async def set_fallback(req: func.HttpRequest) -> func.HttpResponse:
    """POST /migrations/{id}/owners: name the fallback owner, from the next preparation on."""
    asked, id = body_of(req, Fallback), req.route_params["id"]
    await overview.set_fallback_owner(await storage(), id, asked.fallback, operator_of(req, asked.by))
    return answer({"fallback": asked.fallback})


@endpoint("operate")
async def get_solution(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/solution: the zip, for an administrator who imports it himself."""
    content, name = await papers.solution(await storage(), req.route_params["id"])
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return func.HttpResponse(content, mimetype="application/zip", headers=headers)
