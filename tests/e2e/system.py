"""One running system for the tests of the whole road: started, asked over HTTP, killed, read from outside."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from local import processes
from local.places import PORTS, Places
from tests.support.ports import free_ports

ROOT: Final = Path(__file__).resolve().parents[2]
PYTHON: Final = sys.executable
PATIENCE: Final = 240.0  # a machine may be busy; a test that passes never waits that long


class System:
    """A local system with a folder and ports of its own. ``settings`` are environment variables of the app."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.state = folder / "local"
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("CARRYOVER_", "DATAVERSE_", "AzureWebJobs"))}
        ports = dict(zip((port.variable for port in PORTS), map(str, free_ports(len(PORTS))), strict=True))
        self.environment = clean | ports | {
            "CARRYOVER_LOCAL_DIR": str(self.state),
            "CARRYOVER_AZURITE_MEMORY": "1",
            "CARRYOVER_OPERATOR": "tester",
            "COLUMNS": "200",
            **settings,
        }  # fmt: skip
        self.app = f"http://127.0.0.1:{ports['CARRYOVER_PORT_APP']}"
        self.target = f"http://127.0.0.1:{ports['CARRYOVER_PORT_DATAVERSE']}"
        self.ports = {port.name: int(ports[port.variable]) for port in PORTS}
        self._http = httpx.Client(timeout=60, trust_env=False)

    # -- the parts -----------------------------------------------------------------------------------------------

    def local(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """``python -m local …``"""
        command = [PYTHON, "-m", "local", *arguments]
        return subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)

    def up(self, *arguments: str) -> None:
        """Starts what does not run."""
        done = self.local("up", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr

    def down(self) -> None:
        """Ends everything; nothing of it may be left."""
        self.local("down")
        self._http.close()
        assert processes.find(self.state) == []

    def kill_host(self) -> None:
        """kill -9 of every process of the Functions host at once."""
        found = processes.find(self.state, "host")
        assert found, "the host does not run"
        for process in found:
            process.send_signal(signal.SIGKILL)
        psutil.wait_procs(found, timeout=20)

    def pids(self) -> list[int]:
        """The processes of the Functions host: itself, the one that replays, and the workers."""
        return list(self._http.get(f"{self.app}/admin/host/status").json()["pids"])

    def freeze(self, activity: str, seconds: float) -> bool:
        """Freezes a worker in the middle of such an activity; another is given its work. False when none runs."""
        keys = json.loads((self.state / "keys.json").read_text())
        where = {"activity": activity, "seconds": str(seconds)}
        headers = {"x-functions-key": keys["master"]}
        answer = self._http.post(f"{self.app}/admin/host/freeze", params=where, headers=headers)
        assert answer.status_code in (200, 409), answer.text
        return answer.status_code == 200

    def cli(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """``./carryover …`` as an operator types it."""
        command = [str(ROOT / "carryover"), *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)

    def places(self) -> Places:
        """Where the system keeps its things."""
        return Places(self.state, self.ports, self.environment)

    # -- the app -------------------------------------------------------------------------------------------------

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A request to the app's API, whatever it answers."""
        key = json.loads((self.state / "keys.json").read_text())["default"]
        return self._http.request(method, f"{self.app}/api/{path}", headers={"x-functions-key": key}, **more)

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """A request that must succeed; its JSON."""
        answer = self.call(method, path, **more)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None

    def refusal(self, method: str, path: str, status: int = 409, **more: Any) -> dict[str, Any]:
        """A request that must be refused with this status; the error."""
        answer = self.call(method, path, **more)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return dict(answer.json()["error"])

    # -- the target, from outside --------------------------------------------------------------------------------

    def counts(self) -> dict[str, int]:
        """Rows by table."""
        return dict(self._http.get(f"{self.target}/_sim/counts").json())

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table as they are stored."""
        answer = self._http.get(f"{self.target}/_sim/dump", params={"table": table})
        assert answer.status_code == 200, answer.text
        return list(answer.json())

    def faults(self, configuration: dict[str, Any] | None = None) -> None:
        """What goes wrong from now on; nothing without a configuration."""
        assert self._http.post(f"{self.target}/_sim/faults", json=configuration or {}).status_code == 200

    def struck(self) -> dict[str, Any]:
        """How often each fault has struck since they were set."""
        return dict(self._http.get(f"{self.target}/_sim/faults").json())

    def commit(self) -> None:
        """Does the work of all late commits now."""
        assert self._http.post(f"{self.target}/_sim/commit").status_code == 200

    def count_writes(self) -> None:
        """Writes are counted by row from now on."""
        assert self._http.post(f"{self.target}/_sim/writes").status_code == 200

    def written(self) -> dict[str, dict[str, list[int]]]:
        """Times created, updated and deleted, by table and row, since the count began."""
        return dict(self._http.get(f"{self.target}/_sim/writes").json())

    def edit(self, table: str, id: str, changes: dict[str, Any], user: str) -> None:
        """Another user changes a row."""
        body = {"table": table, "id": id, "set": changes, "user": user}
        answer = self._http.post(f"{self.target}/_sim/edit", json=body)
        assert answer.status_code == 200, answer.text

    def api(self, method: str, path: str, user: str | None = None, **more: Any) -> httpx.Response:
        """The target's Web API, as this user (an e-mail) or as the application."""
        headers = {"Authorization": f"Bearer {user or 'local'}"}
        answer = self._http.request(method, f"{self.target}/api/data/v9.2/{path}", headers=headers, **more)
        assert answer.is_success, answer.text
        return answer


@contextmanager
def running(folder: Path, *, users: Path | None = None, **settings: str) -> Iterator[System]:
    """A system that is up, and down afterwards whatever happens."""
    system = System(folder, **settings)
    try:
        system.up("--fresh", *(("--seed", str(users)) if users else ()))
        yield system
    finally:
        system.down()


def until(what: str, check: Callable[[], Any], pause: float = 0.05) -> Any:
    """Asks until the answer is true; fails with ``what`` when it never is."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if answer := check():
            return answer
        time.sleep(pause)
    raise AssertionError(f"waited in vain: {what}")
