"""One run in chaos: its plan carried out, and what is found afterwards."""

import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import orjson
import psutil
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobLeaseClient, ContainerClient

from ledger import paths
from tests.chaos.image import differing, image, writes, written_otherwise, written_twice
from tests.chaos.plan import Plan, Strike
from tests.chaos.stage import STEPS, Copied, Stage
from tests.e2e.dumps import without_outcome
from tests.e2e.road import Json
from tests.e2e.system import System, until

#: A step that failed because the target refused to work is started again, as its error says; so often.
ATTEMPTS: Final = 4
#: Seconds a worker is frozen: longer than a lease lasts.
FROZEN: Final = 34
#: Seconds after which a step has hung: many systems side by side are slow.
PATIENCE: Final = 900.0
#: Seconds between two looks at a run.
ASK_EVERY: Final = 0.4
#: Errors that are nobody's fault but the target's.
_OUTAGE: Final = {"dataverse_unavailable", "dataverse_unreachable", "auth_refused"}


@dataclass
class Seen:
    """What happened in a run, and what is wrong: empty when nothing is."""

    seed: int
    findings: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    strikes: Counter[str] = field(default_factory=Counter)
    attempts: Counter[str] = field(default_factory=Counter)  #: steps started again, by error
    seconds: float = 0.0
    spent: dict[str, float] = field(default_factory=dict)  #: seconds by step

    def wrong(self, phase: str, lines: list[str]) -> None:
        self.findings += [f"{phase}: {line}" for line in lines]


