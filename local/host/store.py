"""Durable state in one SQLite file: instances, history, inbox (messages and timers), work (activities).

Every method is one transaction, and all of them run on one thread (`AsyncStore`), so nothing here is ever
seen half done: after a kill the state is that of the last commit.
"""

import asyncio
import fcntl
import os
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

import orjson

from local.host import events
from local.host.episode import MAX_PAYLOAD, Episode, Outcome, Parent
from local.host.events import Event
from local.host.records import ENDED, SCHEMA, Completion, Effects, InstanceExists, StoreBusy, Work
from local.host.replay import Decision

P = ParamSpec("P")
R = TypeVar("R")

UNLIMITED = 2**31


def now_us() -> int:
    """The host's clock: microseconds since the epoch."""
    return time.time_ns() // 1000


class Store:
    """The database. Not thread safe: one thread at a time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise StoreBusy(f"another host is using {path}") from error
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=NORMAL")  # survives a killed process; enough for one machine
        self.db.executescript(SCHEMA)
        # The lock says that whoever leased these is gone.
        self.db.execute("UPDATE work SET leased_at = NULL WHERE leased_at IS NOT NULL")

    def close(self) -> None:
        self.db.close()
        os.close(self._lock)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield self.db
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    # -- instances ---------------------------------------------------------------------------------

    def create(self, name: str, instance_id: str, token: str, now: int) -> None:
        """Starts an instance; `token` is the JSON text of its input. Raises `InstanceExists`."""
        with self.transaction() as db:
            status = self._status(instance_id)
            if status is not None and status not in ENDED:
                raise InstanceExists(status)
            self._insert(db, name, instance_id, token, now, None)

    def _status(self, instance_id: str) -> str | None:
        row = self.db.execute("SELECT status FROM instances WHERE id = ?", (instance_id,)).fetchone()
        return None if row is None else str(row[0])

    def _insert(
        self, db: sqlite3.Connection, name: str, instance_id: str, token: str, now: int, parent: Parent | None
    ) -> None:
        self.forget(db, instance_id)
        execution_id = uuid.uuid4().hex
        db.execute(
            "INSERT INTO instances (id, name, execution_id, status, input, parent_id, parent_execution_id,"
            " parent_task_id, created, updated) VALUES (?, ?, ?, 'Pending', ?, ?, ?, ?, ?, ?)",
            (
                instance_id,
                name,
                execution_id,
                token,
                parent and parent.instance_id,
                parent and parent.execution_id,
                parent and parent.task_id,
                now,
                now,
            ),
        )
        self._post_start(db, name, instance_id, execution_id, token, now)

    def _post_start(
        self, db: sqlite3.Connection, name: str, instance_id: str, execution_id: str, token: str, now: int
    ) -> None:
        started = events.make(
            events.EXECUTION_STARTED,
            now,
            name=name,
            Name=name,
            Version="",
            Input=token,
            Tags=None,
            OrchestrationInstance={"InstanceId": instance_id, "ExecutionId": execution_id},
        )
        self._post(db, instance_id, execution_id, started, 0)

    @staticmethod
    def forget(db: sqlite3.Connection, instance_id: str) -> None:
        """Removes every row of an instance but its work, which runs to its end as it does on Azure."""
        for table, column in (("instances", "id"), ("history", "instance_id"), ("inbox", "instance_id")):
            db.execute(f"DELETE FROM {table} WHERE {column} = ?", (instance_id,))

    @staticmethod
    def _post(db: sqlite3.Connection, instance_id: str, execution_id: str, event: Event, visible_at: int) -> bool:
        """Adds a message; False when the same completion is there already."""
        done = db.execute(
            "INSERT OR IGNORE INTO inbox (instance_id, execution_id, visible_at, kind, ref, at, event)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (instance_id, execution_id, visible_at, event.kind, event.ref, event.at, event.text),
        )
        return done.rowcount > 0

    # -- episodes ----------------------------------------------------------------------------------

    def load_episode(self, instance_id: str, limit: int, now: int) -> Episode | None:
        """The next replay of an instance, with at most `limit` due messages; None when there is none to do."""
        row = self.db.execute(
            "SELECT execution_id, name, input, parent_id, parent_execution_id, parent_task_id, status, suspended"
            " FROM instances WHERE id = ?",
            (instance_id,),
        ).fetchone()
        if row is None or row[6] in ENDED or row[7]:
            return None
        execution_id: str = row[0]
        waiting = self.db.execute(
            "SELECT seq, execution_id, kind, ref, at, event FROM inbox WHERE instance_id = ? AND visible_at <= ?"
            " ORDER BY seq LIMIT ?",
            (instance_id, now, limit + 1),
        ).fetchall()
        if not waiting:
            return None
        history = [
            Event(*fields)
            for fields in self.db.execute(
                "SELECT kind, ref, name, at, event FROM history WHERE instance_id = ? ORDER BY ordinal", (instance_id,)
            )
        ]
        seen = {event.ref for event in history if event.kind in events.COMPLETIONS}
        arrived = [events.make(events.ORCHESTRATOR_STARTED, max(now, history[-1].at if history else now))]
        for _, execution, kind, ref, at, text in waiting[:limit]:
            if execution == execution_id and not (kind in events.COMPLETIONS and ref in seen):
                arrived.append(Event(kind, ref, "", at, text))
                seen.add(ref)
        consumed = [message[0] for message in waiting[:limit]]
        if len(arrived) == 1:  # nothing but repeats and messages to an execution that is over
            self._drop(self.db, consumed)
            return None
        parent = None if row[3] is None else Parent(row[3], row[4], row[5])
        more = len(waiting) > limit
        return Episode(instance_id, execution_id, row[1], row[2], parent, history, arrived, consumed, more)

    @staticmethod
    def _drop(db: sqlite3.Connection, seqs: Sequence[int]) -> None:
        db.executemany("DELETE FROM inbox WHERE seq = ?", [(seq,) for seq in seqs])

    def commit_episode(self, episode: Episode, outcome: Outcome, now: int) -> Effects:
        """Everything an episode changes, in one transaction; nothing when it was overtaken by a terminate."""
        effects = Effects()
        with self.transaction() as db:
            row = db.execute(
                "SELECT execution_id, status FROM instances WHERE id = ?", (episode.instance_id,)
            ).fetchone()
            if row is None or row[0] != episode.execution_id or row[1] in ENDED:
                return effects
            self._drop(db, episode.consumed)
            first = len(episode.history)
            db.executemany(
                "INSERT INTO history (instance_id, ordinal, kind, ref, name, at, event) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (episode.instance_id, first + i, e.kind, e.ref, e.name, e.at, e.text)
                    for i, e in enumerate([*episode.arrived, *outcome.events])
                ],
            )
            db.execute(
                "UPDATE instances SET status = ?, output = ?, custom_status = COALESCE(?, custom_status), updated = ?"
                " WHERE id = ?",
                (outcome.status, outcome.output, outcome.custom_status, now, episode.instance_id),
            )
            self._send(db, episode, outcome, now, effects)
            if outcome.status in ENDED:
                db.execute("DELETE FROM inbox WHERE instance_id = ?", (episode.instance_id,))
                self.tell_parent(db, episode.parent, outcome, now, effects)
            elif outcome.continue_with is not None:
                self._start_over(db, episode, outcome.continue_with, now)
                effects.wake.add(episode.instance_id)
        return effects

    def _send(self, db: sqlite3.Connection, episode: Episode, outcome: Outcome, now: int, effects: Effects) -> None:
        if outcome.activities:
            db.executemany(
                "INSERT INTO work (instance_id, execution_id, task_id, name, input) VALUES (?, ?, ?, ?, ?)",
                [(episode.instance_id, episode.execution_id, d.task_id, d.name, d.input) for d in outcome.activities],
            )
            effects.work = True
        for timer in outcome.timers:
            fired = events.make(
                events.TIMER_FIRED,
                timer.fire_at,
                ref=timer.task_id,
                TimerId=timer.task_id,
                FireAt=events.stamp(timer.fire_at),
            )
            self._post(db, episode.instance_id, episode.execution_id, fired, timer.fire_at)
            effects.next_timer = min(timer.fire_at, effects.next_timer or timer.fire_at)
        if outcome.cancelled_timers:
            db.executemany(
                "DELETE FROM inbox WHERE instance_id = ? AND execution_id = ? AND ref = ? AND kind = ?",
                [
                    (episode.instance_id, episode.execution_id, task_id, events.TIMER_FIRED)
                    for task_id in outcome.cancelled_timers
                ],
            )
        for child in outcome.children:
            self._start_child(db, episode, child, now, effects)

    def _start_child(
        self, db: sqlite3.Connection, episode: Episode, child: Decision, now: int, effects: Effects
    ) -> None:
        assert child.instance_id is not None
        parent = Parent(episode.instance_id, episode.execution_id, child.task_id)
        status = self._status(child.instance_id)
        if status is not None and status not in ENDED:
            # On Azure the message would be lost and the parent would wait for ever: better to say so.
            text = f"instance '{child.instance_id}' is {status} already; give sub-orchestrations unique ids"
            refused = Outcome(status="Failed", output=None, error=text)
            self.tell_parent(db, parent, refused, now, effects)
            return
        # The SDK takes an input that is JSON text in a string, as the client sends it.
        token = orjson.dumps(child.input).decode()
        self._insert(db, child.name, child.instance_id, token, now, parent)
        effects.wake.add(child.instance_id)

    def tell_parent(
        self, db: sqlite3.Connection, parent: Parent | None, outcome: Outcome, now: int, effects: Effects
    ) -> None:
        if parent is None:
            return
        if outcome.status == "Completed":
            event = events.completed(events.SUB_COMPLETED, parent.task_id, now, Result=outcome.output)
        else:
            reason = orjson.loads(outcome.output) if outcome.output else outcome.error
            event = events.completed(
                events.SUB_FAILED, parent.task_id, now, Reason=reason, Details=f"Message: {outcome.error or reason}"
            )
        if self._awaits(db, parent.instance_id, parent.execution_id) and self._post(
            db, parent.instance_id, parent.execution_id, event, 0
        ):
            effects.wake.add(parent.instance_id)

    @staticmethod
    def _awaits(db: sqlite3.Connection, instance_id: str, execution_id: str) -> bool:
        row = db.execute("SELECT execution_id, status FROM instances WHERE id = ?", (instance_id,)).fetchone()
        return row is not None and row[0] == execution_id and row[1] not in ENDED

    def _start_over(self, db: sqlite3.Connection, episode: Episode, token: str, now: int) -> None:
        """Continue-as-new: a new execution with an empty history; unprocessed messages are lost, as in Azure."""
        execution_id = uuid.uuid4().hex
        db.execute("DELETE FROM history WHERE instance_id = ?", (episode.instance_id,))
        db.execute("DELETE FROM inbox WHERE instance_id = ?", (episode.instance_id,))
        db.execute(
            "UPDATE instances SET execution_id = ?, input = ? WHERE id = ?",
            (execution_id, token, episode.instance_id),
        )
        self._post_start(db, episode.name, episode.instance_id, execution_id, token, now)

    # -- work --------------------------------------------------------------------------------------

    def settle(self, completions: Sequence[Completion], slots: int, now: int) -> tuple[Effects, list[Work]]:
        """Records ended activities and leases up to `slots` new ones; returns the effects and the leases.

        A completion of work that is gone (a second delivery) or of an execution that is over changes nothing.
        """
        effects = Effects()
        with self.transaction() as db:
            for done in completions:
                row = db.execute(
                    "DELETE FROM work WHERE id = ? RETURNING instance_id, execution_id, task_id, name", (done.work_id,)
                ).fetchone()
                if row is None or not self._awaits(db, row[0], row[1]):
                    continue
                if done.ok:
                    event = events.completed(events.TASK_COMPLETED, row[2], now, Result=done.text)
                else:
                    reason = f"Activity function '{row[3]}' failed:  {done.text}"
                    event = events.completed(events.TASK_FAILED, row[2], now, Reason=reason, Details="")
                if self._post(db, row[0], row[1], event, 0):
                    effects.wake.add(row[0])
                    if len(done.text) > MAX_PAYLOAD:
                        effects.large.append(row[3])
            leased = db.execute(
                "UPDATE work SET leased_at = ?, attempts = attempts + 1 WHERE id IN"
                " (SELECT id FROM work WHERE leased_at IS NULL ORDER BY id LIMIT ?)"
                " RETURNING id, instance_id, name, input, attempts, deaths",
                (now, slots),
            ).fetchall()
        return effects, sorted((Work(*row) for row in leased), key=lambda work: work.id)

    def release(self, work_ids: Sequence[int]) -> None:
        """Gives back the work of a worker that died."""
        with self.transaction() as db:
            db.executemany(
                "UPDATE work SET leased_at = NULL, deaths = deaths + 1 WHERE id = ?", [(i,) for i in work_ids]
            )

    # -- time --------------------------------------------------------------------------------------

    def due(self, after: int, now: int) -> tuple[list[str], int | None]:
        """Instances with messages that became visible after `after` and by `now`, and when the next one does."""
        ids = self.db.execute(
            "SELECT DISTINCT instance_id FROM inbox WHERE visible_at > ? AND visible_at <= ?", (after, now)
        ).fetchall()
        following = self.db.execute("SELECT min(visible_at) FROM inbox WHERE visible_at > ?", (now,)).fetchone()
        return [row[0] for row in ids], following[0]

    def timer_state(self, name: str) -> tuple[int | None, int | None]:
        """When a timer trigger ran last, and when it was to run next."""
        row = self.db.execute("SELECT last, next FROM timer_triggers WHERE name = ?", (name,)).fetchone()
        return (None, None) if row is None else (row[0], row[1])

    def save_timer_state(self, name: str, last: int | None, following: int) -> None:
        self.db.execute("INSERT OR REPLACE INTO timer_triggers VALUES (?, ?, ?)", (name, last, following))


class AsyncStore:
    """The store behind its one thread."""

    def __init__(self, path: Path) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self.store = self._thread.submit(Store, path).result()

    async def call(self, method: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs one of the store's methods on its thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: method(*args, **kwargs))

    def close(self) -> None:
        self._thread.submit(self.store.close).result()
        self._thread.shutdown()
