"""A local system of a benchmark's own: its folder, its ports, its programs."""

import os
import socket
import subprocess
import sys
from collections.abc import Collection
from contextlib import ExitStack
from pathlib import Path

from local.places import PORTS, REPOSITORY


class BenchmarkError(Exception):
    """Something the benchmark needs did not work; the message says what."""


def environment(state: Path, **settings: str) -> dict[str, str]:
    """The caller's environment without any settings of his, but with the ports he chose; no data of his is touched."""
    chosen = {port.variable: os.environ[port.variable] for port in PORTS if port.variable in os.environ}
    foreign = ("CARRYOVER_", "DATAVERSE_", "AzureWebJobs")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    free = dict(zip((port.variable for port in PORTS), map(str, free_ports(len(PORTS))), strict=True))
    path = os.pathsep.join(part for part in (str(REPOSITORY), os.environ.get("PYTHONPATH")) if part)
    return clean | free | chosen | {
        "CARRYOVER_LOCAL_DIR": str(state),
        # Azurite's file store dies near 600,000 rows; one kind of storage at every size keeps the figures comparable.
        "CARRYOVER_AZURITE_MEMORY": "1",
        # An empty address means the simulator, whatever local.settings.json says.
        "DATAVERSE_URL": "",
        "PYTHONPATH": path,
        **settings,
    }  # fmt: skip


def ports(of: dict[str, str]) -> dict[str, int]:
    """The ports of an environment, by their names in ``local.places``."""
    return {port.name: int(of[port.variable]) for port in PORTS}


def free_ports(count: int) -> list[int]:
    """Port numbers nobody listens on, held open together so that they differ."""
    with ExitStack() as held:
        found = []
        for _ in range(count):
            probe = held.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            found.append(int(probe.getsockname()[1]))
        return found


def python(of: dict[str, str], module: str, *arguments: str, good: Collection[int] = (0,)) -> str:
    """Runs one of our programs to its end; its standard output. Raises BenchmarkError with its words."""
    command = [sys.executable, "-P", "-m", module, *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, env=of, capture_output=True, text=True, check=False)
    if done.returncode not in good:
        words = done.stderr.strip() or done.stdout.strip()
        raise BenchmarkError(f"python -m {module} {arguments[0]} ended with {done.returncode}: {words}")
    return done.stdout
