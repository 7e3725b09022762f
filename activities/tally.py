"""Adding up: one disposition for every source record, per object and in total."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import orjson

from activities import jobs
from activities.holding import LEFT
from activities.lists import keep_lists
from activities.planning import EXCEPTED, WRITES
from activities.resources import storage
from ledger import migrations, paths
from ledger.exceptions import ExceptionRow, each, parts
from ledger.exceptions import write_part as write_exceptions
from ledger.states import LOADING, now
from ledger.storage import Storage
from ledger.transitions import open_delta_window
from mapping.objects import DERIVED, LOAD_ORDER, OBJECTS, ObjectName
from settings import settings

#: Figures of one object in the summary document.
FIGURES = (
    "read", "migrated", "unchanged", "exported", "excepted", "excluded",
    "fields_verified", "fields_differing", "fields_excepted",
)  # fmt: skip
#: The document with the figures of derived rows, beside the summary of the twelve objects.
DERIVED_TALLY = "derived.json"
#: The part of the exceptions that this activity itself lists, beside those of plans and chunks.
OWN = "tally"
#: Causes that a run's message names.
_NAMED = 3
#: Match of a staff member -> code of the exception.
_NO_OWNER = {
    "none": "no_user", "disabled": "disabled_user", "ambiguous": "ambiguous_user", "no_privilege": "no_privilege",
}  # fmt: skip
#: What the plan was to write, or would have been but for the causes that were chosen.
_PLANNED = (*WRITES, LEFT)
_LANDED = (*_PLANNED, "unchanged")


async def tally(job: dict[str, Any]) -> dict[str, Any]:
    """The dispositions after a run, kept as the migration's summary; the outcome of the run."""
    store = await storage()
    objects = {name: dict.fromkeys(FIGURES, 0) for name in OBJECTS}
    written = Counter[str]()
    left = 0
    custom = Counter[str]()
    gone: dict[str, list[str]] = {}
    derived: dict[str, dict[str, int]] = {}
    for name in LOAD_ORDER:
        plan = await plan_summary(store, job["migration"], job["run"], name)
        if plan is None:
            continue
        loaded = await results(store, job["migration"], job["run"], name)
        _add(derived.setdefault(name, dict.fromkeys(FIGURES, 0)) if name in DERIVED else objects[name], plan, loaded)
        written["create"] += loaded["created"]
        written["adopt"] += loaded["adopted"]
        written["update"] += loaded["landed"] - loaded["created"] - loaded["adopted"]
        left += _records(plan, (LEFT,)) if name not in DERIVED else 0
        if name == "patient":
            custom = _properties(plan, loaded)
        if plan["gone"]:
            gone[name] = plan["gone"]
    objects["custom_property"].update(
        read=sum(custom.values()), migrated=custom["migrated"], excepted=custom["excepted"], excluded=custom["excluded"]
    )
    people = (await jobs.optional_document(store, job["migration"], "staff.json", {"rows": []}))["rows"]
    objects["staff"].update(staff_counts(people))
    objects["claim"].update(await jobs.optional_document(store, job["migration"], "claims.json", {}))
    own = {"staff": staff_exceptions(people), "custom_property": await _told(store, job, objects, derived)}
    for told_of, listed in own.items():
        await write_exceptions(store, job["migration"], job["run"], told_of, OWN, listed)
    await jobs.keep_document(store, job["migration"], "tally.json", objects)
    await jobs.keep_document(store, job["migration"], DERIVED_TALLY, derived)
    await jobs.keep_document(store, job["migration"], f"gone-{job['run']}.json", gone)
    await keep_lists(store, job, job["run"])
    if job["kind"] in LOADING and not job.get("paused") and not job["causes"]:
        until = now() + timedelta(hours=settings().delta_hours)
        await migrations.change(store, job["migration"], lambda one: open_delta_window(one, job["kind"], until))
    excepted = sum(one["excepted"] for one in objects.values())
    adopted = f"{written['adopt']:,} adopted, " if written["adopt"] else ""
    outcome: dict[str, Any] = {
        "counts": {name: {key: value for key, value in one.items() if value} for name, one in objects.items()},
        "changed": sum(written.values()) > 0,
        "message": f"{written['create']:,} created, {adopted}{written['update']:,} changed, {excepted:,} excepted.",
    }
    if job["causes"]:
        outcome["message"] = f"Retried {retried(job['causes'])}: {outcome['message']}"
        if left:
            outcome["message"] += f" {left:,} that no run has come to are left."
    if job.get("paused"):
        outcome["state"] = "paused"
        outcome["message"] = (
            f"Paused: more than {job['pause_percent']:g} % of {job['paused']} is excepted; the run took up no more of it. Read "
            "the exceptions, mend the map or the source, then run again; or run again with a higher limit."
        )
    return outcome


def retried(causes: Sequence[str]) -> str:
    """The causes of a retry in words; many by their number."""
    return ", ".join(causes) if len(causes) <= _NAMED else f"{len(causes):,} causes"


async def plan_summary(
    store: Storage, migration: str, run: str, name: str, kind: str = "plan"
) -> dict[str, Any] | None:
    """An object's plan in figures; None when the run did not come to it."""
    blob = paths.work(migration, run, f"{name}/{kind}/summary.json")
    return dict(orjson.loads(await store.get("staging", blob))) if await store.exists("staging", blob) else None


async def planned_counts(store: Storage, migration: str, run: str, name: str) -> tuple[int, int] | None:
    """Rows that an object's plan creates or changes, and records that it excepts; None when the run did not come to it.

    Who watches a run asks every second: a plan never changes, so each is read once.
    """
    key = (migration, run, name)
    if key not in _planned:
        plan = await plan_summary(store, migration, run, name)
        if plan is None:
            return None
        _planned[key] = _records(plan, WRITES), _records(plan, EXCEPTED)
    return _planned[key]


