"""When each stage of a migration began and ended, from the orchestrations' own history, and what it cost."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import httpx

from benchmarks.probe import Probe
from local.places import Places

#: Our processes: the app, its host, the command line. The simulator and Azurite stand for services of somebody else.
OURS: Final = ("host", "replay", "worker", "command")

#: Stage -> the kind of run whose orchestration holds it, and the functions it consists of.
STAGES: Final = {
    "stage": ("scope", ("stage_file",)),
    "shape": ("scope", ("shape_bucket",)),
    "map": ("sample", ("map_bucket",)),
    "load": ("migrate", ("load_object",)),
    "verify": ("verify", ("verify_object",)),
    "rollback": ("rollback", ("undo_object", "prove_undone")),
}


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: how many it handled (``unit``), wall-clock seconds, and CPU seconds of our processes and the others."""

    name: str
    unit: str
    count: int
    seconds: float
    cpu: float
    simulator_cpu: float
    azurite_cpu: float
    worker_rss: int  #: bytes; the larger of the workers

    @property
    def per_second(self) -> float:
        """Handled a second of wall-clock time."""
        return self.count / self.seconds if self.seconds else 0.0

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of CPU time of our processes for each one handled."""
        return 1000 * self.cpu / self.count if self.count else 0.0


def stages(places: Places, summary: dict[str, Any], probe: Probe) -> list[Stage]:
    """The stages of the migration in the summary document, in the order of the road."""
    with httpx.Client(base_url=places.app_url, timeout=60, trust_env=False) as http:
        app = _App(http, places, summary["migration"])
        counts = app.counts(summary)
        return [
            _stage(name, *counts[name], *app.window(kind, functions), probe)
            for name, (kind, functions) in STAGES.items()
        ]


def _stage(name: str, count: int, unit: str, start: float, end: float, probe: Probe) -> Stage:
    workers = [one.rss_within(start, end) for one in probe.watched.values() if one.role.startswith("worker")]
    return Stage(
        name=name,
        unit=unit,
        count=count,
        seconds=end - start,
        cpu=probe.cpu(OURS, start, end),
        simulator_cpu=probe.cpu(("simulator",), start, end),
        azurite_cpu=probe.cpu(("azurite",), start, end),
        worker_rss=max(workers, default=0),
    )


class _App:
    """What the app and its Functions host tell of a migration."""

    def __init__(self, http: httpx.Client, places: Places, migration: str) -> None:
        self._http, self._migration = http, migration
        keys = json.loads(places.keys_file.read_text("utf-8"))
        self._key = {"x-functions-key": keys["default"]}
        self._durable = {"x-functions-key": keys["durabletask_extension"]}
        runs = self._get(f"/api/migrations/{migration}")["runs"]
        #: The last run of each kind that people asked for.
        self._runs = {run["kind"]: run["id"] for run in runs if run["parent"] is None}

    def counts(self, summary: dict[str, Any]) -> dict[str, tuple[int, str]]:
        """How many each stage handled, and of what."""
        objects = {name: one for name, one in summary["objects"].items() if name != "custom_property"}
        read = sum(one["read"] for one in objects.values())
        mapped = sum(one["read"] for name, one in objects.items() if name not in ("claim", "staff"))
        loaded = self._progress("migrate", "total")
        verified = self._progress("verify", "done")
        undone = summary["rollback"]["deleted"] + summary["rollback"]["restored"]
        rows = sum(one["rows"] for one in summary["datasets"].values())
        return {
            "stage": (rows, "rows of files"),
            "shape": (read, "records"),
            "map": (mapped, "records"),
            "load": (loaded, "rows written"),
            "verify": (verified, "rows read back"),
            "rollback": (undone, "rows taken back"),
        }

    def window(self, kind: str, functions: tuple[str, ...]) -> tuple[float, float]:
        """From the first of these functions' beginning to the last one's end, in seconds since the epoch."""
        spans = list(self._spans(kind, functions))
        return min(start for start, _ in spans), max(end for _, end in spans)

    def _spans(self, kind: str, functions: tuple[str, ...]) -> Iterator[tuple[float, float]]:
        instance = f"{self._migration}-{self._runs[kind]}"
        where = f"/runtime/webhooks/durabletask/instances/{instance}"
        reply = self._http.get(where, params={"showHistory": "true", "showInput": "false"}, headers=self._durable)
        for event in reply.raise_for_status().json()["historyEvents"]:
            if event.get("FunctionName") in functions and "ScheduledTime" in event:
                yield _moment(event["ScheduledTime"]), _moment(event["Timestamp"])

    def _progress(self, kind: str, figure: str) -> int:
        run = self._get(f"/api/migrations/{self._migration}/runs/{self._runs[kind]}")
        return sum(one[figure] for one in run["progress"].values())

    def _get(self, path: str) -> Any:
        return self._http.get(path, headers=self._key).raise_for_status().json()


def _moment(text: str) -> float:
    """Durable Functions writes seven digits of a second; Python reads six."""
    return datetime.fromisoformat(text[:26] + "+00:00").timestamp()
