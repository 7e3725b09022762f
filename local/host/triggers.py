"""HTTP triggers: from an aiohttp request to the app's function and back."""

import logging
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from local.host.invoke import Invoker
from local.host.keys import Keys
from local.host.load import Function
from local.host.routes import make_route, match

log = logging.getLogger("local.host.triggers")


def frames_of(error: BaseException) -> str:
    """Where an error was raised, without what it says: messages may hold data."""
    last = traceback.extract_tb(error.__traceback__)[-4:]
    return " > ".join(f"{Path(f.filename).name}:{f.lineno}" for f in last)


class HttpTriggers:
    """Serves the app's HTTP functions below the route prefix."""

    def __init__(self, functions: Sequence[Function], prefix: str, keys: Keys, invoker: Invoker) -> None:
        self._routes = [make_route(function) for function in functions]
        self._prefix = f"/{prefix}" if prefix else ""
        self._keys = keys
        self._invoker = invoker

    async def handle(self, request: web.Request) -> web.Response:
        path = unquote(request.rel_url.raw_path)
        if not path.startswith(self._prefix + "/"):
            return web.Response(status=404)
        found = match(self._routes, request.method, path.removeprefix(self._prefix))
        if found is None:
            return web.Response(status=404)
        route, params = found
        if not self._keys.allows(request, route.auth_level):
            return web.Response(status=401)
        # The platform alone sets X-MS-* (identity); what a client sends under that name is not passed on.
        headers = {k: v for k, v in request.headers.items() if not k.lower().startswith("x-ms-")}
        described = {
            "method": request.method,
            "url": str(request.url),
            "headers": headers,
            "query": dict(request.query),
            "params": params,
            "body": await request.read(),
        }
        try:
            return _response(await self._invoker.http(route.function, described))
        except Exception as error:
            name = route.function.name
            log.error("function %s failed: %s at %s", name, type(error).__name__, frames_of(error))
            return web.Response(status=500)


def _response(datum: Any) -> web.Response:
    if datum is None:
        return web.Response(status=204)
    if datum.type == "string":
        return web.Response(text=datum.value)
    answer = datum.value
    response = web.Response(
        status=int(answer["status_code"].value),
        body=answer["body"].value,
        headers={name: value.value for name, value in answer["headers"].items()},
    )
    for cookie in answer["cookies"] or ():
        for morsel in cookie.values():
            response.headers.add("Set-Cookie", morsel.OutputString())
    return response
