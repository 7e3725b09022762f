"""Health, and the description of this API."""

from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from platform import python_version

import azure.functions as func
import orjson
import yaml

from ledger.migrations import list_all
from services.access import storage
from settings import listed, settings
from triggers.api import answer, endpoint


@endpoint(None)
async def health(req: func.HttpRequest) -> func.HttpResponse:
    """GET /health: storage answers."""
    found = await list_all(await storage())
    return answer({"status": "ok", "migrations": len(found)})


@endpoint("operate")
async def get_settings(req: func.HttpRequest) -> func.HttpResponse:
    """GET /settings: what the app runs with. No secret is in it."""
    return answer({"python": python_version(), "packages": _packages(), "settings": listed(settings())})


def _packages() -> dict[str, str]:
    return {one.name: one.version for one in sorted(distributions(), key=lambda one: one.name.lower())}


@endpoint(None)
async def openapi(req: func.HttpRequest) -> func.HttpResponse:
    """GET /openapi.json"""
    return func.HttpResponse(_document(), mimetype="application/json")


@cache
def _document() -> bytes:
    text = (Path(__file__).parent / "openapi.yaml").read_text(encoding="utf-8")
    return orjson.dumps(yaml.safe_load(text))
