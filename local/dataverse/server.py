"""The simulator as an aiohttp application: authentication, faults and limits around ``Environment.handle``."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from time import perf_counter
from typing import Any, Final

from aiohttp import web

from local.dataverse.control import ENVIRONMENT, add_control
from local.dataverse.environment import Environment
from local.dataverse.errors import ApiError
from local.dataverse.http import ROOT, Request, Response, failure, split_url
from local.dataverse.security import Caller

#: Largest request body: a batch of notes with files.
_LARGEST: Final = 256 * 1024 * 1024


def make_app(db: str = ":memory:", seed: dict[str, Any] | None = None) -> web.Application:
    """The application over a database file, or over memory; ``seed`` as in ``local.dataverse.seed``."""
    app = web.Application(client_max_size=_LARGEST)
    app[ENVIRONMENT] = Environment(db, seed)
    add_control(app)
    app.router.add_route("*", "/api/data/{tail:.*}", _serve)
    app.cleanup_ctx.append(_close)
    return app


async def _close(app: web.Application) -> AsyncIterator[None]:
    yield
    app[ENVIRONMENT].close()


async def _serve(request: web.Request) -> web.StreamResponse:
    environment = request.app[ENVIRONMENT]
    rule = environment.faults.match(request.method, request.raw_path)
    if rule is not None and rule.reset != "after":
        await request.read()
        if rule.reset == "before":
            return _cut(request)
        return _answer(environment, request, failure(rule.error()))
    try:
        caller = _caller(environment, request)
    except ApiError as error:
        return _answer(environment, request, failure(error))
    if caller is None:
        return web.Response(
            status=401,
            headers={"WWW-Authenticate": "Bearer authorization_uri=https://login.microsoftonline.com/common"},
        )
    response = await _work(environment, request, caller)
    if rule is not None:
        return _cut(request)
    return response


async def _work(environment: Environment, request: web.Request, caller: Caller) -> web.StreamResponse:
    body = await request.read()
    try:
        environment.faults.enter(caller.user)
    except ApiError as error:
        return _answer(environment, request, failure(error), caller)
    started = perf_counter()
    delay = 0.0
    try:
        path, query = split_url(request.raw_path)
        base = f"{request.scheme}://{request.host}{ROOT}"
        headers = {name.lower(): value for name, value in request.headers.items()}
        response, rows = environment.handle(Request(request.method, path, query, headers, body, base, caller))
        delay = environment.faults.service_ms_per_row * rows
        if delay:
            await asyncio.sleep(delay / 1000)
    finally:
        # The sleep stands in for work of the real service, so it is counted by its length, not by the clock.
        worked = delay or (perf_counter() - started) * 1000
        environment.faults.leave(caller.user, worked)
    return _answer(environment, request, response, caller)


def _caller(environment: Environment, request: web.Request) -> Caller | None:
    """The caller behind the bearer token, None without one; impersonation headers change who it is."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        return None
    impersonated = request.headers.get("CallerObjectId") or request.headers.get("MSCRMCallerID")
    return environment.security.caller(token.strip(), impersonated)


def _answer(
    environment: Environment, request: web.Request, response: Response, caller: Caller | None = None
) -> web.StreamResponse:
    headers = {
        "OData-Version": "4.0",
        "x-ms-service-request-id": str(uuid.uuid4()),
        "REQ_ID": str(uuid.uuid4()),
        "x-ms-dop-hint": str(environment.dop_hint),
        **response.headers,
    }
    if caller is not None:
        headers.update(environment.faults.remaining(caller.user))
    return web.Response(status=response.status, headers=headers, body=response.body or None)


def _cut(request: web.Request) -> web.StreamResponse:
    """Ends the connection without an answer, as a lost reply does."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)