class Chaos:
    """One run of a plan on a stage."""

    def __init__(self, stage: Stage, plan: Plan) -> None:
        self.stage, self.plan, self.system = stage, plan, stage.system
        self.quiet = stage.quiet
        self.seen = Seen(plan.seed)
        self.road: Copied | None = None

    def go(self) -> Seen:
        """Carries the plan out and compares."""
        began = time.monotonic()
        self.system.count_writes()
        road = self.road = self.stage.copy()
        cut = self.plan.end.removeprefix("cut ") if self.plan.end.startswith("cut") else ""
        for phase in ("run", "delta"):
            if phase == "delta":
                self.stage.next_day(road)
            self._step(road, phase, cut=cut == phase)
            if cut == phase:
                break
            self._compare(road, phase)
        if self.plan.end == "last" and not self.seen.attempts:  # else the last run wrote only a part
            self._step(road, "last")
            self._compare(road, "last")
        self._step(road, "undo")
        if not cut:
            self._compare(road, "undo")
        self.seen.wrong("end", differing(self.stage.before, image(self.system, whole=True)))
        self.seen.wrong("end", written_twice(writes(self.system)))
        audit = road.get("audit/verify")
        self.seen.wrong("audit", [str(line) for line in audit["findings"]])
        self.seen.wrong("audit", self._unsaid(road))
        self.seen.seconds = time.monotonic() - began
        return self.seen

    def _compare(self, road: Copied, phase: str) -> None:
        self.seen.wrong(phase, differing(self.quiet.images[phase], image(self.system)))
        self.seen.wrong(phase, written_otherwise(self.quiet.writes[phase], writes(self.system)))
        if phase in ("run", "delta"):
            found = road.get("summary")["objects"]
            self.seen.wrong(
                phase, [f"other counts: {n}" for n, one in self.quiet.objects[phase].items() if found.get(n) != one]
            )

    def _unsaid(self, road: Copied) -> list[str]:
        """Operations of runs that came to their end, of which the log does not say what came of them."""
        ended = {one["id"] for one in road.get()["runs"] if one["state"] == "done"}
        open = without_outcome([row for row in road.audit() if row["PartitionKey"].split("|")[1] in ended])
        return [f"no outcome: {row['operation']} {row['PartitionKey']} {row['RowKey']}" for row in open]

    # -- one step ------------------------------------------------------------------------------------------------

    def _step(self, road: Copied, phase: str, *, cut: bool = False) -> None:
        """A step to its end, with what the plan says for it; ``cut``: left while it runs."""
        planned = "undo" if phase == "last" else phase
        strikes = [] if "last" in self.seen.spent else list(self.plan.strikes[planned])
        self.system.faults(self.plan.faults[planned])
        options = dict(STEPS[phase])
        step = options.pop("step")
        began = time.monotonic()
        for attempt in range(ATTEMPTS):
            written = self._written()
            run = road.start(step, **options)
            ended = self._watch(road, run, phase, strikes, written, cut=cut)
            self._count(planned)
            if ended is None or ended["state"] == "done":
                break
            error = self._code(road, run)
            self.seen.attempts[error] += 1
            if error not in _OUTAGE:
                self.seen.wrong(
                    phase, [f"{run} ended {ended['state']}: {error}: {ended.get('error') or ended.get('message')}"]
                )
            if attempt:
                self.system.faults()
        self.seen.spent[phase] = round(time.monotonic() - began, 1)
        if not cut:
            self.system.faults()
            until("late commits are done", lambda: not self.system.struck()["late"])

    def _watch(
        self, road: Copied, run: str, phase: str, strikes: list[Strike], written: int, *, cut: bool
    ) -> Json | None:
        """Waits for the end of the run, striking on the way. None when the plan leaves it while it runs."""
        began = time.monotonic()
        usual, rows = self.quiet.seconds[phase], self._rows(phase)
        asked = 0.0
        while (now := time.monotonic()) < began + PATIENCE:
            passed = (now - began) / usual
            share = (self._written() - written) / rows if cut or any(one.by == "rows" for one in strikes) else 0.0
            if cut and share >= self.plan.cut:
                return None
            for one in strikes:
                if (share if one.by == "rows" else passed) >= one.share:
                    strikes.remove(one)
                    self._strike(one)
                    break
            if now > asked + ASK_EVERY:  # the app's own answers cost more than all the rest of this loop
                asked = now
                document = road.get(f"runs/{run}")
                if document["state"] != "running":
                    return document
            time.sleep(0.05)
        raise AssertionError(f"{run} does not end")

    def _code(self, road: Copied, run: str) -> str:
        """The error's code; the API tells its words only."""
        with ContainerClient.from_connection_string(self.system.places().storage, "ledger") as container:
            try:
                document = container.download_blob(paths.document(road.id, f"error-{run}.json")).readall()
            except ResourceNotFoundError:
                return "no error"
        return str(orjson.loads(document)["code"])

    def _written(self) -> int:
        return sum(sum(times) for rows in self.system.written().values() for times in rows.values())

    def _rows(self, phase: str) -> int:
        """Writes that the phase makes in quiet."""
        total = {name: sum(map(sum, written.values())) for name, written in self.quiet.writes.items()}
        before = {"run": 0, "delta": total["run"], "last": total["delta"]}
        return total[phase] - before.get(phase, total["last" if self.plan.end == "last" else "delta"])

    def _count(self, planned: str) -> None:
        for name, times in zip(self.plan.names[planned], self.system.struck()["rules"], strict=False):
            self.seen.faults[name] += times
        for code, times in self.system.struck()["throttled"].items():
            self.seen.faults[f"limit {code}"] += times

    # -- strikes -------------------------------------------------------------------------------------------------

    def _strike(self, one: Strike) -> None:
        self.seen.strikes[one.what + (" patient" if one.patient and one.what == "host" else "")] += 1
        if one.what == "host":
            self.system.kill_host()
            if not one.patient:
                end_leases(self.system)
            self.system.up()
            return
        pids = self.system.pids()
        match one.what:
            case "replay":
                _kill(pids[1:2])
            case "workers":
                _kill(pids[2:])
                end_leases(self.system)
            case "worker":
                _kill(pids[2:3])
            case "freeze":
                if not (self.system.freeze("load_chunk", FROZEN) or self.system.freeze("undo_chunk", FROZEN)):
                    self.seen.strikes["nothing to freeze"] += 1


def _kill(pids: list[int]) -> None:
    for pid in pids:
        psutil.Process(pid).send_signal(signal.SIGKILL)
    psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=5)


def end_leases(system: System) -> None:
    """Ends the leases of workers that are all dead: what half a minute does by itself."""
    with ContainerClient.from_connection_string(system.places().storage, "ledger") as container:
        for blob in container.list_blobs():
            if blob.lease and blob.lease.state == "leased":
                try:
                    BlobLeaseClient(container.get_blob_client(blob.name)).break_lease(0)
                except HttpResponseError:
                    continue  # it ran out in between