_planned: dict[tuple[str, str, str], tuple[int, int]] = {}


async def results(store: Storage, migration: str, run: str, name: str) -> Counter[str]:
    """What the load chunks of an object returned in a run, added up."""
    total = Counter[str]()
    for result in await jobs.documents(store, paths.work(migration, run, f"{name}/"), ".result.json"):
        total.update(result)
    return total


def _records(plan: dict[str, Any], actions: tuple[str, ...], figure: str = "records") -> int:
    return sum(plan["actions"].get(action, {}).get(figure, 0) for action in actions)


def _left(plan: dict[str, Any], loaded: Counter[str], figure: str = "records", taken: str = "taken") -> int:
    """What a run that paused did not take up of its plan, and what a retry of chosen causes left: it has no disposition
    yet, and counts as not come to, like the objects after it."""
    return _records(plan, _PLANNED, figure) - loaded[taken]


def _add(one: dict[str, int], plan: dict[str, Any], loaded: Counter[str]) -> None:
    left = _left(plan, loaded)
    one["read"] = plan["read"] - _records(plan, ("merged",)) - left
    one["excluded"] = _records(plan, ("excluded",))
    one["excepted"] = _records(plan, EXCEPTED) + loaded["excepted"]
    one["migrated"] = _records(plan, _LANDED) - loaded["excepted"] - left
    one["fields_excepted"] = plan["fields_excepted"] + loaded["fields_excepted"]


async def _told(
    store: Storage, job: dict[str, Any], objects: dict[ObjectName, dict[str, int]], derived: Iterable[str]
) -> list[ExceptionRow]:
    """Put what became of derived rows into ``objects``; returns the custom properties that this excepts."""
    told = Told(objects)
    for name in derived:
        async for row in each(store, job["migration"], run=job["run"], object=name):
            told.take(row)
    if told.lost:
        async for part in parts(store, job["migration"], run=job["run"], object="custom_property"):
            if part.chunk != OWN:  # an earlier attempt's
                told.known(part.rows)
    return told.excepted()


class Told:
    """What became of derived rows, told with the objects of the twelve that they are made from.

    Derived rows are no records: one that did not land, though the record it is made from did, is a field of that one. Only
    a property's value is a record of the clinic, and excepted when not all of its rows are there.
    """

    def __init__(self, objects: dict[ObjectName, dict[str, int]]) -> None:
        self._objects = objects
        self.lost: dict[str, ExceptionRow] = {}

    def take(self, row: ExceptionRow) -> None:
        """One exception of a derived object."""
        if row.code == "missing_parent":
            return
        if row.object == "property_value" and row.field is None:
            property = row.source_id.rpartition(".")[0]
            self.lost.setdefault(property, ExceptionRow("custom_property", property, None, row.code, row.message))
        else:
            self._objects[DERIVED[row.object].told_with]["fields_excepted"] += 1  # type: ignore[index]

    def known(self, rows: Iterable[ExceptionRow]) -> None:
        """Properties that are excepted already, refused for another column."""
        for row in rows:
            self.lost.pop(row.source_id, None)

    def excepted(self) -> list[ExceptionRow]:
        """The properties that are excepted for want of their rows, counted as such."""
        self._objects["custom_property"]["migrated"] -= len(self.lost)
        self._objects["custom_property"]["excepted"] += len(self.lost)
        return list(self.lost.values())


def _properties(plan: dict[str, Any], loaded: Counter[str]) -> Counter[str]:
    """A custom property goes where its patient goes; one that was refused is excepted."""

    def there(figure: str, key: str) -> int:
        return _records(plan, _LANDED, figure) - loaded[key] - _left(plan, loaded, figure, f"taken_{key}")

    landed = there("properties", "properties")
    refused = there("refused", "properties_refused")
    ignored = there("ignored", "properties_ignored")
    untaken = _left(plan, loaded, "refused", "taken_properties_refused")  # refused by the plan, and so listed
    return Counter(
        migrated=landed - refused - ignored,
        excepted=refused + untaken + _records(plan, EXCEPTED, "properties") + loaded["properties"],
        excluded=ignored + _records(plan, ("excluded",), "properties"),
    )


def staff_counts(people: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Staff are matched, never written: a found user is unchanged, everybody else is an exception."""
    found = Counter(one["disposition"] for one in people)
    return {"read": len(people), **{key: found[key] for key in ("unchanged", "excluded", "excepted")}}


def staff_exceptions(people: Sequence[dict[str, Any]]) -> list[ExceptionRow]:
    """Each staff member without a user who may own rows, and why."""
    return [
        ExceptionRow("staff", one["staff"], None, _NO_OWNER[one["match"]], one["reason"])
        for one in people
        if one["disposition"] == "excepted"
    ]


async def dataset_accounts(store: Storage, migration: str, snapshot: int) -> dict[str, dict[str, int]]:
    """For each dataset how many raw rows it has, and of these how many fed a record, were merged, or were left out."""
    total: dict[str, Counter[str]] = {}
    for bucket in await jobs.documents(store, paths.accounts(migration, snapshot, "bucket-"), ".json"):
        for dataset, accounts in bucket["accounts"].items():
            one = total.setdefault(dataset, Counter())
            for account, rows in accounts.items():
                one[account.split(":")[0]] += rows
                one["rows"] += rows
    return {
        name: {key: one[key] for key in ("rows", "fed", "merged", "excluded")} for name, one in sorted(total.items())
    }
