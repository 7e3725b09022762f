"""``python -m local.dataverse --port N --db FILE [--seed FILE]``: the simulator alone, on 127.0.0.1."""

import argparse
from collections.abc import Callable
from pathlib import Path

import orjson
from aiohttp import web

from local.dataverse.server import make_app


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.dataverse", description="Dataverse Web API v9.2 over SQLite")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--db", required=True, help="database file; made when it is not there")
    parser.add_argument("--seed", type=Path, help="JSON file with organization, users and teams")
    arguments = parser.parse_args()
    seed = orjson.loads(arguments.seed.read_bytes()) if arguments.seed else None
    Path(arguments.db).parent.mkdir(parents=True, exist_ok=True)
    app = make_app(arguments.db, seed)
    web.run_app(app, host="127.0.0.1", port=arguments.port, access_log=None, print=_ready(arguments.port))


def _ready(port: int) -> Callable[..., None]:
    """What aiohttp calls once the port is open: one line, for whoever waits for it."""

    def say(*_: object, **__: object) -> None:
        print(f"Dataverse simulator on http://127.0.0.1:{port}", flush=True)

    return say


if __name__ == "__main__":
    main()
