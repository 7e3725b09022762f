"""A person ends the delta window before its time."""

from datetime import timedelta

from ledger import manifest, migrations, transitions
from ledger.states import now
from ledger.storage import Storage
from tests.support.systems import new_system
from tests.triggers.asking import ask


async def test_who_shut_it_is_kept_and_the_migration_can_be_closed(store: Storage) -> None:
    made = await migrations.create(store, new_system())

    def verified(one: migrations.Migration) -> None:
        one.state, one.reconciliation, one.written = "verified", "clean", True
        transitions.open_delta_window(one, "migrate", now() + timedelta(hours=48))

    await migrations.change(store, made.id, verified)
    closing = {"by": "bob", "typed": made.id}
    status, refused = await ask("close_migration", closing, id=made.id)
    assert (status, refused["error"]["code"], refused["error"]["next"]) == (409, "delta_window_open", "delta")

    assert (await ask("shut_delta", {"by": "ana"}, id=made.id))[0] == 200

    line = (await manifest.read(store, made.id))[-1]
    assert (line.kind, line.by) == ("delta-shut", "ana")
    assert (await ask("close_migration", closing, id=made.id))[0] == 200


async def test_a_window_that_is_not_open_cannot_be_shut(store: Storage) -> None:
    made = await migrations.create(store, new_system())
    status, refused = await ask("shut_delta", {"by": "ana"}, id=made.id)
    assert (status, refused["error"]["code"]) == (409, "delta_window_shut")
    assert await manifest.read(store, made.id) == []
