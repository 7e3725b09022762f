"""The profile that a migration's source is read by."""

import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field

from services import picks, profiles
from services.access import storage
from services.picks import Choice
from triggers.api import allows, answer, body_of, endpoint, operator_of


class ProfileText(BaseModel):
    """A profile as a person wrote it."""

    model_config = ConfigDict(extra="forbid")

    yaml: str = Field(min_length=1)


@endpoint("read")
async def get_profile(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/profile: to a viewer with the source values of its value maps masked."""
    return answer(await profiles.show(await storage(), req.route_params["id"], values=allows(req, "work")))


@endpoint("operate")
async def put_profile(req: func.HttpRequest) -> func.HttpResponse:
    """PUT /migrations/{id}/profile: the next scope reads the source by it."""
    asked = body_of(req, ProfileText)
    return answer(await profiles.put(await storage(), req.route_params["id"], asked.yaml))


class Choices(BaseModel):
    """Datasets with the objects that they feed, by a named person."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(min_length=1)
    datasets: dict[str, Choice] = Field(min_length=1)


@endpoint("operate")
async def pick_objects(req: func.HttpRequest) -> func.HttpResponse:
    """PATCH /migrations/{id}/profile/datasets: the next scope proposes the profile and the map by it."""
    asked = body_of(req, Choices)
    by, id = operator_of(req, asked.by), req.route_params["id"]
    return answer(await picks.pick(await storage(), id, by, asked.datasets))
