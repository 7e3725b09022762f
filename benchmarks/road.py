"""The whole road once: a local system with a folder and ports of its own, a sample clinic, migrated and rolled back."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.own import OwnWay, measure
from benchmarks.probe import Probe
from benchmarks.stages import Stage, stages
from benchmarks.system import BenchmarkError, environment, ports, python
from local import processes
from local.places import REPOSITORY, Places

#: Exit codes of ``migrate`` that mean it came to its end; 4 says that records were excepted, as a clinic's are.
ENDED: Final = (0, 4)


@dataclass(frozen=True, slots=True)
class Figures:
    """What one pass showed. Memory in bytes by process."""

    patients: int
    records: int
    stages: list[Stage]
    own: OwnWay
    peaks: dict[str, int]
    seconds: dict[str, float]

    @property
    def record_us(self) -> float:
        """Microseconds of CPU time of a record's own way: read, mapped, built into requests, the answers parsed."""
        return self.own.map_us + self.own.send_us

    @property
    def trail_us(self) -> float:
        """Microseconds of CPU time of all our processes that a loaded row takes beyond its own way: what it costs to
        plan it, log it before and after, keep its receipt, and hand its chunk to exactly one worker."""
        load = next(one for one in self.stages if one.name == "load")
        return 1000 * load.cpu_ms - self.own.send_us


def run(patients: int, folder: Path) -> Figures:
    """Takes a clinic of that many patients along the whole road. What ``folder`` holds of an earlier pass is replaced.

    Raises BenchmarkError.
    """
    env = environment(folder / "local")
    places = Places(folder / "local", ports(env), env)
    clinic = ["--patients", str(patients), "--seed", "1", "--out", str(folder / "clinic")]
    python(env, "local.clinic", *clinic, "--users", str(folder / "users.json"))
    python(env, "local", "up", "--fresh", "--seed", str(folder / "users.json"))
    try:
        asked = ["--source", str(folder / "clinic"), "--system", "benchmark", "--yes", "--rollback", "--json"]
        with _Roles(places) as roles, Probe(roles.find) as probe, roles.command(env, "migrate", *asked) as done:
            output = done.communicate()[0]
        if done.returncode not in ENDED:
            raise BenchmarkError(f"carryover migrate ended with {done.returncode}; logs: {places.logs}")
        summary = json.loads(output)
        found = stages(places, summary, probe)
        _prove(summary)
        own = measure(places.storage, summary["migration"])
        return Figures(patients, _records(summary), found, own, probe.peaks(), summary["seconds"])
    finally:
        python(env, "local", "down")


class _Roles:
    """Which process of the system does what."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._http = httpx.Client(timeout=10, trust_env=False)
        self._commands: dict[int, str] = {}

    def __enter__(self) -> "_Roles":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @contextmanager
    def command(self, environment: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """A command of ``./carryover``, seen by the probe like the rest."""
        command = [sys.executable, "-P", "-m", "cli", *arguments]
        with subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True) as started:
            self._commands[started.pid] = "command"
            yield started

    def find(self) -> dict[int, str]:
        """Process id to role: host, replay, worker 1 …, simulator, azurite, command."""
        found = dict(self._commands)
        for part, role in (("azurite", "azurite"), ("dataverse", "simulator")):
            found |= dict.fromkeys((one.pid for one in processes.find(self._places.state, part)), role)
        try:
            status = self._http.get(f"{self._places.app_url}/admin/host/status")
            pids = status.raise_for_status().json()["pids"]
        except httpx.HTTPError:
            return found
        names = ["host", "replay", *(f"worker {number}" for number in range(1, len(pids) - 1))]
        return found | dict(zip(pids, names, strict=True))


def _records(summary: dict[str, Any]) -> int:
    """Source records of every object; a custom property is a field of its patient."""
    return sum(one["read"] for name, one in summary["objects"].items() if name != "custom_property")


def _prove(summary: dict[str, Any]) -> None:
    """Figures of a road that lost records would be worth nothing."""
    differing = sum(one["fields_differing"] for one in summary["objects"].values())
    rollback = summary["rollback"] or {}
    if differing or rollback.get("left") or not rollback.get("deleted"):
        raise BenchmarkError(f"the road did not end well: {differing} fields differ, rollback {rollback}")
