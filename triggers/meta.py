"""Health, and the description of this API."""

from functools import cache
from pathlib import Path

import azure.functions as func
import orjson
import yaml

from ledger.migrations import list_all
from services.access import storage
from triggers.api import answer, endpoint


@endpoint(None)
async def health(req: func.HttpRequest) -> func.HttpResponse:
    """GET /health: storage answers."""
    found = await list_all(await storage())
    return answer({"status": "ok", "migrations": len(found)})


@endpoint(None)
async def openapi(req: func.HttpRequest) -> func.HttpResponse:
    """GET /openapi.json"""
    return func.HttpResponse(_document(), mimetype="application/json")


@cache
def _document() -> bytes:
    text = (Path(__file__).parent / "openapi.yaml").read_text(encoding="utf-8")
    return orjson.dumps(yaml.safe_load(text))
