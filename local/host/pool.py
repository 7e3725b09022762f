"""The host's side of its worker processes: starting them, giving them work, noticing that one died."""

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.host import frames
from local.host.records import Work

log = logging.getLogger("local.host.pool")
ROOT = Path(__file__).resolve().parents[2]


class WorkerFailed(Exception):
    """A worker process ended before it was ready: the app cannot be imported there."""


class WorkerDied(Exception):
    """The worker process ended under a replay."""


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How worker processes are started."""

    app: Path
    client: str
    concurrency: int


@dataclass
class Process:
    """One running worker process; `held` are the messages it has not answered, by id."""

    popen: subprocess.Popen[bytes]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    held: dict[int, tuple[dict[str, Any], bytes]] = field(default_factory=dict)
    frozen: bool = False

    @property
    def pid(self) -> int:
        return self.popen.pid

    def send(self, header: dict[str, Any], body: bytes) -> None:
        self.held[header["id"]] = header, body
        self.writer.write(frames.pack(header, body))


async def _spawn(options: WorkerOptions) -> Process:
    """Starts a worker and waits until it has imported the app."""
    ours, theirs = socket.socketpair()
    with theirs:
        # From this thread, which lives as long as the host: a worker dies with the thread that started it.
        popen = subprocess.Popen(  # noqa: ASYNC220
            [
                sys.executable,
                *("-m", "local.host.worker", "--app", str(options.app), "--socket", str(theirs.fileno())),
                *("--parent", str(os.getpid()), "--threads", str(options.concurrency)),
            ],
            pass_fds=[theirs.fileno()],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
        )
    reader, writer = await asyncio.open_connection(sock=ours)
    if await frames.read(reader) is None:
        writer.close()
        code = await asyncio.to_thread(popen.wait)
        raise WorkerFailed(f"a worker process ended with code {code} before it was ready")
    writer.write(frames.pack({"kind": "client"}, options.client.encode()))
    return Process(popen, reader, writer)


class _Seat:
    """A place for a worker process, filled again whenever the process dies."""

    def __init__(self, options: WorkerOptions) -> None:
        self._options = options
        self.process: Process | None = None

    async def occupy(
        self,
        answered: Callable[[Process, dict[str, Any], bytes], None],
        died: Callable[[Process], None],
        filled: Callable[[], None] = lambda: None,
    ) -> None:
        """Runs for as long as the host does. Raises `WorkerFailed` when a worker cannot start."""
        while True:
            process = self.process = self.process or await _spawn(self._options)
            filled()
            while (message := await frames.read(process.reader)) is not None:
                header, body = message
                process.held.pop(header["id"], None)
                answered(process, header, body)
            self.process = None
            process.writer.close()
            code = await asyncio.to_thread(process.popen.wait)
            log.warning("worker process %d ended with code %d; starting another", process.pid, code)
            died(process)

    async def start(self) -> None:
        self.process = await _spawn(self._options)

    def kill(self) -> None:
        if self.process is not None:
            self.process.popen.kill()
            self.process.popen.wait()
            self.process.writer.close()


class ReplayProcess:
    """The process that replays orchestrators: CPU work that would block HTTP and the commits."""

    def __init__(self, options: WorkerOptions) -> None:
        self._seat = _Seat(options)
        self._answers: dict[int, asyncio.Future[tuple[bool, str]]] = {}
        self._count = 0
        self._up = asyncio.Event()

    @property
    def pids(self) -> list[int]:
        return [self._seat.process.pid] if self._seat.process else []

    async def start(self) -> None:
        await self._seat.start()

    async def serve(self) -> None:
        await self._seat.occupy(self._answered, self._died, self._up.set)

    def kill(self) -> None:
        self._seat.kill()

    def _answered(self, _: Process, header: dict[str, Any], body: bytes) -> None:
        answer = self._answers.pop(header["id"])
        if not answer.done():
            answer.set_result((header["ok"], body.decode()))

    def _died(self, process: Process) -> None:
        for message_id in process.held:
            answer = self._answers.pop(message_id)
            if not answer.done():
                answer.set_exception(WorkerDied())

    async def replay(self, name: str, context: bytes) -> tuple[bool, str]:
        """One replay: (True, answer), or (False, exception text). Raises `WorkerDied`."""
        while self._seat.process is None:
            self._up.clear()
            await self._up.wait()
        process = self._seat.process
        self._count += 1
        answer: asyncio.Future[tuple[bool, str]] = asyncio.get_running_loop().create_future()
        self._answers[self._count] = answer
        process.send({"kind": "episode", "id": self._count, "name": name}, context)
        return await answer


class ActivityPool:
    """The activity workers. At least once: what a dead worker held is handed back for another delivery."""

    def __init__(
        self,
        options: WorkerOptions,
        workers: int,
        twice_every: int,
        answered: Callable[[int, bool, str], None],
        lost: Callable[[list[int]], None],
        free: Callable[[], None],
    ) -> None:
        self._tell_free = free
        self._concurrency = options.concurrency
        self._seats = [_Seat(options) for _ in range(workers)]
        self._twice_every = twice_every
        self._tell_answered = answered
        self._tell_lost = lost

    @property
    def pids(self) -> list[int]:
        return [seat.process.pid for seat in self._seats if seat.process]

    @property
    def busy(self) -> bool:
        return any(seat.process.held for seat in self._seats if seat.process)

    def slots(self) -> int:
        """How many more activities the workers take now."""
        return sum(max(0, self._concurrency - len(process.held)) for process in self._awake())

    def _awake(self) -> list[Process]:
        return [s.process for s in self._seats if s.process and not s.process.frozen]

    async def start(self) -> None:
        await asyncio.gather(*(seat.start() for seat in self._seats))

    async def serve(self) -> None:
        async with asyncio.TaskGroup() as seats:
            for seat in self._seats:
                seats.create_task(seat.occupy(self._answered, self._died, self._tell_free))

    def kill(self) -> None:
        for seat in self._seats:
            seat.kill()

    def dispatch(self, work: Work) -> None:
        """Gives work to the least busy worker; to two of them when it is its turn to be delivered twice."""
        alive = sorted(self._awake(), key=lambda process: len(process.held))
        if not alive:  # all died, or froze, since the lease
            self._tell_lost([work.id])
            return
        twice = self._twice_every and work.id % self._twice_every == 0 and work.attempts == 1
        for process in alive[: 2 if twice else 1]:
            process.send({"kind": "activity", "id": work.id, "name": work.name}, work.input.encode())

    def freeze(self, activity: str, seconds: float) -> int | None:
        """Stops a worker that runs such an activity, wherever it is in it, and gives all it holds to another.

        After `seconds` it goes on where it was, as after a suspended virtual machine: blob leases may have run out
        meanwhile. Returns its process id; None when no worker runs such an activity, or there is no other worker.
        """
        holders = [p for p in self._awake() if any(h["name"] == activity for h, _ in p.held.values())]
        others = [process for process in self._awake() if process is not holders[0]] if holders else []
        if not others:
            return None
        process = holders[0]
        process.frozen = True
        process.popen.send_signal(signal.SIGSTOP)
        log.info("worker process %d is frozen for %g s", process.pid, seconds)
        asyncio.get_running_loop().call_later(seconds, self._thaw, process)
        for number, (header, body) in list(process.held.items()):
            least = min(others, key=lambda other: len(other.held))
            if not any(number in other.held for other in others):
                least.send(header, body)
        return process.pid

    def _thaw(self, process: Process) -> None:
        if process.popen.poll() is None:
            process.popen.send_signal(signal.SIGCONT)
        process.frozen = False
        self._tell_free()

    def _answered(self, _: Process, header: dict[str, Any], body: bytes) -> None:
        self._tell_answered(header["id"], header["ok"], body.decode())

    def _died(self, process: Process) -> None:
        elsewhere = set[int]().union(*(s.process.held for s in self._seats if s.process))
        self._tell_lost(sorted(process.held.keys() - elsewhere))
