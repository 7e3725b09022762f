"""The sample: what differs in it, explained by people, what they say of its fields, and its sign-off."""

import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field

from services import comments, decisions, differences
from services.access import storage
from services.overview import shown
from triggers.api import answer, body_of, endpoint, operator_of, role_of
from triggers.maps import Decision


class Explanation(BaseModel):
    """Why something in the sample differs, by a named person."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(min_length=1)
    about: str
    reason: str = Field(min_length=1)


class Comment(BaseModel):
    """What a named person says of a field: of one record's, or of all of an object's without ``source_id``."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(min_length=1)
    object: str
    field: str
    source_id: str = ""
    text: str = Field(min_length=1)


class Revocation(BaseModel):
    """A named person takes the sign-off back."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(min_length=1)
    reason: str = Field(min_length=1)


@endpoint("read")
async def get_differences(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/differences: by cause, with what people said of them."""
    return answer(await differences.shown(await storage(), req.route_params["id"]))


@endpoint("work")
async def explain(req: func.HttpRequest) -> func.HttpResponse:
    """POST /migrations/{id}/differences: a person explains a cause, or one record of it."""
    asked, store, id = body_of(req, Explanation), await storage(), req.route_params["id"]
    await differences.explain(store, id, operator_of(req, asked.by), asked.about, asked.reason)
    return answer(await differences.shown(store, id))


@endpoint("read")
async def get_comments(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/comments: what was said of fields of the latest sample."""
    return answer(await comments.shown(await storage(), req.route_params["id"]))


@endpoint("work")
async def comment(req: func.HttpRequest) -> func.HttpResponse:
    """POST /migrations/{id}/comments: a person comments on a field."""
    said, store, id = body_of(req, Comment), await storage(), req.route_params["id"]
    await comments.add(store, id, operator_of(req, said.by), said.object, said.field, said.source_id, said.text)
    return answer(await comments.shown(store, id))


@endpoint("approve")
async def sign_off(req: func.HttpRequest) -> func.HttpResponse:
    """POST /migrations/{id}/sign-off: bound to the map's hash and the sample's run; refused while something is unexplained."""
    decision, store = body_of(req, Decision), await storage()
    by, id = operator_of(req, decision.by), req.route_params["id"]
    migration = await decisions.sign_off(store, id, by, role_of(req), decision.hash, decision.sample)
    return answer(await shown(store, migration))


@endpoint("approve")
async def revoke(req: func.HttpRequest) -> func.HttpResponse:
    """POST /migrations/{id}/sign-off/revoke: until the run that it frees begins."""
    asked, store = body_of(req, Revocation), await storage()
    by = operator_of(req, asked.by)
    return answer(await shown(store, await decisions.revoke(store, req.route_params["id"], by, asked.reason)))
