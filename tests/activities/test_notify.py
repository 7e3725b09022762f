"""Who is told what: the end of a run, and which step or decision is needed now."""

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from activities import notify
from activities.notify import what_next
from ledger import migrations
from ledger.migrations import Migration, Run
from ledger.states import now
from ledger.storage import Storage
from services import steps
from services.steps import Asked
from settings import Settings

Json = dict[str, Any]


def migration(**more: Any) -> Migration:
    """One that is far enough for every step, unless more says otherwise."""
    hashes = dict.fromkeys(("map_hash", "confirmed_hash", "prepared_hash", "sample_hash", "signed_hash"), "h")
    return Migration(id="m-00000001", system="s", sample_run="sample-1", signed_sample="sample-1", **(hashes | more))


def run(kind: Any, state: Any = "done", **more: Any) -> Run:
    return Run(id=f"{kind}-0001", migration="m-00000001", kind=kind, number=1, state=state, **more)


@pytest.mark.parametrize(
    ("stands", "ended", "code"),
    [
        (migration(state="mapped", confirmed_hash=None), run("scope"), "confirm"),
        (migration(state="sampled", signed_hash=None), run("sample"), "sign-off"),
        (migration(state="signed_off"), run("migrate", "paused"), "run"),
        (migration(state="signed_off"), run("migrate", "failed"), "run"),
        (migration(state="migrated"), run("migrate"), "verify"),
        (migration(state="verified", reconciliation="differences"), run("verify"), "accept"),
        (migration(state="verified", reconciliation="clean"), run("verify"), "close"),
        (migration(state="verified", reconciliation="clean", delta_until=now() + timedelta(1)), run("verify"), "close"),
        (migration(state="signed_off", undoing=True, written=True), run("migrate", "stopped"), "rollback"),
    ],
)
def test_the_step_or_decision_that_is_needed(stands: Migration, ended: Run, code: str) -> None:
    asked = what_next(stands, ended, None)
    assert asked is not None
    assert asked["code"] == code
    assert asked["words"].endswith(".")


def test_a_failure_says_what_helps_and_a_delta_what_is_to_decide() -> None:
    error = {"code": "x", "message": "y", "next": "Check DATAVERSE_URL."}
    failed = what_next(migration(state="prepared"), run("sample", "failed"), error)
    assert failed == {"code": "sample", "words": "Check DATAVERSE_URL."}
    decide = what_next(migration(state="migrated"), run("delta"), None, open_conflicts=3)
    assert decide is not None
    assert (decide["code"], decide["words"][:9]) == ("conflicts", "3 records")


class Durable:
    """A durable client whose orchestrations have all died."""

    async def start_new(self, name: str, instance: str, given: Any) -> str:
        return instance

    async def get_status(self, instance: str) -> Any:
        return SimpleNamespace(runtime_status=SimpleNamespace(name="Terminated"))


@pytest.fixture
def posts(monkeypatch: pytest.MonkeyPatch) -> list[Json]:
    """What the webhook was told."""
    told: list[Json] = []
    real = httpx.AsyncClient

    def hear(request: httpx.Request) -> httpx.Response:
        told.append(json.loads(request.content))
        return httpx.Response(202)

    monkeypatch.setattr(notify, "settings", lambda: Settings(CARRYOVER_WEBHOOK="https://hook.example/x"))
    monkeypatch.setattr(httpx, "AsyncClient", lambda **_: real(transport=httpx.MockTransport(hear)))
    return told


async def test_people_are_told_of_a_run_that_a_rollback_stops(storage: Storage, posts: list[Json]) -> None:
    made = await migrations.create(storage, "stopped")
    await migrations.change(storage, made.id, lambda one: one.__setattr__("written", True))
    scope = await migrations.begin_run(storage, made.id, "scope", by="Ada")
    await steps.start(storage, Durable(), made.id, "rollback", "Ben", Asked())
    assert [(one["run"], one["state"], one["message"]) for one in posts] == [
        (scope.id, "stopped", "Stopped by rollback-0002.")
    ]


async def test_people_are_told_of_a_run_that_died(storage: Storage, posts: list[Json]) -> None:
    made = await migrations.create(storage, "died")
    begun = await migrations.begin_run(storage, made.id, "scope", by="Ada")
    assert (await steps.follow(storage, Durable(), made.id, begun.id)).state == "failed"
    assert [(one["run"], one["state"], one["next"]["code"]) for one in posts] == [(begun.id, "failed", "scope")]
    await steps.follow(storage, Durable(), made.id, begun.id)
    assert len(posts) == 1
