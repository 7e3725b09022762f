"""The engine: wakes orchestrations, replays them, hands out activities. Everything it decides is in the store.

It is driven by events (a message arrived, a worker is free, a timer is due) and never polls.
"""

import asyncio
import logging
import os
import re
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.host import events
from local.host.episode import MAX_PAYLOAD, Episode, Outcome, conclude, failure
from local.host.instances import Instances
from local.host.load import App
from local.host.pool import ActivityPool, ReplayProcess, WorkerDied, WorkerOptions
from local.host.records import Completion, Effects
from local.host.replay import Names
from local.host.store import UNLIMITED, AsyncStore, now_us

log = logging.getLogger("local.host.engine")

PARALLEL_REPLAYS = 4  # loaded, replayed and committed beside each other; the replay process takes them in turn
MAX_DEATHS = 5  # an activity or replay that kills its process this often has failed


@dataclass(frozen=True)
class EngineOptions:
    """The engine's settings. `completions`: how many messages one replay consumes (Azure Storage: up to 32)."""

    app: Path
    db: Path
    client: str
    workers: int = 2
    concurrency: int = 8
    completions: int = UNLIMITED
    twice_every: int = 0


class UnknownOrchestrator(Exception):
    """No orchestrator of that name."""


class BadInstanceId(Exception):
    """An id that Azure refuses."""


