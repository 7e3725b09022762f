"""What a run says it excepted is the same in its message, on its page, and to programs."""

from typing import Any

import orjson
import pytest

from activities import jobs
from ledger import migrations, paths
from ledger.storage import Storage
from services import progress, steps


async def test_the_table_of_a_run_and_its_message_add_up(
    storage: Storage, migration: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused by the plan, refused by the target, and records without rows of their own: all in one sum."""
    made = await migrations.create(storage, f"sums-{migration}")

    def ready(one: Any) -> None:
        one.state = "signed_off"
        one.map_hash = one.confirmed_hash = one.signed_hash = one.prepared_hash = "h"
        one.sample_run = one.signed_sample = "sample-0001"

    async def written(store: Storage, one: Any) -> list[str]:
        return ["patient", "appointment"]

    monkeypatch.setattr(jobs, "written_objects", written)
    await migrations.change(storage, made.id, ready)
    run = await migrations.begin_run(storage, made.id, "migrate", by="Ada")
    job = {"migration": made.id, "run": run.id}
    for name, refused, lost in (("patient", 3, 2), ("appointment", 4, 0)):
        summary = {"actions": {"create": {"records": 10}, "orphan": {"records": refused}}}
        blob = paths.work(made.id, run.id, f"{name}/plan/summary.json")
        await storage.put("staging", blob, orjson.dumps(summary))
        await jobs.ended(storage, job, name, "00000", done=10, excepted=lost)
    counts = {
        "patient": {"excepted": 5},
        "appointment": {"excepted": 4},
        "staff": {"excepted": 6},
        "claim": {"exported": 9},
    }
    await migrations.end_run(storage, made.id, run.id, "done", counts=counts)
    run = await migrations.load_run(storage, made.id, run.id)

    part = (await progress.progress_of(storage, None, run)).parts[0]
    shown = {one.name: one.excepted for one in part.objects}
    assert (shown, part.besides) == ({"patient": 5, "appointment": 4}, {"staff": 6})
    assert sum(shown.values()) + sum(part.besides.values()) == sum(one.get("excepted", 0) for one in counts.values())
    told = await steps.progress(storage, run)
    assert {name: (one["total"], one["excepted"]) for name, one in told.items()} == {
        "patient": (10, 5),
        "appointment": (10, 4),
    }


async def test_what_a_sample_excepts_in_each_pass_is_told_once(storage: Storage, migration: str) -> None:
    """Its parts load the same records, twice."""
    made = await migrations.create(storage, f"once-{migration}")

    def ready(one: Any) -> None:
        one.state, one.map_hash, one.confirmed_hash, one.prepared_hash = "prepared", "h", "h", "h"

    await migrations.change(storage, made.id, ready)
    sample = await migrations.begin_run(storage, made.id, "sample")
    for _ in range(2):
        part = await migrations.begin_run(storage, made.id, "sample", parent=sample.id)
        await jobs.ended(storage, {"migration": made.id, "run": part.id}, "patient", "00000", done=10, excepted=2)
    assert await steps.progress(storage, sample) == {"patient": {"done": 20, "total": 0, "excepted": 2}}
