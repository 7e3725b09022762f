"""Migrations: created, listed, shown."""

import azure.functions as func

from ledger import migrations
from services import overview
from services.access import storage
from triggers.api import answer, body_of, endpoint


@endpoint("operate")
async def create_migration(req: func.HttpRequest) -> func.HttpResponse:
    """POST /migrations"""
    store = await storage()
    made = await overview.create(store, body_of(req, overview.NewMigration))
    return answer(await overview.shown(store, made), 201)


@endpoint("read")
async def list_migrations(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations"""
    store = await storage()
    return answer({"migrations": [await overview.shown(store, one) for one in await migrations.list_all(store)]})


@endpoint("read")
async def get_migration(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}"""
    store = await storage()
    return answer(await overview.shown(store, await migrations.load(store, req.route_params["id"])))


@endpoint("read")
async def get_summary(req: func.HttpRequest) -> func.HttpResponse:
    """GET /migrations/{id}/summary: the document that ``make demo`` and ``migrate --json`` print."""
    return answer(await overview.summary(await storage(), req.route_params["id"]))
