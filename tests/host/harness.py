"""Runs the Functions host as a subprocess and talks to it over HTTP."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.support.ports import free_ports

ROOT = Path(__file__).resolve().parents[2]
APP = Path(__file__).parent / "app"
KEYS = {"default": "function-key", "master": "master-key", "durabletask_extension": "system-key"}
PATIENCE = 60.0  # a machine may be busy; a test that passes never waits that long
NEVER = "0 0 0 29 2 *"


def free_port() -> int:
    return free_ports(1)[0]


class Host:
    """One host on a database of its own; `start` again after `kill` to let it go on."""

    def __init__(self, folder: Path, *arguments: str, schedule: str = NEVER, app: Path = APP) -> None:
        self.folder = folder
        self.notes = folder / "notes"
        self.notes.mkdir(parents=True, exist_ok=True)
        (folder / "keys.json").write_text(json.dumps(KEYS))
        self.port = free_port()
        self.log = folder / "host.log"
        self.environment = os.environ | {
            "TEST_HUB": "TestHub",
            "TEST_NOTES": str(self.notes),
            "TEST_SCHEDULE": schedule,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.command = [
            *(sys.executable, "-m", "local.host", "--app", str(app), "--port", str(self.port)),
            *("--db", str(folder / "state.db"), "--keys", str(folder / "keys.json"), *arguments),
        ]
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=PATIENCE)
        self.keyed = {"x-functions-key": KEYS["default"]}
        self.process: subprocess.Popen[bytes] | None = None
        self.pids: list[int] = []

    def launch(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    def start(self) -> "Host":
        self.process = self.launch()
        until("the host is running", self._ready)
        return self

    def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            status = self.http.get("/admin/host/status").json()
        except httpx.TransportError:
            return False
        self.pids = status["pids"]
        return bool(status["state"] == "Running")

    def kill(self) -> None:
        """kill -9, and nothing else."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self) -> int:
        """Asks the host to end; returns its exit code."""
        if self.process is None:
            return 0
        self.process.terminate()
        code = self.process.wait(PATIENCE)
        self.process = None
        return code

    def gone(self) -> bool:
        """Whether no process of the host is left."""
        return not any(_lives(pid) for pid in self.pids)

    # -- orchestrations ----------------------------------------------------------------------------

    def begin(self, name: str, token: Any = None, instance_id: str | None = None) -> str:
        params = {"id": instance_id} if instance_id else {}
        answer = self.http.post(f"/api/start/{name}", json=token, params=params, headers=self.keyed)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def status(self, instance_id: str) -> dict[str, Any]:
        answer = self.http.get(f"/durabletask/instances/{instance_id}")
        return answer.json() if answer.status_code in (200, 202) else {}

    def finish(self, instance_id: str) -> dict[str, Any]:
        """Waits for the end of an instance; gives its status document."""
        path = f"/durabletask/instances/{instance_id}"
        answer = until(f"{instance_id} has ended", lambda: _ended(self.http.get(path)))
        return dict(answer)

    def run(self, name: str, token: Any = None, instance_id: str | None = None) -> dict[str, Any]:
        return self.finish(self.begin(name, token, instance_id))

    def client(self, operation: str, instance_id: str = "") -> httpx.Response:
        """Lets the app call its own durable client."""
        return self.http.post(f"/api/client/{operation}/{instance_id}".rstrip("/"), headers=self.keyed)

    def noted(self, name: str) -> list[str]:
        """What activities of the app noted under this name."""
        path = self.notes / name
        return path.read_text().splitlines() if path.exists() else []


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _ended(answer: httpx.Response) -> dict[str, Any] | None:
    assert answer.status_code in (200, 202), answer.text
    return answer.json() if answer.status_code == 200 else None


def until(what: str, check: Any) -> Any:
    """Asks until the answer is true; fails with `what` when it never is."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if answer := check():
            return answer
        time.sleep(0.01)
    raise AssertionError(f"waited in vain: {what}")
