"""A migration is created: what is checked before anything is stored."""

import asyncio

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
