"""A worker process: imports the app once, then runs activities, or replays orchestrators, until the host is gone.

Started by `pool.py` with one end of a socket pair. Its standard output stays the app's own.
"""

import argparse
import asyncio
import ctypes
import logging
import os
import signal
import socket
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import azure.functions as func

from local.host import frames
from local.host.invoke import Invoker
from local.host.load import App, Function, load_app

log = logging.getLogger("local.host.worker")
PR_SET_PDEATHSIG = 1


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--app", type=Path, required=True)
    parser.add_argument("--socket", type=int, required=True)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    _die_with(options.parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is the host's to handle
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("azure", "httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    os.set_inheritable(options.socket, False)
    sock = socket.socket(fileno=options.socket)
    app = load_app(options.app)
    _speed_up_replays()
    with ThreadPoolExecutor(options.threads, thread_name_prefix="activity") as threads:
        asyncio.run(_serve(sock, app, str(options.app), threads))
        sys.stdout.flush()
        os._exit(0)  # the host is gone: sync activities that still run must not keep this process


def _die_with(parent: int) -> None:
    """Makes the kernel kill this process when the host dies, even while an activity holds the interpreter."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)


def _speed_up_replays() -> None:
    """Most of a replay's time is dateutil parsing the host's own timestamps; here they have one known form."""

    def parse(text: str) -> datetime:
        return datetime.fromisoformat(text[:26]).replace(tzinfo=UTC)

    sys.modules["azure.durable_functions.models.history.HistoryEvent"].dt_parse = parse  # type: ignore[attr-defined]


async def _serve(sock: socket.socket, app: App, folder: str, threads: ThreadPoolExecutor) -> None:
    reader, writer = await asyncio.open_connection(sock=sock)
    writer.write(frames.pack({"ready": os.getpid()}))
    if (first := await frames.read(reader)) is None:
        return
    # By this road, since the binding has a key in it and everyone may read a command line.
    invoker = Invoker(folder, first[1].decode(), threads)
    running: set[asyncio.Task[None]] = set()
    while (message := await frames.read(reader)) is not None:
        header, body = message
        if header["kind"] == "episode":
            writer.write(_replay(app.orchestrators[header["name"].lower()], header["id"], body))
            continue
        task = asyncio.create_task(_activity(app, invoker, header, body, writer))
        running.add(task)
        task.add_done_callback(running.discard)


def _replay(function: Function, message_id: int, context: bytes) -> bytes:
    """One replay by the SDK's handle; its answer is a JSON string, or an exception that carries one."""
    try:
        answer = function.call(**{function.parameter: func.OrchestrationContext(context.decode())})
    except Exception as error:
        return frames.pack({"id": message_id, "ok": False}, str(error).encode())
    return frames.pack({"id": message_id, "ok": True}, answer.encode())


async def _activity(
    app: App, invoker: Invoker, header: dict[str, Any], body: bytes, writer: asyncio.StreamWriter
) -> None:
    name = header["name"]
    try:
        result = await invoker.activity(app.activities[name.lower()], body.decode())
    except Exception as error:
        # Where, but not what: the message may hold data, and goes to the orchestration only.
        where = [f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)[-4:]]
        log.warning("activity %s failed: %s at %s", name, type(error).__name__, " > ".join(where))
        answer = frames.pack({"id": header["id"], "ok": False}, f"{type(error).__name__}: {error}".encode())
    else:
        answer = frames.pack({"id": header["id"], "ok": True}, result.encode())
    writer.write(answer)


if __name__ == "__main__":
    main()
