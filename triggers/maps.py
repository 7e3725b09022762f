"""The map and the decisions people make: confirm, sign off, accept, close."""

import azure.functions as func
import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from activities import jobs
from activities.errors import StepError
from activities.resources import storage
from ledger import manifest, migrations, paths, transitions
from ledger.migrations import Migration
from ledger.storage import Storage
from mapping.catalog import build_schema
from mapping.hash import map_hash
from mapping.model import ClinicMap, ControlledPolicy
from mapping.validate import problems
from triggers.api import answer, body_of, endpoint, operator_of
from triggers.migrations import shown


class Decision(BaseModel):
    """A decision of a named person, bound to what they read."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(min_length=1)
    hash: str = ""
    controlled: ControlledPolicy | None = None
    sample: str = ""
    typed: str = ""


@endpoint
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
            "confirmed": migration.confirmed_hash == migration.map_hash,
        }
    )


@endpoint
async def put_map(req: func.HttpRequest) -> func.HttpResponse:
    """PUT /migrations/{id}/map: a new version; voids the confirmation when anything that is written changes."""
    try:
        given = ClinicMap.model_validate_json(req.get_body())
    except ValidationError as error:
        places = ", ".join(".".join(map(str, one["loc"])) for one in error.errors()[:10])
        raise StepError(
            "bad_request", f"The map does not fit its form: {places}.", "GET the map and change that."
        ) from None
    store = await storage()
    migration = await store_map(store, req.route_params["id"], given)
    return answer({"hash": migration.map_hash, "version": migration.map_version})


async def store_map(store: Storage, id: str, given: ClinicMap) -> Migration:
    """Check a map against the catalog and keep it as the next version. Raises StepError with what is wrong."""
    found = problems(given, build_schema(given))
    if found:
        words = "; ".join(" ".join(filter(None, (one.object, one.field, one.message))) for one in found[:5])
        more = f" (and {len(found) - 5} more)" if len(found) > 5 else ""
        raise StepError("bad_map", f"The map cannot be taken: {words}{more}", "Mend it and send the map again.")
    migration = await migrations.load(store, id)
    content = given.model_dump_json().encode()
    # The blob comes first: a version number never points at nothing.
    await store.put("ledger", paths.map_version(id, migration.map_version + 1), content)
    return await migrations.change(store, id, lambda one: transitions.put_map(one, map_hash(given)))


@endpoint
async def confirm_map(req: func.HttpRequest) -> func.HttpResponse:
    """POST /migrations/{id}/confirm: no record moves before this."""
    decision = body_of(req, Decision)
    store = await storage()
    migration = await migrations.load(store, req.route_params["id"])
    current = await jobs.current_map(store, migration)
    agreed = decision.hash
    if decision.controlled and decision.controlled != current.controlled and decision.hash == migration.map_hash:
        migration = await store_map(store, migration.id, current.model_copy(update={"controlled": decision.controlled}))
        agreed = migration.map_hash or ""
    elif current.controlled is None and "prescription" in current.objects:
        raise StepError(
            "controlled_undecided",
            "Nobody has decided what happens to controlled substances.",
            "Confirm with controlled: suppress, redact or include.",
        )
    by = operator_of(req, decision.by)
    migration = await migrations.change(store, migration.id, lambda one: transitions.confirm(one, by, agreed))
    await _anchor(store, migration, "confirm", by)
    return answer(await shown(store, migration))


@endpoint
async def sign_off(req: func.HttpRequest) -> func.HttpResponse:
    """POST /migrations/{id}/sign-off: bound to the map's hash and the sample's run."""
    decision = body_of(req, Decision)
    store = await storage()
    by = operator_of(req, decision.by)
    migration = await migrations.change(
        store, req.route_params["id"], lambda one: transitions.sign(one, by, decision.hash, decision.sample)
    )
    await _anchor(store, migration, "sign-off", by)
    return answer(await shown(store, migration))


@endpoint
async def accept(req: func.HttpRequest) -> func.HttpResponse:
    """POST /migrations/{id}/accept: a person accepts the differences of the latest reconciliation."""
    decision = body_of(req, Decision)
    store = await storage()
    by = operator_of(req, decision.by)
    migration = await migrations.change(store, req.route_params["id"], lambda one: transitions.accept(one, by))
    await _anchor(store, migration, "accept", by)
    return answer(await shown(store, migration))


@endpoint
async def close(req: func.HttpRequest) -> func.HttpResponse:
    """POST /migrations/{id}/close: ends the migration, and rollback with it, so the id is typed to acknowledge that."""
    decision = body_of(req, Decision)
    store = await storage()
    id, by = req.route_params["id"], operator_of(req, decision.by)
    if decision.typed != id:
        raise StepError(
            "not_acknowledged", "Closing ends the way back.", f"Type the migration's id, {id}, to acknowledge it."
        )
    migration = await migrations.change(store, id, lambda one: transitions.close(one, by))
    await _anchor(store, migration, "close", by)
    return answer(await shown(store, migration))


async def _anchor(store: Storage, migration: Migration, gate: str, by: str) -> None:
    entry = manifest.ManifestEntry(kind=gate, by=by, map_hash=migration.map_hash or "")
    await manifest.append(store, migration.id, entry)


@endpoint
async def get_owners(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/owners"""
    store = await storage()
    staff = orjson.loads(await store.get("ledger", paths.document(req.route_params["id"], "staff.json")))
    return answer({"owners": staff["rows"]})


@endpoint
async def get_solution(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/solution: the zip, for an administrator who imports it himself."""
    store = await storage()
    migration = await migrations.load(store, req.route_params["id"])
    version = f"1.0.0.{migration.map_version}"
    content = await store.get("ledger", paths.solution(migration.id, version))
    headers = {"Content-Disposition": f'attachment; filename="carryover-{version}.zip"'}
    return func.HttpResponse(content, mimetype="application/zip", headers=headers)
