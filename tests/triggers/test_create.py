"""A migration is created: what is checked before anything is stored."""

import asyncio
from typing import Any

import pytest

from ledger import migrations
from ledger.storage import Storage
from tests.support.systems import new_system
from tests.triggers.asking import ask


async def test_a_system_whose_migration_is_open_is_refused(store: Storage) -> None:
    system = new_system()
    status, made = await ask("create_migration", {"system": system})
    assert status == 201

    status, refused = await ask("create_migration", {"system": system})

    assert (status, refused["error"]["code"]) == (409, "system_open")
    assert made["id"] in refused["error"]["message"]
    assert refused["error"]["next"]


async def test_of_two_creates_at_once_one_is_refused(store: Storage) -> None:
    system = new_system()
    answers = await asyncio.gather(*(ask("create_migration", {"system": system}) for _ in range(2)))
    assert sorted(status for status, _ in answers) == [201, 409]


async def test_one_that_never_wrote_is_closed_and_gives_its_name_back(store: Storage) -> None:
    """Created by mistake: nothing of it is in the target, so nothing has to be verified before it ends."""
    system = new_system()
    _, made = await ask("create_migration", {"system": system})
    status, closed = await ask("close_migration", {"by": "ana", "typed": made["id"]}, id=made["id"])
    assert (status, closed["state"]) == (200, "closed")
    assert (await ask("create_migration", {"system": system}))[0] == 201


async def test_a_closed_migration_keeps_its_rows_and_with_them_the_name(store: Storage) -> None:
    system = new_system()
    _, made = await ask("create_migration", {"system": system})

    def written(one: migrations.Migration) -> None:
        one.state, one.reconciliation, one.written = "verified", "clean", True

    await migrations.change(store, made["id"], written)
    assert (await ask("close_migration", {"by": "ana", "typed": made["id"]}, id=made["id"]))[0] == 200

    status, refused = await ask("create_migration", {"system": system})

    assert (status, refused["error"]["code"]) == (409, "system_closed")
    assert "another name" in refused["error"]["next"]


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"time_zone": "Elm/Street"}, "time zone"),
        ({"time_zone": "../../etc/passwd"}, "time zone"),
        ({"time_zone": ""}, "time zone"),
        ({"currency": "dollars"}, "currency"),
        ({"prefix": "Clinic"}, "prefix"),
        ({"prefix": "mscrmx"}, "prefix"),
        ({"options": {"time_zone": "Elm/Street"}}, "options"),
    ],
)
async def test_what_no_map_can_be_made_with_is_refused_at_once(
    store: Storage, wrong: dict[str, Any], word: str
) -> None:
    """Not by the scope, hours of uploading later."""
    before = len(await migrations.list_all(store))
    status, refused = await ask("create_migration", {"system": new_system(), **wrong})
    assert (status, refused["error"]["code"]) == (400, "bad_request")
    assert word in refused["error"]["message"]
    assert len(await migrations.list_all(store)) == before


async def test_what_a_map_is_made_with_is_kept(store: Storage) -> None:
    told = {"time_zone": "America/New_York", "currency": "CAD", "prefix": "elm", "seats": 12, "renewal": "2027-01-31"}
    _, made = await ask("create_migration", {"system": new_system(), **told})
    assert (await migrations.load(store, made["id"])).options == told


@pytest.mark.parametrize("percent", [-1, 100.5])
async def test_a_run_pauses_at_a_share(store: Storage, percent: float) -> None:
    """A bound that is none would never pause a run, or always."""
    _, made = await ask("create_migration", {"system": new_system()})
    status, refused = await ask("start_step", {"pause_percent": percent}, id=made["id"], step="scope")
    assert (status, refused["error"]["code"]) == (400, "bad_request")
    assert "pause_percent" in refused["error"]["message"]
