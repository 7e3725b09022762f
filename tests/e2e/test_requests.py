"""Two application users that share a load, signed in at a directory, and a day whose requests run out on the way."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger import paths
from ledger.storage import Storage
from tests.e2e.clinic import Export
from tests.e2e.dumps import TABLES
from tests.e2e.road import Road
from tests.e2e.system import System, until

USERS = [{"client_id": "app-one", "secret": "one"}, {"client_id": "app-two", "secret": "two"}]
DAY = 500


@pytest.fixture(scope="module")
def system(folder: Path, export: Export) -> Iterator[System]:
    """A target that takes only its directory's tokens, and an app of two users that may send 500 requests a day."""
    seed = json.loads(export.users.read_text()) | {"tenant_id": "clinic", "applications": USERS}
    seed_file = folder / "seed.json"
    seed_file.write_text(json.dumps(seed))
    one = System(
        folder,
        CARRYOVER_DAILY_REQUESTS=str(DAY),
        CARRYOVER_APPLICATION_USERS=json.dumps(USERS),
        CARRYOVER_CHUNK="40",
        DATAVERSE_TENANT_ID="clinic",
    )
    one.environment["DATAVERSE_AUTHORITY"] = one.target
    try:
        one.up("--fresh", "--seed", str(seed_file))
        one.faults({"tokens": {"check": True}})
        yield one
    finally:
        one.down()


def test_a_spent_day_is_waited_for_and_both_users_write(system: System, export: Export) -> None:
    road = Road(system)
    road.to_prepared(export.folder)
    run = road.start("sample")

    days = 0
    while ended_or_waiting(road, run) == "waiting":
        days += 1
        told = datetime.fromisoformat(road.get(f"runs/{run}")["waiting_until"])
        assert timedelta(0) < told - datetime.now(UTC) <= timedelta(hours=25)
        assert asyncio.run(used(system)) <= DAY + 100, "reads may pass the limit, writes may not"
        the_next_day(system)

    assert road.get(f"runs/{run}")["state"] == "done"
    assert days > 1, "a sample of three loads takes more than one day's requests"
    writers = {row["createdby"] for table in TABLES for row in system.rows(table)}
    assert len(writers) == 2
    assert all(one["fields_differing"] == 0 for one in road.get("summary")["objects"].values())


def ended_or_waiting(road: Road, run: str) -> str:
    """How a run stands once it neither works nor only looks as if it did."""

    def found() -> str | None:
        one = road.get(f"runs/{run}")
        if one["state"] != "running":
            return str(one["state"])
        return "waiting" if one["waiting_until"] and only_timers_left(road.system) else None

    return str(until(f"{run} has ended or waits", found))


def only_timers_left(system: System) -> bool:
    """The durable state holds nothing to do but for timers that are due later."""
    with sqlite3.connect(system.places().host_db) as db:
        sql = "SELECT (SELECT count(*) FROM work), count(*), count(*) FILTER (WHERE visible_at > ?) FROM inbox"
        working, waiting, later = db.execute(sql, [soon()]).fetchone()
    return bool(working == 0 and waiting == later > 0)


def the_next_day(system: System) -> None:
    """The clock cannot be moved: the timers are made due and the day's requests forgotten, while nothing runs."""
    system.kill_host()
    with sqlite3.connect(system.places().host_db) as db:
        db.execute("UPDATE inbox SET visible_at = 0 WHERE visible_at > ?", [soon()])
    asyncio.run(forget(system))
    system.up()


def soon() -> int:
    """Microseconds since the epoch, a minute from now: what is due later waits for another day."""
    return int((datetime.now(UTC) + timedelta(minutes=1)).timestamp() * 1e6)


async def used(system: System) -> int:
    """Requests of the day by the app's own count."""
    async with Storage.open(system.places().app_environment()["AzureWebJobsStorage"]) as store:
        document: dict[str, Any] = json.loads(await store.get("ledger", paths.REQUESTS))
    return sum(document["hours"].values())


async def forget(system: System) -> None:
    async with Storage.open(system.places().app_environment()["AzureWebJobsStorage"]) as store:
        await store.delete("ledger", paths.REQUESTS)
