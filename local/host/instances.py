"""Questions about instances, and what a client may do to them: terminate, suspend, resume, purge."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from local.host import events
from local.host.episode import Outcome, Parent
from local.host.records import ENDED, Effects
from local.host.store import Store

PAGE = 100  # instances on a page of a listing, as in Azure

_COLUMNS = "id, name, status, suspended, input, output, custom_status, created, updated"


@dataclass(frozen=True, slots=True)
class Status:
    """An instance as a client sees it; input, output and custom status are JSON text."""

    id: str
    name: str
    status: str
    suspended: bool
    input: str
    output: str | None
    custom_status: str | None
    created: int
    updated: int

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    def document(self, show_input: bool) -> dict[str, Any]:
        """The body of a status answer."""
        return {
            "name": self.name,
            "instanceId": self.id,
            "runtimeStatus": "Suspended" if self.suspended and not self.ended else self.status,
            "input": orjson.loads(self.input) if show_input else None,
            "customStatus": orjson.loads(self.custom_status) if self.custom_status else None,
            "output": orjson.loads(self.output) if self.output else None,
            "createdTime": events.stamp(self.created)[:19] + "Z",
            "lastUpdatedTime": events.stamp(self.updated)[:19] + "Z",
        }


@dataclass(frozen=True, slots=True)
class Filter:
    """Which instances: created within [since, until] (µs), of these statuses, with this prefix of the id."""

    since: int | None = None
    until: int | None = None
    statuses: Sequence[str] = ()
    prefix: str = ""

    def sql(self) -> tuple[str, list[Any]]:
        terms, values = ["1"], list[Any]()
        if self.since is not None:
            terms.append("created >= ?")
            values.append(self.since)
        if self.until is not None:
            terms.append("created <= ?")
            values.append(self.until)
        if self.prefix:
            terms.append("substr(id, 1, ?) = ?")
            values += [len(self.prefix), self.prefix]
        if self.statuses:
            shown = "CASE WHEN suspended AND status IN ('Pending', 'Running') THEN 'Suspended' ELSE status END"
            terms.append(f"{shown} IN ({','.join('?' * len(self.statuses))})")
            values += self.statuses
        return " AND ".join(terms), values


class Instances:
    """Reads and changes instances; to be called on the store's thread."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def status(self, instance_id: str) -> Status | None:
        row = self._store.db.execute(f"SELECT {_COLUMNS} FROM instances WHERE id = ?", (instance_id,)).fetchone()
        return None if row is None else _status(row)

    def page(self, which: Filter, offset: int, top: int) -> list[Status]:
        where, values = which.sql()
        rows = self._store.db.execute(
            f"SELECT {_COLUMNS} FROM instances WHERE {where} ORDER BY created, id LIMIT ? OFFSET ?",
            (*values, top, offset),
        )
        return [_status(row) for row in rows]

    def history(self, instance_id: str, show_output: bool) -> list[dict[str, Any]]:
        """The digest that `showHistory` gives: completions merged with what scheduled them."""
        scheduled: dict[int, tuple[str, str]] = {}
        digest: list[dict[str, Any]] = []
        for kind, ref, name, at, text in self._store.db.execute(
            "SELECT kind, ref, name, at, event FROM history WHERE instance_id = ? ORDER BY ordinal", (instance_id,)
        ):
            if kind in events.DECISIONS:
                scheduled[ref] = (name, events.stamp(at))
            elif kind == events.EXECUTION_STARTED:
                function = orjson.loads(text)["Name"]
                digest.append(
                    {"EventType": "ExecutionStarted", "Timestamp": events.stamp(at), "FunctionName": function}
                )
            elif kind in _TITLES:
                entry: dict[str, Any] = {"EventType": _TITLES[kind], "Timestamp": events.stamp(at)}
                if ref in scheduled:
                    function, since = scheduled[ref]
                    entry["ScheduledTime"] = since
                    if function:
                        entry["FunctionName"] = function
                body = orjson.loads(text)
                if kind in events.FAILURES:
                    entry["Reason"] = body.get("Reason")
                elif kind == events.TIMER_FIRED:
                    entry["FireAt"] = body["FireAt"]
                elif show_output and body.get("Result") is not None:
                    entry["Result"] = orjson.loads(body["Result"])
                digest.append(entry)
        return digest

    def terminate(self, instance_id: str, reason: str, now: int) -> Effects | None:
        """Ends an instance at once (its activities run on); None when it has ended already."""
        effects = Effects()
        with self._store.transaction() as db:
            row = db.execute(
                "SELECT status, parent_id, parent_execution_id, parent_task_id FROM instances WHERE id = ?",
                (instance_id,),
            ).fetchone()
            if row is None or row[0] in ENDED:
                return None
            output = orjson.dumps(reason).decode()
            db.execute(
                "UPDATE instances SET status = 'Terminated', output = ?, updated = ? WHERE id = ?",
                (output, now, instance_id),
            )
            db.execute("DELETE FROM inbox WHERE instance_id = ?", (instance_id,))
            parent = None if row[1] is None else Parent(row[1], row[2], row[3])
            ended = Outcome(status="Terminated", output=output, error=reason)
            self._store.tell_parent(db, parent, ended, now, effects)
        return effects

    def suspend(self, instance_id: str, suspended: bool, now: int) -> bool:
        """Stops replays of an instance, or lets them go on; False when it has ended."""
        done = self._store.db.execute(
            "UPDATE instances SET suspended = ?, updated = ? WHERE id = ? AND status IN ('Pending', 'Running')",
            (suspended, now, instance_id),
        )
        return done.rowcount > 0

    def purge(self, which: Filter) -> int:
        """Removes ended instances with their history; returns how many."""
        where, values = which.sql()
        with self._store.transaction() as db:
            ids = db.execute(
                f"SELECT id FROM instances WHERE {where} AND status IN ('Completed', 'Failed', 'Terminated')", values
            ).fetchall()
            for (instance_id,) in ids:
                self._store.forget(db, instance_id)
        return len(ids)

    def purge_one(self, instance_id: str) -> int:
        """Removes one ended instance; 0 when there is none."""
        status = self.status(instance_id)
        if status is None or not status.ended:
            return 0
        with self._store.transaction() as db:
            self._store.forget(db, instance_id)
        return 1


_TITLES = {
    events.TASK_COMPLETED: "TaskCompleted",
    events.TASK_FAILED: "TaskFailed",
    events.SUB_COMPLETED: "SubOrchestrationInstanceCompleted",
    events.SUB_FAILED: "SubOrchestrationInstanceFailed",
    events.TIMER_FIRED: "TimerFired",
}


def _status(row: tuple[Any, ...]) -> Status:
    return Status(row[0], row[1], row[2], bool(row[3]), *row[4:])
