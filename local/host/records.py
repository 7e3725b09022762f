"""What the store holds and hands out: the tables, pieces of work, and the effects of a transaction."""

from dataclasses import dataclass, field

ENDED = ("Completed", "Failed", "Terminated")

SCHEMA = """
CREATE TABLE IF NOT EXISTS instances (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, execution_id TEXT NOT NULL, status TEXT NOT NULL,
    suspended INTEGER NOT NULL DEFAULT 0, input TEXT NOT NULL, output TEXT, custom_status TEXT,
    parent_id TEXT, parent_execution_id TEXT, parent_task_id INTEGER,
    created INTEGER NOT NULL, updated INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS instances_created ON instances (created);
CREATE TABLE IF NOT EXISTS history (
    instance_id TEXT NOT NULL, ordinal INTEGER NOT NULL, kind INTEGER NOT NULL, ref INTEGER NOT NULL,
    name TEXT NOT NULL, at INTEGER NOT NULL, event TEXT NOT NULL,
    PRIMARY KEY (instance_id, ordinal)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS inbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, instance_id TEXT NOT NULL, execution_id TEXT NOT NULL,
    visible_at INTEGER NOT NULL, kind INTEGER NOT NULL, ref INTEGER NOT NULL, at INTEGER NOT NULL,
    event TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS inbox_instance ON inbox (instance_id, visible_at);
CREATE INDEX IF NOT EXISTS inbox_due ON inbox (visible_at);
CREATE UNIQUE INDEX IF NOT EXISTS inbox_once ON inbox (instance_id, execution_id, ref) WHERE ref >= 0;
CREATE TABLE IF NOT EXISTS work (
    id INTEGER PRIMARY KEY AUTOINCREMENT, instance_id TEXT NOT NULL, execution_id TEXT NOT NULL,
    task_id INTEGER NOT NULL, name TEXT NOT NULL, input TEXT,
    leased_at INTEGER, attempts INTEGER NOT NULL DEFAULT 0, deaths INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS work_free ON work (id) WHERE leased_at IS NULL;
CREATE TABLE IF NOT EXISTS timer_triggers (name TEXT PRIMARY KEY, last INTEGER, next INTEGER) WITHOUT ROWID;
"""


class StoreBusy(Exception):
    """Another host has the database open."""


class InstanceExists(Exception):
    """The id belongs to an instance that has not ended. `status` is its status."""

    def __init__(self, status: str) -> None:
        super().__init__(f"An Orchestration instance with the status {status} already exists.")
        self.status = status


@dataclass(frozen=True, slots=True)
class Work:
    """A leased activity; `attempts` counts its deliveries, `deaths` the workers that died under it."""

    id: int
    instance_id: str
    name: str
    input: str
    attempts: int
    deaths: int


@dataclass(frozen=True, slots=True)
class Completion:
    """The end of a piece of work: its result as JSON text, or "type: message" of what it raised."""

    work_id: int
    ok: bool
    text: str


@dataclass(slots=True)
class Effects:
    """What the engine has to look at after a transaction."""

    wake: set[str] = field(default_factory=set)
    work: bool = False
    large: list[str] = field(default_factory=list)  # activities whose result is over the size of a message
    next_timer: int | None = None
