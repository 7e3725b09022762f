"""Watches the processes of one local system: how much CPU time each has used at each moment, and its memory's peak."""

import contextlib
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

#: Seconds between two looks. A stage of a small clinic takes a few seconds.
INTERVAL: Final = 0.2
#: Looks between two searches for processes that came or went.
SEARCH_EVERY: Final = 10

Find = Callable[[], dict[int, str]]


@dataclass
class Watched:
    """One process. Seconds since the epoch, seconds of CPU time, bytes; one entry a look."""

    role: str
    at: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    rss: list[int] = field(default_factory=list)
    peak: int = 0  #: as the kernel keeps it, so that no peak falls between two looks

    def cpu_at(self, moment: float) -> float:
        """CPU seconds used until then, between two looks by proportion."""
        place = bisect_left(self.at, moment)
        if place == 0:
            return self.cpu[0] if self.cpu else 0.0
        if place == len(self.at):
            return self.cpu[-1]
        before, after = self.at[place - 1], self.at[place]
        share = (moment - before) / (after - before)
        return self.cpu[place - 1] + share * (self.cpu[place] - self.cpu[place - 1])

    def rss_within(self, start: float, end: float) -> int:
        """The largest resident set seen between two moments."""
        return max(self.rss[bisect_left(self.at, start) : bisect_left(self.at, end) + 1], default=0)


class Probe:
    """Looks at processes from a thread of its own. ``find`` says which there are now: process id to role."""

    def __init__(self, find: Find) -> None:
        self.watched: dict[int, Watched] = {}
        self._find = find
        self._processes: dict[int, psutil.Process] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="probe", daemon=True)

    def __enter__(self) -> "Probe":
        self._search()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._look()

    def cpu(self, roles: Sequence[str], start: float, end: float) -> float:
        """CPU seconds that all processes of these roles used between two moments (seconds since the epoch)."""
        return sum(
            one.cpu_at(end) - one.cpu_at(start) for one in self.watched.values() if one.role.split(" ")[0] in roles
        )

    def peaks(self) -> dict[str, int]:
        """Role to the largest resident set in bytes; of several processes of one role (after a restart) the largest."""
        found: dict[str, int] = {}
        for one in self.watched.values():
            found[one.role] = max(found.get(one.role, 0), one.peak)
        return found

    def _run(self) -> None:
        looks = 0
        while not self._stop.wait(INTERVAL):
            looks += 1
            if looks % SEARCH_EVERY == 0:
                self._search()
            self._look()

    def _search(self) -> None:
        for pid, role in self._find().items():
            if pid not in self._processes:
                with contextlib.suppress(psutil.Error):
                    self._processes[pid] = psutil.Process(pid)
                    self.watched[pid] = Watched(role)

    def _look(self) -> None:
        for pid, process in list(self._processes.items()):
            try:
                times, rss = process.cpu_times(), process.memory_info().rss
                peak = _peak(pid)
            except (psutil.Error, OSError):
                continue
            one = self.watched[pid]
            one.at.append(time.time())
            one.cpu.append(times.user + times.system)
            one.rss.append(rss)
            one.peak = max(one.peak, peak, rss)


def _peak(pid: int) -> int:
    """Bytes of the largest resident set the process ever had; 0 where the kernel does not say."""
    for line in Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
