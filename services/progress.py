"""How far a run is, object by object: what is done, how quickly, how long the rest will take, and what holds it back."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from activities import jobs
from activities.tally import planned_counts
from ledger import migrations, paths
from ledger.states import UNDOING, WRITING, Run, now
from ledger.storage import Storage
from mapping.objects import LOAD_ORDER
from services.pauses import HeldBack, held_back
from services.preview import planned
from services.steps import instance_of

State = Literal["waiting", "working", "done"]

#: Seconds that the rest will take, at the least and at the most.
Band = tuple[float, float]


@dataclass(slots=True)
class ObjectProgress:
    """One object of one run. ``rate`` is in records a second; None where nothing can be said."""

    name: str
    total: int | None = None
    done: int = 0
    excepted: int = 0
    ends: list[tuple[datetime, int]] = field(default_factory=list)  #: of its chunks: when, and the records of each
    rate: float | None = None
    left: Band | None = None
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
    left: Band | None
    held: HeldBack | None  #: by Dynamics, at this moment


async def progress_of(store: Storage, client: Any, run: Run) -> Progress:
    """The progress of a run and of its parts."""
    runs = [run]
    if run.kind == "sample":
        runs += [one for one in await migrations.list_runs(store, run.migration) if one.parent == run.id]
    parts = [PartProgress(one, await _objects(store, one), _besides(one)) for one in runs]
    latest = parts[-1]
    begun, until = latest.run.started, latest.run.ended or now()
    elapsed = (until - begun).total_seconds()
    rate = latest.done / elapsed if latest.done and elapsed > 0 else None
    left = None
    if latest.total is not None and run.state == "running":
        left = _left([end for one in latest.objects for end in one.ends], begun, until, latest.total - latest.done)
    held = await held_back(store, run)
    return Progress(run, [one for one in parts if one.objects], await _doing(client, run), rate, left, held)


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
        again = any(label in chunk for label in again_labels)
        one.done += 0 if again else int(done)
        one.excepted += int(excepted)
        if blob.changed:
            one.ends.append((blob.changed, 0 if again else int(done)))
    _judge(list(found.values()), run)
    order = LOAD_ORDER if run.kind not in ("rollback", "undo") else LOAD_ORDER[::-1]
    return [found[name] for name in order if name in found]


def _judge(objects: list[ObjectProgress], run: Run) -> None:
    """Rates and times left: an object starts when the one before it ended."""
    start = run.started
    for one in sorted((o for o in objects if o.ends), key=lambda o: min(o.ends)):
        last = max(moment for moment, _ in one.ends)
        spent = (last - start).total_seconds()
        one.rate = one.done / spent if spent > 0 else None
        one.state = "working" if run.state == "running" and one.total != one.done else "done"
        if one.state == "working" and one.total:
            one.left = _left(one.ends, start, now(), one.total - one.done)
        start = max(start, last)
    for one in objects:
        if one.total == 0 or run.state == "done":
            one.state = "done"
            one.total = one.done if one.total is None else one.total


def _left(ends: list[tuple[datetime, int]], begun: datetime, until: datetime, rest: int) -> Band | None:
    """How long the rest takes at the rate of all the time so far, and at that of its later half: the quicker one says the
    least, the slower one the most. None while less than a hundredth is done, when nothing was done lately, and when there
    is no rest (second passes are not counted)."""
    seconds = (until - begun).total_seconds()
    done, lately = (
        sum(count for _, count in ends),
        sum(count for end, count in ends if until - end < (until - begun) / 2),
    )
    if rest <= 0 or not lately or 100 * done < done + rest:
        return None
    overall, recent = rest * seconds / done, rest * seconds / 2 / lately
    return min(overall, recent), max(overall, recent)


async def _totals(store: Storage, run: Run) -> dict[str, int | None]:
    """Records that each object of the run has to do, where that is known."""
    match run.kind:
        case "migrate" | "delta" | "retry" | "sample":
            if run.kind == "sample" and run.parent is None:
                return {}
            names = await jobs.written_objects(store, await migrations.load(store, run.migration))
            plans = {name: await planned_counts(store, run.migration, run.id, name) for name in names}
            if None in plans.values() and (before := await _plan_before(store, run)):
                foretold = {name: await planned_counts(store, run.migration, before.id, name) for name in names}
                plans = {name: plan or foretold[name] for name, plan in plans.items()}
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


async def _plan_before(store: Storage, run: Run) -> Run | None:
    """The step plan that foretold a full run, which itself plans an object only when it comes to it. Not one that was made
    by another map or reading, or before something else was written."""
    if run.kind != "migrate":
        return None
    for one in reversed(await migrations.list_runs(store, run.migration)):
        if one.number < run.number and one.kind == "plan" and one.state == "done":
            return one if (one.map_hash, one.snapshot) == (run.map_hash, run.snapshot) else None
        if one.number < run.number and one.kind in WRITING | UNDOING:
            return None
    return None
