"""``/_sim/``: what a test or the demo does to the simulator from outside. Not part of the service."""

from typing import Any, Final

import orjson
from aiohttp import web

from local.dataverse import rows
from local.dataverse.environment import Environment
from local.dataverse.errors import ApiError
from local.dataverse.journal import Journal
from local.dataverse.session import Session
from local.dataverse.store import quoted

ENVIRONMENT: Final = web.AppKey("environment", Environment)
#: Standard tables whose rows are counted.
_COUNTED: Final = frozenset(
    {"contact", "account", "annotation", "opportunity", "opportunityclose", "task", "appointment"}
)


def _json(document: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(document), content_type="application/json")


async def counts(request: web.Request) -> web.Response:
    """{table: rows} of the tables people write to, the empty ones left out."""
    environment = request.app[ENVIRONMENT]
    found = {
        table.name: environment.store.count(table.name)
        for table in environment.catalog.tables.values()
        if table.custom or table.name in _COUNTED
    }
    return _json({name: number for name, number in found.items() if number})


async def reset(request: web.Request) -> web.Response:
    """Back to a new environment."""
    request.app[ENVIRONMENT].reset()
    return _json({})


async def struck(request: web.Request) -> web.Response:
    """How often each fault has struck, and how many late commits still wait."""
    environment = request.app[ENVIRONMENT]
    return _json({**environment.faults.report(), "late": len(environment.late)})


async def commit(request: web.Request) -> web.Response:
    """Does the work of all late commits now."""
    return _json({"committed": request.app[ENVIRONMENT].late.commit()})


async def revoke(request: web.Request) -> web.Response:
    """Makes every token given so far useless, where tokens are checked."""
    return _json({"revoked": request.app[ENVIRONMENT].directory.revoke()})


async def faults(request: web.Request) -> web.Response:
    """Takes a fault configuration in place of the one before it."""
    try:
        request.app[ENVIRONMENT].configure(orjson.loads(await request.read()))
    except (ValueError, TypeError, AttributeError) as error:
        return _json({"error": str(error)}, 400)
    return _json({})


async def edit(request: web.Request) -> web.Response:
    """{"table", "id", "set", "user"}: changes a row as another user would; ``set`` is a Web API payload."""
    environment = request.app[ENVIRONMENT]
    body = orjson.loads(await request.read())
    try:
        table = environment.catalog.by_any_name(body["table"])
        user = environment.security.by_name.get(str(body["user"]).lower())
        if user is None:
            return _json({"error": "no such user"}, 404)
        caller = environment.security.caller(user.identity)
        session = Session(environment.store, environment.catalog, environment.security, caller)
        with environment.store.transaction():
            rows.update(session, table, str(body["id"]).lower(), body["set"])
        if table.system:
            environment.security.refresh()
    except ApiError as error:
        return web.Response(status=error.status, body=error.payload(), content_type="application/json")
    except KeyError as error:
        return _json({"error": f"{error.args[0]} is missing"}, 400)
    return _json({})


async def watch(request: web.Request) -> web.Response:
    """Counts writes by row from now on."""
    environment = request.app[ENVIRONMENT]
    Journal(environment.store).start(environment.catalog)
    return _json({})


async def written(request: web.Request) -> web.Response:
    """{table: {id: [times created, updated, deleted]}} since writes were last asked to be counted."""
    return _json(Journal(request.app[ENVIRONMENT].store).read())


async def note(request: web.Request) -> web.Response:
    """Notes requests from now on."""
    environment = request.app[ENVIRONMENT]
    environment.traffic.start(environment.faults.clock())
    return _json({})


async def noted(request: web.Request) -> web.Response:
    """The requests since they were last asked to be noted."""
    return _json(request.app[ENVIRONMENT].traffic.read())


async def dump(request: web.Request) -> web.Response:
    """All rows of one table as they are stored."""
    environment = request.app[ENVIRONMENT]
    try:
        table = environment.catalog.by_any_name(request.query.get("table", ""))
    except ApiError as error:
        return web.Response(status=error.status, body=error.payload(), content_type="application/json")
    cursor = environment.store.db.execute(f"SELECT * FROM {quoted(table.name)} ORDER BY rowid")
    names = [column[0] for column in cursor.description]
    return _json([dict(zip(names, row, strict=True)) for row in cursor])


def add_control(app: web.Application) -> None:
    app.router.add_get("/_sim/counts", counts)
    app.router.add_get("/_sim/dump", dump)
    app.router.add_get("/_sim/writes", written)
    app.router.add_post("/_sim/writes", watch)
    app.router.add_get("/_sim/requests", noted)
    app.router.add_post("/_sim/requests", note)
    app.router.add_post("/_sim/reset", reset)
    app.router.add_get("/_sim/faults", struck)
    app.router.add_post("/_sim/faults", faults)
    app.router.add_post("/_sim/commit", commit)
    app.router.add_post("/_sim/revoke", revoke)
    app.router.add_post("/_sim/edit", edit)
