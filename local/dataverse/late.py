"""Requests whose work is done after their client has stopped waiting for it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class _Commit:
    work: Callable[[], None]
    timer: asyncio.TimerHandle | None


class LateCommits:
    """Work that waits for its moment, in the order in which it came."""

    def __init__(self) -> None:
        self._waiting: list[_Commit] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, work: Callable[[], None], ms: float | None) -> None:
        """Does ``work`` in ``ms``; without a time, when ``commit`` is called."""
        commit = _Commit(work, None)
        self._waiting.append(commit)
        if ms is not None:
            commit.timer = asyncio.get_running_loop().call_later(ms / 1000, self._do, commit)

    def commit(self) -> int:
        """Does all that waits, now, and tells how many that were."""
        waiting = list(self._waiting)
        for commit in waiting:
            self._do(commit)
        return len(waiting)

    def forget(self) -> None:
        """What waits is never done, as when a server dies."""
        for commit in self._waiting:
            if commit.timer is not None:
                commit.timer.cancel()
        self._waiting.clear()

    def _do(self, commit: _Commit) -> None:
        if commit.timer is not None:
            commit.timer.cancel()
        if commit in self._waiting:
            self._waiting.remove(commit)
            commit.work()
