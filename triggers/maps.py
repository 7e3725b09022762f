"""The map and the decisions people make: confirm, sign off, shut the delta window, accept, close."""

import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from activities import jobs
from ledger import migrations
from mapping.model import ClinicMap, ControlledPolicy, PhiDecision
from mapping.review import undecided, unmarked
from services import decisions, fields, options, papers
from services.access import StepError, storage
from services.fields import FieldEdit
from services.maps import store_map
from services.overview import shown
from triggers.api import answer, body_of, endpoint, operator_of


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
    """GET /migrations/{id}/map"""
    store = await storage()
    migration = await migrations.load(store, req.route_params["id"])
    current = await jobs.current_map(store, migration)
    return answer(
        {
            "map": current.model_dump(mode="json"),
            "hash": migration.map_hash,
            "version": migration.map_version,
            "undecided": [
                {"object": name, "field": field.source, "phi": field.phi} for name, field in undecided(current)
            ],
            "unmarked": unmarked(current),
            "confirmed": migration.confirmed_hash == migration.map_hash,
        }
    )


@endpoint("operate")
async def put_map(req: func.HttpRequest) -> func.HttpResponse:
    """PUT /migrations/{id}/map: a new version; voids the confirmation when anything that is written changes."""
    try:
        given = ClinicMap.model_validate_json(req.get_body())
    except ValidationError as error:
        places = ", ".join(".".join(map(str, one["loc"])) for one in error.errors()[:10])
        raise StepError(
            "bad_request", f"The map does not fit its form: {places}.", "GET the map and change that."
        ) from None
    migration = await store_map(await storage(), req.route_params["id"], given)
    return answer({"hash": migration.map_hash, "version": migration.map_version})


class FieldEdits(BaseModel):
    """Edits of single fields by a named person."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(min_length=1)
    edits: list[FieldEdit] = Field(min_length=1)


@endpoint("work")
async def edit_fields(req: func.HttpRequest) -> func.HttpResponse:
    """POST /migrations/{id}/map/fields: confirm, change, leave out or comment single fields."""
    asked = body_of(req, FieldEdits)
    by = operator_of(req, asked.by)
    migration = await fields.edit(await storage(), req.route_params["id"], by, asked.edits)
    return answer({"hash": migration.map_hash, "version": migration.map_version})


class Answers(BaseModel):
    """Choices of the map with their answers, by a named person."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(min_length=1)
    options: dict[str, str] = Field(min_length=1)


@endpoint("read")
async def get_options(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/map/options: what the map may do with locations, appointments, notes and the like."""
    return answer({"options": await options.options(await storage(), req.route_params["id"])})


@endpoint("work")
async def set_options(req: func.HttpRequest) -> func.HttpResponse:
    """POST /migrations/{id}/map/options: answer choices; the map changes and needs a new confirmation."""
    asked, store, id = body_of(req, Answers), await storage(), req.route_params["id"]
    migration = await options.answer(store, id, operator_of(req, asked.by), asked.options)
    return answer(
        {"hash": migration.map_hash, "version": migration.map_version, "options": await options.options(store, id)}
    )


@endpoint("read")
async def list_changes(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/map/changes?field=: who did what to the map's fields, latest first."""
    found = await fields.history(await storage(), req.route_params["id"], req.params.get("field") or None)
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


@endpoint("approve")
async def sign_off(req: func.HttpRequest) -> func.HttpResponse:
    """POST /migrations/{id}/sign-off: bound to the map's hash and the sample's run."""
    decision, store = body_of(req, Decision), await storage()
    by = operator_of(req, decision.by)
    migration = await decisions.sign_off(store, req.route_params["id"], by, decision.hash, decision.sample)
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


@endpoint("operate")
async def get_solution(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/solution: the zip, for an administrator who imports it himself."""
    content, name = await papers.solution(await storage(), req.route_params["id"])
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return func.HttpResponse(content, mimetype="application/zip", headers=headers)
