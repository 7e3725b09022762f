"""`python -m local.host --app DIR --port N --db FILE`: serves an Azure Functions app on this machine."""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from aiohttp import web
from azure.durable_functions.models.utils.http_utils import _close_session

from local.host.engine import Engine, EngineOptions
from local.host.invoke import Invoker
from local.host.keys import Keys
from local.host.load import App, LoadError, load_app, read_host_json
from local.host.management import Handler, Management, client_binding
from local.host.pool import WorkerFailed
from local.host.records import StoreBusy
from local.host.store import UNLIMITED
from local.host.timers import TimerTrigger
from local.host.triggers import HttpTriggers

log = logging.getLogger("local.host")

MAX_BODY = 210_000_000  # as in Azure
GRACE = 3.0  # seconds that running activities get when the host is asked to end


def main() -> int:
    options = _options()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("azure", "httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    code = 0
    try:
        asyncio.run(_run(options))
    except* (LoadError, WorkerFailed, StoreBusy, ValueError, OSError) as group:
        code = 1
        for error in _leaves(group):
            log.error("the host cannot run: %s: %s", type(error).__name__, error)
    return code


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.host", description=__doc__)
    parser.add_argument("--app", type=Path, required=True, help="folder of function_app.py")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--db", type=Path, required=True, help="SQLite file of the durable state")
    parser.add_argument("--workers", type=int, default=2, help="activity processes")
    parser.add_argument("--concurrency", type=int, default=8, help="activities at a time in a process")
    parser.add_argument("--keys", type=Path, help="JSON file with the function keys; without it none is asked for")
    parser.add_argument(
        "--completions",
        type=_completions,
        default=os.environ.get("CARRYOVER_HOST_COMPLETIONS", "all"),
        help="messages that one replay consumes: 1, 32 (as Azure Storage) or all",
    )
    parser.add_argument(
        "--deliver-twice",
        type=int,
        default=os.environ.get("CARRYOVER_HOST_DELIVER_TWICE", "0"),
        metavar="K",
        help="give one in K activities to two workers at once",
    )
    options = parser.parse_args()
    if options.workers < 1 or options.concurrency < 1:
        parser.error("--workers and --concurrency have to be at least 1")
    if options.deliver_twice and options.workers < 2:
        parser.error("--deliver-twice needs two workers")
    for name in ("app", "db"):
        setattr(options, name, getattr(options, name).resolve())
    return options


def _completions(text: str) -> int:
    if text == "all":
        return UNLIMITED
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError("a number above 0, or all")
    return int(text)


async def _run(options: argparse.Namespace) -> None:
    keys = Keys.read(options.keys) if options.keys else Keys()
    host_json = read_host_json(options.app)
    app = load_app(options.app)
    if not keys.asked_for:
        log.warning("no --keys: function keys are not asked for")
    client = client_binding(options.port, host_json.hub, keys.durable)
    invoker = Invoker(str(options.app), client, None)
    triggers = HttpTriggers(app.http, host_json.route_prefix, keys, invoker)
    engine = Engine(
        app,
        EngineOptions(
            options.app,
            options.db,
            client,
            options.workers,
            options.concurrency,
            options.completions,
            options.deliver_twice,
        ),
    )
    timers = [TimerTrigger(function, engine.store, invoker) for function in app.timers]

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    server = web.Application(client_max_size=MAX_BODY)
    server.add_routes([web.get("/admin/host/status", _status_handler(engine, app))])
    server.add_routes([web.post("/admin/host/freeze", _freeze_handler(engine, keys))])
    server.add_routes(Management(engine, keys, host_json.hub).routes())
    server.router.add_route("*", "/{path:.*}", triggers.handle)
    # No access log: a URL may hold a key.
    runner = web.AppRunner(server, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await engine.start()
        await web.TCPSite(runner, "127.0.0.1", options.port).start()
        engine.run()
        log.info("%d functions at http://127.0.0.1:%d", len(app), options.port)
        await _serve(engine, timers, stop)
    finally:
        await runner.cleanup()
        await engine.stop(GRACE)
        await _close_session()


async def _serve(engine: Engine, timers: list[TimerTrigger], stop: asyncio.Event) -> None:
    """Until a signal, or until a part of the host fails: then raises what it raised."""
    parts = [asyncio.create_task(engine.failed()), *(asyncio.create_task(timer.serve()) for timer in timers)]
    ended = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([ended, *parts], return_when=asyncio.FIRST_COMPLETED)
        for part in parts:
            if part.done():
                part.result()
    finally:
        for task in (ended, *parts):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(ended, *parts, return_exceptions=True)
    log.info("stopping")


def _status_handler(engine: Engine, app: App) -> Handler:
    async def status(_: web.Request) -> web.Response:
        return web.json_response({"state": "Running", "functions": len(app), "pids": engine.pids})

    return status


def _freeze_handler(engine: Engine, keys: Keys) -> Handler:
    """`?activity=load_chunk&seconds=40`: a worker that runs one is frozen so long, and another is given its work."""

    async def freeze(request: web.Request) -> web.Response:
        if not keys.allows(request, "ADMIN"):
            return web.Response(status=401)
        try:
            activity, seconds = request.query["activity"], float(request.query["seconds"])
        except (KeyError, ValueError):
            return web.json_response({"error": "activity, and seconds as a number, are needed"}, status=400)
        pid = engine.freeze(activity, seconds)
        if pid is None:
            return web.json_response({"error": "no worker runs that activity beside another worker"}, status=409)
        return web.json_response({"pid": pid})

    return freeze


if __name__ == "__main__":
    sys.exit(main())
