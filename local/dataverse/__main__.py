"""The simulator alone, on 127.0.0.1: ``python -m local.dataverse --port N --db FILE``; see ``--help``."""

import argparse
import asyncio
import signal
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from local.dataverse.server import make_app
from local.dataverse.tls import AUTHORITY, tls_context


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.dataverse", description="Dataverse Web API v9.2 over SQLite")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--db", required=True, help="database file; made when it is not there")
    parser.add_argument("--seed", type=Path, help="JSON file with organization, users, teams and applications")
    parser.add_argument("--faults", help="a fault configuration: JSON, or the name of a file that holds it")
    parser.add_argument("--tls-port", type=int, help="also listen here, over TLS")
    parser.add_argument(
        "--tls-dir", type=Path, help="where the certificate is, or is made; default: beside the database"
    )
    arguments = parser.parse_args()
    seed = orjson.loads(arguments.seed.read_bytes()) if arguments.seed else None
    Path(arguments.db).parent.mkdir(parents=True, exist_ok=True)
    try:
        app = make_app(arguments.db, seed, _faults(arguments.faults))
    except (ValueError, TypeError, OSError) as error:
        parser.error(f"--faults: {error}")
    asyncio.run(_serve(app, arguments))


def _faults(text: str | None) -> Any:
    if text is None:
        return None
    return orjson.loads(text if text.lstrip().startswith(("{", "[")) else Path(text).read_bytes())


async def _serve(app: web.Application, arguments: argparse.Namespace) -> None:
    """Listens until a signal ends it, and says so in one line once the ports are open, for whoever waits for it."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", arguments.port).start()
    line = f"Dataverse simulator on http://127.0.0.1:{arguments.port}"
    if arguments.tls_port is not None:
        folder = arguments.tls_dir or Path(arguments.db).parent / "tls"
        context = tls_context(folder)
        await web.TCPSite(runner, "127.0.0.1", arguments.tls_port, ssl_context=context).start()
        line += f" and https://127.0.0.1:{arguments.tls_port} (trust {folder / AUTHORITY})"
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    print(line, flush=True)
    await ended.wait()
    await runner.cleanup()


if __name__ == "__main__":
    main()