class Engine:
    """Drives instances from their start to their end."""

    def __init__(self, app: App, options: EngineOptions) -> None:
        self._names = Names(app.activities, app.orchestrators)
        self._orchestrators = app.orchestrators
        self._limit = options.completions
        workers = WorkerOptions(options.app, options.client, options.concurrency)
        self._replays = ReplayProcess(workers)
        self._pool = ActivityPool(
            workers, options.workers, options.twice_every, self._activity_ended, self._work_lost, self._look_for_work
        )
        self.store = AsyncStore(options.db)
        self.instances = Instances(self.store.store)
        self._busy: dict[str, bool] = {}  # instances in an episode; True: look again afterwards
        self._slots = asyncio.Semaphore(PARALLEL_REPLAYS)
        self._completions: list[Completion] = []
        self._work = asyncio.Event()
        self._timers = asyncio.Event()
        self._looked = -1  # messages that became visible up to then have been noticed
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: asyncio.Future[None] | None = None
        self._stopping = False

    # -- life --------------------------------------------------------------------------------------

    @property
    def pids(self) -> list[int]:
        return [os.getpid(), *self._replays.pids, *self._pool.pids]

    async def start(self) -> None:
        """Starts the worker processes. Raises (in a group) `WorkerFailed`."""
        async with asyncio.TaskGroup() as starting:
            starting.create_task(self._replays.start())
            starting.create_task(self._pool.start())

    def run(self) -> None:
        """Goes on where the database stands."""
        self._failed = asyncio.get_running_loop().create_future()
        for body in (self._replays.serve, self._pool.serve, self._clock, self._pump):
            self._spawn(body())
        self._work.set()

    async def failed(self) -> None:
        """Waits; raises when a part of the engine has failed and the host has to end."""
        assert self._failed is not None
        await self._failed

    async def stop(self, grace: float) -> None:
        """Ends: no new work, `grace` seconds for activities that run, then the processes are killed.

        What is cut off is delivered again at the next start.
        """
        self._stopping = True
        try:
            async with asyncio.timeout(grace):
                while self._pool.busy or self._completions:  # noqa: ASYNC110 - a few rounds, only here
                    await asyncio.sleep(0.02)
        except TimeoutError:
            log.info("activities that still run are cut off; they are delivered again at the next start")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._replays.kill()
        self._pool.kill()
        self.store.close()

    def _spawn(self, body: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(body)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) and self._failed and not self._failed.done():
            self._failed.set_exception(error)

    # -- what clients ask for ----------------------------------------------------------------------

    async def start_instance(self, name: str, instance_id: str | None, token: str) -> str:
        """Starts an orchestration with the JSON text `token` as its input; returns the instance's id.

        Raises `UnknownOrchestrator`, `BadInstanceId`, `store.InstanceExists`.
        """
        if name.lower() not in self._orchestrators:
            known = ", ".join(f"'{n}'" for n in sorted(self._orchestrators))
            raise UnknownOrchestrator(
                f"The function '{name}' doesn't exist, is disabled, or is not an orchestrator function. "
                f"Additional info: the known orchestrator functions are: {known}."
            )
        instance_id = instance_id or uuid.uuid4().hex
        if len(instance_id) > 256 or instance_id.startswith("@") or re.search(r"[/\\#?\x00-\x1f\x7f]", instance_id):
            raise BadInstanceId("Instance IDs have up to 256 characters, no / \\ # ? and no leading @")
        if len(token) > MAX_PAYLOAD:
            log.warning("orchestration %s is started with over %d bytes: pass a reference", name, MAX_PAYLOAD)
        await self.store.call(self.store.store.create, name, instance_id, token, now_us())
        self._wake(instance_id)
        return instance_id

    async def terminate(self, instance_id: str, reason: str) -> bool:
        """Ends an instance at once; False when it has ended already."""
        effects = await self.store.call(self.instances.terminate, instance_id, reason, now_us())
        if effects is None:
            return False
        self._heed(effects)
        return True

    async def suspend(self, instance_id: str, suspended: bool) -> bool:
        """Suspends or resumes an instance; False when it has ended already."""
        done = await self.store.call(self.instances.suspend, instance_id, suspended, now_us())
        if done and not suspended:
            self._wake(instance_id)
        return done

    def freeze(self, activity: str, seconds: float) -> int | None:
        """Freezes a worker in the middle of such an activity (see `ActivityPool.freeze`)."""
        pid = self._pool.freeze(activity, seconds)
        self._work.set()
        return pid

    # -- orchestrations ----------------------------------------------------------------------------

    def _wake(self, instance_id: str) -> None:
        if self._stopping:
            return
        if instance_id in self._busy:
            self._busy[instance_id] = True
            return
        self._busy[instance_id] = False
        self._spawn(self._drive(instance_id))

    def _heed(self, effects: Effects) -> None:
        for instance_id in effects.wake:
            self._wake(instance_id)
        if effects.work:
            self._work.set()
        if effects.next_timer is not None:
            self._looked = min(self._looked, effects.next_timer - 1)
            self._timers.set()

    async def _drive(self, instance_id: str) -> None:
        """Episodes of one instance, one after the other, until nothing is due."""
        try:
            deaths = 0
            while not self._stopping:
                self._busy[instance_id] = False
                async with self._slots:
                    episode = await self.store.call(self.store.store.load_episode, instance_id, self._limit, now_us())
                    if episode is not None:
                        outcome = await self._replay(episode, deaths)
                        if outcome is None:
                            deaths += 1
                            continue
                        self._heed(await self.store.call(self.store.store.commit_episode, episode, outcome, now_us()))
                        self._report(episode, outcome)
                if not self._busy[instance_id] and not (episode and episode.more):
                    return
        finally:
            del self._busy[instance_id]

    async def _replay(self, episode: Episode, deaths: int) -> Outcome | None:
        if episode.name.lower() not in self._orchestrators:
            return failure(episode, f"the app has no orchestrator function '{episode.name}' any more")
        if deaths >= MAX_DEATHS:
            return failure(episode, f"the process that replays it died {deaths} times")
        try:
            ok, answer = await self._replays.replay(episode.name, episode.context())
        except WorkerDied:
            return None
        try:
            return await self.store.call(conclude, episode, ok, answer, self._names, now_us())
        except (KeyError, TypeError, ValueError) as error:
            log.exception("the answer of orchestration %s cannot be read", episode.name)
            return failure(episode, f"the SDK's answer cannot be read: {type(error).__name__}")

    def _report(self, episode: Episode, outcome: Outcome) -> None:
        for warning in outcome.warnings:
            log.warning("%s (instance %s)", warning, episode.instance_id)
        if outcome.status != "Running":
            level = logging.ERROR if outcome.status == "Failed" else logging.INFO
            log.log(level, "orchestration %s (instance %s): %s", episode.name, episode.instance_id, outcome.status)

    # -- activities --------------------------------------------------------------------------------

    def _activity_ended(self, work_id: int, ok: bool, text: str) -> None:
        self._completions.append(Completion(work_id, ok, text))
        self._work.set()

    def _look_for_work(self) -> None:
        self._work.set()

    def _work_lost(self, work_ids: list[int]) -> None:
        async def give_back() -> None:
            await self.store.call(self.store.store.release, work_ids)
            self._work.set()

        self._spawn(give_back())

    async def _pump(self) -> None:
        """Settles what has ended and fills the free slots: one transaction a round, however much there is."""
        while True:
            await self._work.wait()
            self._work.clear()
            ended, self._completions = self._completions, []
            slots = 0 if self._stopping else self._pool.slots()
            effects, leased = await self.store.call(self.store.store.settle, ended, slots, now_us())
            for work in leased:
                if work.deaths >= MAX_DEATHS:
                    self._activity_ended(work.id, False, f"the worker process died {work.deaths} times")
                else:
                    self._pool.dispatch(work)
            self._heed(effects)
            for name in effects.large:
                log.warning(
                    "activity %s returned over %d bytes, which go through a blob on Azure: return a reference",
                    name,
                    MAX_PAYLOAD,
                )

    # -- time --------------------------------------------------------------------------------------

    async def _clock(self) -> None:
        """Wakes instances whose messages have become due; the first round finds all that a stopped host left."""
        while True:
            self._timers.clear()
            after, self._looked = self._looked, now_us()
            due, following = await self.store.call(self.store.store.due, after, self._looked)
            for instance_id in due:
                self._wake(instance_id)
            await _wait(self._timers, None if following is None else (following - now_us()) / events.MICROSECONDS)


async def _wait(event: asyncio.Event, seconds: float | None) -> None:
    try:
        async with asyncio.timeout(seconds if seconds is None else max(0.0, seconds)):
            await event.wait()
    except TimeoutError:
        pass
