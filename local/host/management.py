"""The Durable HTTP API: once for the SDK's client on loopback, once for the public with the system key."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from aiohttp import web

from local.host.engine import BadInstanceId, Engine, UnknownOrchestrator
from local.host.events import parse_stamp
from local.host.instances import PAGE, Filter, Instances
from local.host.keys import Keys
from local.host.records import InstanceExists

log = logging.getLogger("local.host.management")

RPC, PUBLIC = "/durabletask", "/runtime/webhooks/durabletask"
_INSTANCE = "INSTANCEID"  # what the client replaces by the id

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def management_urls(base: str, hub: str, key: str, instance_id: str) -> dict[str, str]:
    """The URLs by which an instance is watched and steered."""
    query = f"taskHub={hub}&connection=Storage" + (f"&code={key}" if key else "")
    one = f"{base}{PUBLIC}/instances/{instance_id}"
    return {
        "id": instance_id,
        "statusQueryGetUri": f"{one}?{query}",
        "sendEventPostUri": f"{one}/raiseEvent/{{eventName}}?{query}",
        "terminatePostUri": f"{one}/terminate?reason={{text}}&{query}",
        "rewindPostUri": f"{one}/rewind?reason={{text}}&{query}",
        "purgeHistoryDeleteUri": f"{one}?{query}",
        "restartPostUri": f"{one}/restart?{query}",
        "suspendPostUri": f"{one}/suspend?reason={{text}}&{query}",
        "resumePostUri": f"{one}/resume?reason={{text}}&{query}",
    }


def client_binding(port: int, hub: str, key: str) -> str:
    """The JSON text that a `durable_client_input` parameter is made from."""
    base = f"http://127.0.0.1:{port}"
    code = f"code={key}" if key else ""
    start = f"{base}{PUBLIC}/orchestrators/{{functionName}}[/{{instanceId}}]"
    wait = "timeout={timeoutInSeconds}&pollingInterval={intervalInSeconds}"
    return json.dumps(
        {
            "taskHubName": hub,
            "connectionName": None,
            "creationUrls": {
                "createNewInstancePostUri": f"{start}?{code}",
                "createAndWaitOnNewInstancePostUri": f"{start}?{wait}&{code}",
            },
            "managementUrls": management_urls(base, hub, key, _INSTANCE),
            "baseUrl": f"{base}{PUBLIC}",
            "requiredQueryStringParameters": code,
            "rpcBaseUrl": f"{base}{RPC}/",
            "httpBaseUrl": None,
        }
    )


class Management:
    """The handlers, mounted at both places."""

    def __init__(self, engine: Engine, keys: Keys, hub: str) -> None:
        self._engine = engine
        self._call = engine.store.call
        self._instances: Instances = engine.instances
        self._keys = keys
        self._hub = hub

    def routes(self) -> list[web.RouteDef]:
        routes: list[web.RouteDef] = []
        for base, guard in ((RPC, self._loopback), (PUBLIC, self._with_key)):
            one = f"{base}/instances/{{id}}"
            routes += [
                web.post(f"{base}/orchestrators/{{name}}", guard(self._start)),
                web.post(f"{base}/orchestrators/{{name}}/{{id}}", guard(self._start)),
                web.get(f"{base}/instances", guard(self._list)),
                web.get(f"{base}/instances/", guard(self._list)),
                web.delete(f"{base}/instances", guard(self._purge_many)),
                web.delete(f"{base}/instances/", guard(self._purge_many)),
                web.get(one, guard(self._status)),
                web.delete(one, guard(self._purge)),
                web.post(f"{one}/terminate", guard(self._terminate)),
                web.post(f"{one}/suspend", guard(self._suspend)),
                web.post(f"{one}/resume", guard(self._resume)),
                web.post(f"{one}/raiseEvent/{{event}}", guard(_unsupported("raise_event (external events)"))),
                web.post(f"{one}/rewind", guard(_unsupported("rewind"))),
                web.post(f"{one}/restart", guard(_unsupported("restart"))),
                web.route("*", f"{base}/entities{{rest:.*}}", guard(_unsupported("entities"))),
            ]
        return routes

    def _loopback(self, handler: Handler) -> Handler:
        """The SDK's own calls carry no key, as in Azure; a web page's (they have an Origin) are refused."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            if "Origin" in request.headers:
                return web.Response(status=403)
            return await handler(request)

        return guarded

    def _with_key(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if not self._keys.allows(request, "SYSTEM"):
                return web.Response(status=401)
            return await handler(request)

        return guarded

    def _links(self, request: web.Request, instance_id: str) -> dict[str, str]:
        return management_urls(str(request.url.origin()), self._hub, self._keys.durable, instance_id)

    async def _start(self, request: web.Request) -> web.StreamResponse:
        if "timeout" in request.query:
            return await _unsupported("create-and-wait (timeout)")(request)
        if "version" in request.query:
            return await _unsupported("a version")(request)
        body = await request.read()
        try:
            token = orjson.dumps(orjson.loads(body)).decode() if body.strip() else "null"
            instance_id = await self._engine.start_instance(
                request.match_info["name"], request.match_info.get("id"), token
            )
        except InstanceExists as error:
            return _error(409, str(error))
        except (UnknownOrchestrator, BadInstanceId) as error:
            return _error(400, str(error))
        except orjson.JSONDecodeError:
            return _error(400, "The input of an orchestration has to be JSON")
        links = self._links(request, instance_id)
        headers = {"Location": links["statusQueryGetUri"], "Retry-After": "10"}
        return web.json_response(links, status=202, headers=headers)

    async def _status(self, request: web.Request) -> web.Response:
        instance_id = request.match_info["id"]
        status = await self._call(self._instances.status, instance_id)
        if status is None:
            return web.json_response(None, status=404)
        body = status.document(_flag(request.query, "showInput", True))
        if _flag(request.query, "showHistory", False):
            outputs = _flag(request.query, "showHistoryOutput", False)
            body["historyEvents"] = await self._call(self._instances.history, instance_id, outputs)
        if not status.ended:
            headers = {"Location": self._links(request, instance_id)["statusQueryGetUri"], "Retry-After": "5"}
            return web.json_response(body, status=202, headers=headers)
        as_error = status.status == "Failed" and _flag(request.query, "returnInternalServerErrorOnFailure", False)
        return web.json_response(body, status=500 if as_error else 200)

    async def _list(self, request: web.Request) -> web.Response:
        try:
            which = _filter(request.query)
            top = int(request.query.get("top", PAGE))
            offset = int(request.headers.get("x-ms-continuation-token") or 0)
        except ValueError as error:
            return _error(400, str(error))
        found = await self._call(self._instances.page, which, offset, top)
        show_input = _flag(request.query, "showInput", True)
        headers = {"x-ms-continuation-token": str(offset + top) if len(found) == top else ""}
        return web.json_response([status.document(show_input) for status in found], headers=headers)

    async def _purge(self, request: web.Request) -> web.Response:
        deleted = await self._call(self._instances.purge_one, request.match_info["id"])
        return web.json_response({"instancesDeleted": deleted}, status=200 if deleted else 404)

    async def _purge_many(self, request: web.Request) -> web.Response:
        try:
            which = _filter(request.query)
        except ValueError as error:
            return _error(400, str(error))
        if which.since is None:
            return _error(400, "createdTimeFrom is required when instances are purged by filter")
        deleted = await self._call(self._instances.purge, which)
        return web.json_response({"instancesDeleted": deleted}, status=200 if deleted else 404)

    async def _terminate(self, request: web.Request) -> web.Response:
        reason = request.query.get("reason", "")
        return await self._steer(request, lambda instance_id: self._engine.terminate(instance_id, reason))

    async def _suspend(self, request: web.Request) -> web.Response:
        return await self._steer(request, lambda instance_id: self._engine.suspend(instance_id, True))

    async def _resume(self, request: web.Request) -> web.Response:
        return await self._steer(request, lambda instance_id: self._engine.suspend(instance_id, False))

    async def _steer(self, request: web.Request, change: Callable[[str], Awaitable[bool]]) -> web.Response:
        """202 when it was done, 404 for an unknown instance, 410 for one that has ended."""
        instance_id = request.match_info["id"]
        if await self._call(self._instances.status, instance_id) is None:
            return web.json_response(None, status=404)
        return web.json_response(None, status=202 if await change(instance_id) else 410)


def _unsupported(what: str) -> Handler:
    async def refuse(request: web.Request) -> web.Response:
        text = f"{what} is not supported by the local Functions host."
        log.error("%s (%s %s)", text, request.method, request.path)
        return web.json_response(text, status=501)

    return refuse


def _error(status: int, text: str) -> web.Response:
    return web.json_response({"Message": text, "ExceptionMessage": text}, status=status)


def _flag(query: Mapping[str, str], name: str, default: bool) -> bool:
    return query[name].lower() == "true" if name in query else default


def _filter(query: Mapping[str, Any]) -> Filter:
    def time(name: str) -> int | None:
        return parse_stamp(query[name]) if query.get(name) else None

    return Filter(
        since=time("createdTimeFrom"),
        until=time("createdTimeTo"),
        statuses=[s for s in query.get("runtimeStatus", "").split(",") if s],
        prefix=query.get("instanceIdPrefix", ""),
    )
