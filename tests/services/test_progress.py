"""What a person who watches a run is told besides its counts: how long the rest takes, and what holds it back."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from activities import jobs
from activities import pauses as told
from activities.pauses import tell_pause
from ledger import migrations, paths
from ledger.states import Run
from ledger.storage import Storage, Stored
from services import pauses, progress
from services.progress import Band, progress_of
from tests.support.systems import new_system

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


class Client:
    """A durable client whose orchestrations have said nothing."""

    async def get_status(self, instance: str) -> Any:
        return SimpleNamespace(custom_status=None)


@pytest.fixture
async def run(store: Storage) -> Run:
    """A verification that began at noon."""
    made = await migrations.create(store, new_system())
    tally = {"patient": {"migrated": 1000}, "appointment": {"migrated": 3000}}
    await jobs.keep_document(store, made.id, "tally.json", tally)
    run = await migrations.begin_run(store, made.id, "scope")
    return run.model_copy(update={"kind": "verify", "started": NOON})


@pytest.fixture
def after(store: Storage, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """So many seconds after noon, when chunks of patients have ended: ``(seconds after noon, records)``."""
    listing = store.listing

    def made(seconds: int, *chunks: tuple[int, int]) -> None:
        async def listed(container: Any, prefix: str) -> list[Stored]:
            if not prefix.endswith("ended/"):
                return await listing(container, prefix)
            return [
                Stored(f"{prefix}patient/0000{n}/{done}-0", 0, False, changed=NOON + timedelta(seconds=ended))
                for n, (ended, done) in enumerate(chunks)
            ]

        monkeypatch.setattr(store, "listing", listed)
        for module in (progress, pauses, told):
            monkeypatch.setattr(module, "now", lambda: NOON + timedelta(seconds=seconds))

    return made


@pytest.mark.parametrize(
    ("chunks", "patients", "whole"),
    [
        ([], None, None),
        ([(10, 200), (90, 200)], (150, 150), (900, 900)),  # as quick as before
        ([(10, 400), (90, 100)], (100, 250), (700, 1750)),  # slower now
        ([(10, 100), (90, 400)], (62.5, 100), (437.5, 700)),  # quicker now
        ([(10, 500)], None, None),  # nothing lately
        ([(90, 9)], None, None),  # too little of either
        ([(90, 25)], (1950, 3900), None),  # enough of patients alone
        ([(10, 500), (90, 500)], None, (300, 300)),  # patients are through
    ],
)
async def test_the_time_left_is_between_the_rate_so_far_and_the_latest(
    store: Storage,
    run: Run,
    after: Callable[..., None],
    chunks: list[tuple[int, int]],
    patients: Band | None,
    whole: Band | None,
) -> None:
    after(100, *chunks)
    found = await progress_of(store, Client(), run)
    assert (found.parts[0].objects[0].left, found.parts[0].objects[1].left) == (patients, None)
    assert found.left == whole


async def test_nothing_is_left_of_a_run_that_ended_or_of_a_whole_that_nobody_counted(
    store: Storage, run: Run, after: Callable[..., None]
) -> None:
    after(100, (60, 500))
    ended = run.model_copy(update={"state": "stopped", "ended": NOON + timedelta(seconds=90)})
    assert (await progress_of(store, Client(), ended)).left is None
    await store.delete("ledger", paths.document(run.migration, "tally.json"))
    found = await progress_of(store, Client(), run)
    assert (found.rate, found.left, found.parts[0].objects[0].left) == (5, None, None)


@pytest.mark.parametrize(
    ("users", "waits", "words"),
    [
        (1, {}, None),
        (1, {0: 24}, "Paused by Dynamics (its service protection limit); goes on by itself in 00:24."),
        (2, {0: 300, 1: 61}, "Paused by Dynamics (its service protection limit); goes on by itself in 01:01."),
        (
            2,
            {1: 24},
            "Slowed by Dynamics (its service protection limit): 1 of 2 application users waits for another 00:24.",
        ),
        (
            3,
            {0: 30, 2: 24},
            "Slowed by Dynamics (its service protection limit): 2 of 3 application users wait for another 00:30.",
        ),
    ],
)
async def test_what_dynamics_holds_back_is_said_in_words(
    store: Storage,
    run: Run,
    after: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    users: int,
    waits: dict[int, int],
    words: str | None,
) -> None:
    after(0)
    monkeypatch.setattr(pauses, "users", lambda: users)
    for user, seconds in waits.items():
        await tell_pause(store, {"migration": run.migration, "run": run.id, "user": user}, seconds)
    held = (await progress_of(store, Client(), run)).held
    assert (held.words if held else None) == words
    after(301)
    assert (await progress_of(store, Client(), run)).held is None


@pytest.mark.parametrize(
    ("changed", "totals"),
    [
        ({}, [5, 30]),
        ({"map_hash": "of another map"}, [5, None]),
        ({"snapshot": 7}, [5, None]),
        ({"state": "failed"}, [5, None]),
        ({"kind": "delta"}, [5, None]),  # something was written since
    ],
)
async def test_a_full_run_knows_its_whole_by_the_plan_before_it(
    store: Storage, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], totals: list[int | None]
) -> None:
    """What it has planned itself counts more. Its other objects are not known when the plan was another one's."""
    made = await migrations.create(store, new_system())
    base = {"migration": made.id, "map_hash": "h"}
    before = Run.model_validate({**base, "id": "plan-0001", "number": 1, "kind": "plan", "state": "done", **changed})
    run = Run.model_validate({**base, "id": "migrate-0002", "number": 2, "kind": "migrate"})
    for one, name, records in ((before, "patient", 20), (before, "appointment", 30), (run, "patient", 5)):
        summary = {"actions": {"create": {"records": records}}}
        await store.put("staging", paths.work(made.id, one.id, f"{name}/plan/summary.json"), orjson.dumps(summary))

    async def runs(store: Storage, id: str) -> list[Run]:
        return [before, run]

    async def written(store: Storage, one: Any) -> list[str]:
        return ["patient", "appointment"]

    monkeypatch.setattr(migrations, "list_runs", runs)
    monkeypatch.setattr(jobs, "written_objects", written)
    found = await progress_of(store, Client(), run)
    assert [one.total for one in found.parts[0].objects] == totals
