"""How far a run is, object by object: what is done, how quickly, and how long the rest will take."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from activities import jobs
from activities.tally import planned_counts
from ledger import migrations, paths
from ledger.states import WRITING, Run, now
from ledger.storage import Storage
from mapping.objects import LOAD_ORDER
from services.preview import planned
from services.steps import instance_of

State = Literal["waiting", "working", "done"]


@dataclass(slots=True)
class ObjectProgress:
    """One object of one run. ``rate`` is in records a second, ``left`` in seconds; None where nothing can be said."""

    name: str
    total: int | None = None
    done: int = 0
    excepted: int = 0
    first: datetime | None = None  #: when its first chunk ended
    last: datetime | None = None
    rate: float | None = None
    left: float | None = None
    state: State = "waiting"


@dataclass(slots=True)
class PartProgress:
    """A run, or a part of a sample's run. ``besides``: excepted records of objects that have no rows of their own."""

    run: Run
    objects: list[ObjectProgress]
    besides: dict[str, int]

    @property
    def done(self) -> int:
        return sum(one.done for one in self.objects)

    @property
    def total(self) -> int | None:
        """Records of all objects; None while one is not counted yet."""
        totals = [one.total for one in self.objects]
        return None if not totals or None in totals else sum(one or 0 for one in totals)


@dataclass(slots=True)
class Progress:
    """A run as a person watches it. ``doing``: what it said it is at."""

    run: Run
    parts: list[PartProgress]
    doing: dict[str, Any]
    rate: float | None
    left: float | None


async def progress_of(store: Storage, client: Any, run: Run) -> Progress:
    """The progress of a run and of its parts."""
    runs = [run]
    if run.kind == "sample":
        runs += [one for one in await migrations.list_runs(store, run.migration) if one.parent == run.id]
    parts = [PartProgress(one, await _objects(store, one), _besides(one)) for one in runs]
    latest = parts[-1]
    elapsed = ((latest.run.ended or now()) - latest.run.started).total_seconds()
    rate = latest.done / elapsed if latest.done and elapsed > 0 else None
    rest = latest.total - latest.done if latest.total is not None else None
    left = rest / rate if rate and rest is not None and run.state == "running" else None
    return Progress(run, [one for one in parts if one.objects], await _doing(client, run), rate, left)


async def _doing(client: Any, run: Run) -> dict[str, Any]:
    """What the orchestration said last: its phase and object."""
    if run.state != "running":
        return {}
    status = await client.get_status(instance_of(run))
    said = status.custom_status if status else None
    return said if isinstance(said, dict) else {}


def _besides(run: Run) -> dict[str, int]:
    """What an ended load excepted of staff, custom properties and claims: its message counts them, too."""
    others = {name: one.get("excepted", 0) for name, one in run.counts.items() if name not in LOAD_ORDER}
    return {name: excepted for name, excepted in others.items() if excepted}


async def _objects(store: Storage, run: Run) -> list[ObjectProgress]:
    found = {name: ObjectProgress(name, total) for name, total in (await _totals(store, run)).items()}
    for name, one in found.items():
        if run.kind in WRITING and (counts := await planned_counts(store, run.migration, run.id, name)):
            one.excepted = counts[1]
    prefix = paths.work(run.migration, run.id, "ended/")
    # Links, states and the read-back come to the same records again.
    again_labels = ("link-", "state-") if run.kind == "verify" else ("link-", "state-", "verify-")
    for blob in await store.listing("staging", prefix):
        name, chunk, said = blob.name.removeprefix(prefix).split("/")
        done, excepted, *_ = said.split("-")
        one = found.setdefault(name, ObjectProgress(name))
        if not any(again in chunk for again in again_labels):
            one.done += int(done)
        one.excepted += int(excepted)
        if blob.changed:
            one.first = min(one.first or blob.changed, blob.changed)
            one.last = max(one.last or blob.changed, blob.changed)
    _judge(list(found.values()), run)
    order = LOAD_ORDER if run.kind not in ("rollback", "undo") else LOAD_ORDER[::-1]
    return [found[name] for name in order if name in found]


def _judge(objects: list[ObjectProgress], run: Run) -> None:
    """Rates and times left: an object starts when the one before it ended."""
    start = run.started
    for one in sorted((o for o in objects if o.first), key=lambda o: o.first or run.started):
        assert one.last is not None
        spent = (one.last - start).total_seconds()
        one.rate = one.done / spent if spent > 0 else None
        start = max(start, one.last)
        one.state = "working" if run.state == "running" and one.total != one.done else "done"
        if one.state == "working" and one.rate and one.total:
            one.left = max(0.0, (one.total - one.done) / one.rate)
    for one in objects:
        if one.total == 0 or run.state == "done":
            one.state = "done"
            one.total = one.done if one.total is None else one.total


async def _totals(store: Storage, run: Run) -> dict[str, int | None]:
    """Records that each object of the run has to do, where that is known."""
    match run.kind:
        case "migrate" | "delta" | "retry" | "sample":
            if run.kind == "sample" and run.parent is None:
                return {}
            names = await jobs.written_objects(store, await migrations.load(store, run.migration))
            plans = {name: await planned_counts(store, run.migration, run.id, name) for name in names}
            return {name: plan[0] if plan else None for name, plan in plans.items()}
        case "verify":
            tally = await jobs.optional_document(store, run.migration, "tally.json", {})
            return {name: tally[name]["migrated"] for name in LOAD_ORDER if name in tally}
        case "rollback" if run.state == "running":
            which, force = str(run.options.get("runs", "all")), bool(run.options.get("force"))
            counts = (await planned(store, run.migration, which, force=force))["objects"]
            return {name: sum(one.values()) for name, one in counts.items()}
        case _:
            return {}
