"""Starts and ends the parts of the local system together, and says how each is."""

import contextlib
import fcntl
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from local import processes
from local.components import READY_WITHIN, Component, components
from local.places import PORTS, REPOSITORY, LocalError, Places, write_private

Say = Callable[[str], None]


class Supervisor:
    """The local system of one state folder. ``say`` gets words for people, a line at a time."""

    def __init__(self, places: Places, say: Say) -> None:
        self.places = places
        self.say = say

    # -- up ------------------------------------------------------------------------------------------------------

    def up(self, *, fresh: bool = False, seed: Path | None = None) -> None:
        """Starts what does not run yet and waits until each part answers.

        ``fresh`` empties storage, simulator and durable state first; ``seed`` is the simulator's JSON of users and
        organisation, kept for later starts. Raises LocalError, after ending what this call started.
        """
        with self._alone():
            if fresh:
                processes.end(self.places.state)
                self._empty()
            self._make_folders()
            self.places.function_key()
            if seed is not None:
                if not seed.is_file():
                    raise LocalError("The seed file is not there.", "Name a JSON file with the simulator's users.")
                shutil.copyfile(seed, self.places.seed_file)
            self._move_with_record()
            parts = components(self.places)
            self._end_strangers(parts)
            missing = [part for part in parts if not self._pid(part.name)]
            self._check_ports(missing)
            try:
                for part in missing:
                    self._start(part)
                for part in parts:
                    self._wait(part)
            except BaseException:
                for part in missing:
                    processes.end(self.places.state, part.name)
                self._forget([part.name for part in missing])
                raise

    def restart(self, name: str) -> None:
        """Ends one part and starts it again with the same settings. Raises LocalError for a name that is none."""
        with self._alone():
            self._move_with_record()
            parts = {part.name: part for part in components(self.places)}
            if name not in parts:
                raise LocalError(f"There is no part called {name}.", f"Parts: {', '.join(parts)}.")
            processes.end(self.places.state, name)
            self._check_ports([parts[name]])
            self._start(parts[name])
            self._wait(parts[name])

    def _start(self, part: Component) -> None:
        log = self.log(part.name)
        if log.exists():
            log.replace(log.with_suffix(".before.log"))
        marked = processes.mark(self.places.state, part.name)
        pid = processes.start(part.command, part.environment, marked, log, REPOSITORY)
        record = self._record()
        record["pids"][part.name] = pid
        record["ports"] = dict(self.places.ports)
        record["app_url"] = self.places.app_url
        record["dataverse_url"] = self.places.dataverse_url
        write_private(self.places.record_file, record)

    def _wait(self, part: Component) -> None:
        """Until the part answers. Raises LocalError with its log's place when it died or stays silent."""
        began = time.monotonic()
        while not part.ready():
            waited = time.monotonic() - began
            died = not self._pid(part.name)
            if died or waited > READY_WITHIN:
                what = "ended while starting" if died else f"does not answer after {READY_WITHIN:.0f} seconds"
                words = _tail(self.log(part.name))
                raise LocalError(f"{part.title} {what}.\n{words}".rstrip(), f"Its log: {self.log(part.name)}")
            time.sleep(0.1)
        addresses = ", ".join(f"127.0.0.1:{self.places.ports[name]}" for name in part.ports)
        self.say(f"{part.title:<20} {addresses}")

    # -- down ----------------------------------------------------------------------------------------------------

    def down(self) -> int:
        """Ends every process of this system. Returns how many there were."""
        with self._alone():
            ended = processes.end(self.places.state)
            self.places.record_file.unlink(missing_ok=True)
            return ended

    # -- status --------------------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """The addresses, and for each part its process and how it is: ``running``, ``silent``, ``died``, ``down``.

        A part that was started and is gone has ``died``; ``silent`` runs but does not answer. ``running`` of the whole
        is true only when every part runs and answers.
        """
        self._move_with_record()
        recorded = self._record()["pids"]
        states: dict[str, dict[str, Any]] = {}
        for part in components(self.places):
            pid = self._pid(part.name)
            state = "died" if part.name in recorded else "down"
            if pid:
                state = "running" if part.ready() else "silent"
            states[part.name] = {"state": state, "pid": pid, "log": str(self.log(part.name))}
        up = bool(recorded)
        return {
            "running": all(part["state"] == "running" for part in states.values()),
            "app_url": self.places.app_url if up else None,
            "dataverse_url": self.places.dataverse_url if up else None,
            "storage": self.places.storage if up else None,
            "clinic_url": None,
            "pids": {name: part["pid"] for name, part in states.items() if part["pid"]},
            "components": states,
            "keys": str(self.places.keys_file),
        }

    def log(self, name: str) -> Path:
        """The log of one part."""
        return self.places.logs / f"{name}.log"

    # -- what is kept --------------------------------------------------------------------------------------------

    def _record(self) -> dict[str, Any]:
        try:
            record = json.loads(self.places.record_file.read_text("utf-8"))
            return record if isinstance(record.get("pids"), dict) else {"pids": {}}
        except (OSError, ValueError, AttributeError):
            return {"pids": {}}

    def _forget(self, names: list[str]) -> None:
        record = self._record()
        record["pids"] = {name: pid for name, pid in record["pids"].items() if name not in names}
        write_private(self.places.record_file, record)

    def _move_with_record(self) -> None:
        """What runs stays on the ports it was started with, whatever the environment of this call says."""
        record = self._record()
        if record.get("ports") and processes.find(self.places.state):
            self.places = Places(self.places.state, self.places.ports | record["ports"], self.places.settings)

    def _pid(self, name: str) -> int | None:
        pid = self._record()["pids"].get(name)
        return pid if isinstance(pid, int) and processes.alive(pid, self.places.state, name) else None

    def _end_strangers(self, parts: list[Component]) -> None:
        """Ends children of a part whose own process is gone, and parts that this system no longer has."""
        wanted = {part.name for part in parts if self._pid(part.name)}
        for name in ("azurite", "dataverse", "host"):
            if name not in wanted:
                processes.end(self.places.state, name)

    def _check_ports(self, parts: list[Component]) -> None:
        variables = {port.name: port.variable for port in PORTS}
        for part in parts:
            for name in part.ports:
                number = self.places.ports[name]
                if not processes.port_is_free(number):
                    holder = processes.holder_of(number)
                    by = f" by {holder}" if holder else ""
                    raise LocalError(
                        f"Port {number} ({part.title}, {name}) is in use{by}.",
                        f"Free it, or choose another with {variables[name]}.",
                    )

    def _make_folders(self) -> None:
        self.places.state.mkdir(parents=True, exist_ok=True)
        # Staged records and logs of ids are health data: nobody else on this machine reads them.
        self.places.state.chmod(0o700)
        for folder in (self.places.logs, self.places.azurite, self.places.temp):
            folder.mkdir(exist_ok=True)

    def _empty(self) -> None:
        for folder in (self.places.azurite, self.places.temp, self.places.logs, self.places.state / "uploads"):
            shutil.rmtree(folder, ignore_errors=True)
        for database in (self.places.dataverse_db, self.places.host_db):
            for file in database.parent.glob(database.name + "*"):
                file.unlink()
        for file in (self.places.record_file, self.places.seed_file, self.places.state / "cli.json"):
            file.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Two calls at once wait for each other."""
        self.places.state.mkdir(parents=True, exist_ok=True)
        with (self.places.state / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _tail(log: Path, lines: int = 12) -> str:
    try:
        return "\n".join("  " + line for line in log.read_text("utf-8", "replace").splitlines()[-lines:])
    except OSError:
        return ""
