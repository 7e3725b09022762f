"""The simulator as an aiohttp application: authentication, faults and limits around ``Environment.handle``."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from time import perf_counter
from typing import Any, Final

from aiohttp import web

from local.dataverse import signin
from local.dataverse.control import ENVIRONMENT, add_control
from local.dataverse.environment import Environment
from local.dataverse.errors import ApiError
from local.dataverse.faults.requests import Rule
from local.dataverse.http import ROOT, Request, Response, failure, split_url
from local.dataverse.security import Caller

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: Largest request body: a batch of notes with files.
_LARGEST: Final = 256 * 1024 * 1024
#: The cookie that ties a client to one web server.
_AFFINITY: Final = "ARRAffinity"
#: What a machine in front of the service says when it cannot reach it.
_GATEWAY: Final = b"<html><head><title>Error</title></head><body><h2>The server returned an error.</h2></body></html>"


def make_app(db: str = ":memory:", seed: dict[str, Any] | None = None, faults: Any = None) -> web.Application:
    """The application over a database file, or over memory.

    ``seed`` is as in ``local.dataverse.seed``; ``faults`` a configuration that holds from the start and after each
    reset, ``ValueError`` when it is wrong.
    """
    app = web.Application(client_max_size=_LARGEST)
    environment = Environment(db, seed)
    if faults is not None:
        environment.standing = faults
        environment.configure(faults)
    app[ENVIRONMENT] = environment
    add_control(app)
    app.router.add_route("*", "/api/data/{tail:.*}", _serve)
    app.router.add_get("/common/discovery/instance", signin.discover)
    app.router.add_get("/{tenant}/v2.0/.well-known/openid-configuration", signin.configuration)
    app.router.add_post("/{tenant}/oauth2/v2.0/token", partial(_token, signin.token))
    app.router.add_get("/msi/token", partial(_token, signin.identity))
    app.cleanup_ctx.append(_close)
    return app


async def _close(app: web.Application) -> AsyncIterator[None]:
    yield
    app[ENVIRONMENT].close()


async def _serve(request: web.Request) -> web.StreamResponse:
    environment = request.app[ENVIRONMENT]
    try:
        caller = _caller(environment, request)
    except ApiError as error:
        return _answer(environment, failure(error))
    if caller is None:
        place = f"https://{request.host}/{environment.directory.tenant or 'common'}/oauth2/authorize"
        challenge = f"Bearer authorization_uri={place}, resource_id={request.scheme}://{request.host}/"
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})
    faults = environment.faults
    if faults.rules:
        rule = faults.match(request.method, request.raw_path, environment.security.names(caller))
        if rule is not None:
            return await _faulty(environment, request, caller, rule)
    return await _work(environment, request, caller)


async def _token(give: _Handler, request: web.Request) -> web.StreamResponse:
    """An endpoint that gives tokens; rules strike it as they do the service."""
    environment = request.app[ENVIRONMENT]
    rule = environment.faults.match(request.method, request.raw_path) if environment.faults.rules else None
    if rule is None:
        return await give(request)
    if rule.delay_ms:
        await asyncio.sleep(rule.delay_ms / 1000)
    if rule.reset is not None or rule.late is not None:
        return _cut(request)
    return await give(request) if rule.status is None else _error(environment, rule)


def _error(environment: Environment, rule: Rule) -> web.Response:
    if rule.gateway:
        return web.Response(status=rule.status or 502, body=_GATEWAY, content_type="text/html")
    return _answer(environment, failure(rule.error()))


async def _faulty(environment: Environment, request: web.Request, caller: Caller, rule: Rule) -> web.StreamResponse:
    """A request that a rule strikes."""
    if rule.delay_ms:
        await asyncio.sleep(rule.delay_ms / 1000)
    if rule.late is not None:
        return await _late(environment, request, caller, rule)
    if rule.reset is None and rule.status is None:
        return await _work(environment, request, caller)
    if rule.reset == "after":
        await _work(environment, request, caller)
        return _cut(request)
    await request.read()
    if rule.reset == "before":
        return _cut(request)
    return _error(environment, rule)


async def _late(environment: Environment, request: web.Request, caller: Caller, rule: Rule) -> web.StreamResponse:
    """The client hears nothing; the work is done when it has long turned away."""
    work = _request(request, await request.read(), caller)
    late = rule.late
    assert late is not None
    environment.late.add(lambda: _discard(environment.handle(work)), late.ms)
    if late.silent:
        # aiohttp has no event for it: a client that left shows in its transport only.
        while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return _cut(request)


def _discard(_: object) -> None:
    """Nobody is there to take the answer."""


def _request(request: web.Request, body: bytes, caller: Caller) -> Request:
    path, query = split_url(request.raw_path)
    base = f"{request.scheme}://{request.host}{ROOT}"
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Request(request.method, path, query, headers, body, base, caller)


async def _work(environment: Environment, request: web.Request, caller: Caller) -> web.StreamResponse:
    body = await request.read()
    faults = environment.faults
    if faults.latency_ms:
        await asyncio.sleep(faults.latency_ms / 1000)
    guard, server, user = faults.guard, 0, caller.delegate or caller.user
    asked = _request(request, body, caller)
    began, rows, status = faults.clock(), 0, 500
    if guard is not None:
        server = guard.server(request.cookies.get(_AFFINITY))
        try:
            faults.enter(user, server)
        except ApiError as error:
            environment.traffic.add(began, began, user, asked.method, asked.path, rows, error.status)
            return _limited(environment, failure(error), user, server)
    started = perf_counter()
    delay = 0.0
    try:
        response, rows = environment.handle(asked)
        status = response.status
        delay = faults.service_ms_per_row * rows
        if delay:
            await asyncio.sleep(delay / 1000)
    finally:
        ended = faults.clock()
        # The sleep stands in for work of the real service, so it is counted by its length, not by the clock.
        if guard is not None:
            guard.leave(user, server, ended, delay or (perf_counter() - started) * 1000)
        environment.traffic.add(began, ended, user, asked.method, asked.path, rows, status)
    if guard is None:
        return _answer(environment, response)
    return _limited(environment, response, user, server)


def _caller(environment: Environment, request: web.Request) -> Caller | None:
    """The caller behind the bearer token, None without one; impersonation headers change who it is."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        return None
    impersonated = request.headers.get("CallerObjectId") or request.headers.get("MSCRMCallerID")
    return environment.caller(token.strip(), request.host, impersonated)


def _answer(environment: Environment, response: Response) -> web.Response:
    headers = {
        "OData-Version": "4.0",
        "x-ms-service-request-id": str(uuid.uuid4()),
        "REQ_ID": str(uuid.uuid4()),
        "x-ms-dop-hint": str(environment.parallelism()),
        **response.headers,
    }
    return web.Response(status=response.status, headers=headers, body=response.body or None)


def _limited(environment: Environment, response: Response, user: str, server: int) -> web.Response:
    """An answer of one of several web servers, with what is left of the caller's limits there."""
    answer = _answer(environment, response)
    answer.headers.update(environment.faults.remaining(user, server))
    guard = environment.faults.guard
    if guard is not None and guard.limits.servers > 1:
        answer.set_cookie(_AFFINITY, str(server), path="/")
    return answer


def _cut(request: web.Request) -> web.StreamResponse:
    """Ends the connection without an answer, as a lost reply does."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)
