"""Migrations: created, listed, shown."""

from datetime import date
from typing import Any, Literal

import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field

from ledger import migrations
from services import overview
from services.access import storage
from triggers.api import answer, body_of, endpoint


class NewMigration(BaseModel):
    """What a migration is created with. ``system`` is one name per clinic: it is part of every SourceKey."""

    model_config = ConfigDict(extra="forbid")

    system: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,39}$")
    profile: str | None = None
    plan: Literal["sales_professional", "sales_enterprise"] | None = None
    seats: int | None = Field(default=None, ge=1)  #: users that the plan is paid for
    renewal: date | None = None  #: when the contract renews
    options: dict[str, Any] = Field(default_factory=dict)


@endpoint
async def create_migration(req: func.HttpRequest) -> func.HttpResponse:
    """POST /migrations"""
    asked = body_of(req, NewMigration)
    store = await storage()
    contract = {"seats": asked.seats, "renewal": asked.renewal.isoformat() if asked.renewal else None}
    options = asked.options | {name: value for name, value in contract.items() if value is not None}
    made = await overview.create(store, asked.system, asked.profile, asked.plan, options)
    return answer(await overview.shown(store, made), 201)


@endpoint
async def list_migrations(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations"""
    store = await storage()
    return answer({"migrations": [await overview.shown(store, one) for one in await migrations.list_all(store)]})


@endpoint
async def get_migration(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}"""
    store = await storage()
    return answer(await overview.shown(store, await migrations.load(store, req.route_params["id"])))


@endpoint
async def get_summary(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/summary: the document that ``make demo`` and ``migrate --json`` print."""
    return answer(await overview.summary(await storage(), req.route_params["id"]))
