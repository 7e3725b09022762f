"""`python -m tests.chaos --runs N --seed S [--jobs J]`: the long form. A line a run, a summary, evidence of what failed."""

import argparse
import json
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from tests.chaos.plan import make_plan
from tests.chaos.run import Chaos, Seen
from tests.chaos.stage import Stage, stage

#: The storage emulator slows down with what it holds: after some more runs a request may take it a minute.
RUNS_A_STAGE: Final = 12


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1, help="the first run's; the others count on from it")
    parser.add_argument("--jobs", type=int, default=2, help="systems side by side")
    parser.add_argument("--evidence", type=Path, default=Path(".local/chaos"), help="where failures are kept")
    options = parser.parse_args()
    seeds: SimpleQueue[int] = SimpleQueue()
    for seed in range(options.seed, options.seed + options.runs):
        seeds.put(seed)
    crew = Crew(seeds, options.evidence)
    threads = [threading.Thread(target=crew.work, name=f"chaos {n}") for n in range(min(options.jobs, options.runs))]
    began = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # then, too, no system may stay behind
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:
        print("Interrupted: the runs under way are taken to their end.", flush=True)
        crew.stop = True
        for thread in threads:
            thread.join()
    crew.summary(time.monotonic() - began)
    return 0 if len(crew.seen) == options.runs and not crew.failed else 1


class Crew:
    """Threads, each with a stage of its own, that take seeds until none is left."""

    def __init__(self, seeds: "SimpleQueue[int]", evidence: Path) -> None:
        self.seen: list[Seen] = []
        self.stop = False
        self._seeds, self._evidence = seeds, evidence
        self._printing = threading.Lock()

    @property
    def failed(self) -> list[Seen]:
        """Runs that found something."""
        return [one for one in self.seen if one.findings]

    def work(self) -> None:
        """Runs on one stage; after a run that left something behind, and when the storage has grown, on a new one."""
        while not self.stop and not self._seeds.empty():
            with ExitStack() as held:
                folder = Path(tempfile.mkdtemp(prefix="carryover-chaos-"))
                held.callback(shutil.rmtree, folder, True)
                made = held.enter_context(stage(folder))
                for _ in range(RUNS_A_STAGE):
                    if self.stop or not self._one(made):
                        break

    def _one(self, made: Stage) -> bool:
        """One run; False when no seed is left, or the stage is not as it was."""
        try:
            seed = self._seeds.get_nowait()
        except Empty:
            return False
        run = Chaos(made, make_plan(seed))
        try:
            run.go()
        except Exception as error:
            run.seen.findings.append(f"the run broke off: {type(error).__name__}: {str(error)[:300]}")
            run.seen.findings += traceback.format_exc().splitlines()[-12:]
        self._told(run, made)
        return not run.seen.findings

    def _told(self, run: Chaos, made: Stage) -> None:
        seen = run.seen
        with self._printing:
            self.seen.append(seen)
            verdict = "ok" if not seen.findings else f"FAILED ({len(seen.findings)})"
            print(
                f"{len(self.seen):4} seed {seen.seed:<6} {run.plan.end:<9} {seen.seconds:5.1f} s  {verdict:<11}"
                f" faults {_words(seen.faults)}; struck {_words(seen.strikes)}; again {_words(seen.attempts)}; {seen.spent}",
                flush=True,
            )
            for line in seen.findings[:6]:
                print(f"       {line}", flush=True)
        if seen.findings:
            self._keep(run, made)

    def _keep(self, run: Chaos, made: Stage) -> None:
        """The plan, what was found, the target and the logs, under the seed."""
        place = self._evidence / f"seed-{run.seen.seed}"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        for name in ("logs", "dataverse.db", "dataverse.db-wal", "host.db", "host.db-wal"):
            path = made.system.state / name
            if path.is_dir():
                shutil.copytree(path, place / name)
            elif path.exists():
                shutil.copy(path, place / name)
        with suppress(Exception):  # the app may be down; then the rest is all there is
            audit = run.road.audit() if run.road else []
            (place / "audit.ndjson").write_text("".join(json.dumps(row) + "\n" for row in audit))
        document = {"plan": asdict(run.plan), "findings": run.seen.findings}
        (place / "run.json").write_text(json.dumps(document, indent=2))

    def summary(self, seconds: float) -> None:
        """What the runs came to."""
        totals: dict[str, Counter[str]] = {"faults": Counter(), "struck": Counter(), "again": Counter()}
        for one in self.seen:
            for name, counts in zip(totals, (one.faults, one.strikes, one.attempts), strict=True):
                totals[name].update(counts)
        each = sorted(one.seconds for one in self.seen) or [0.0]
        print(
            f"{len(self.seen)} runs in {seconds / 60:.1f} min, {each[len(each) // 2]:.1f} s a run (median), {len(self.failed)} failed"
        )
        for name, counts in totals.items():
            print(f"{name}: {_words(counts)}")
        if self.failed:
            print(f"failed seeds: {', '.join(str(one.seed) for one in self.failed)}; see {self._evidence}")


def _words(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {times}" for name, times in sorted(counts.items()) if times) or "none"


if __name__ == "__main__":
    sys.exit(main())
