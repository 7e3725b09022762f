"""A run that the target's service protection limits hold back says so in its document."""

from datetime import datetime

from activities.pauses import tell_pause
from ledger import migrations
from ledger.states import now
from ledger.storage import Storage
from tests.support.systems import new_system
from tests.triggers.asking import ask


async def test_the_run_s_document_says_until_when_and_in_words(store: Storage) -> None:
    made = await migrations.create(store, new_system())
    run = await migrations.begin_run(store, made.id, "scope")
    assert (await ask("get_run", id=made.id, run=run.id))[1]["held_back"] is None
    await tell_pause(store, {"migration": made.id, "run": run.id, "user": 0}, 3600)
    _, document = await ask("get_run", id=made.id, run=run.id)
    held = document["held_back"]
    assert (held["waiting"], held["users"]) == (1, 1)
    assert datetime.fromisoformat(held["until"]) > now()
    assert held["words"].startswith("Paused by Dynamics (its service protection limit); goes on by itself in ")
    await migrations.end_run(store, made.id, run.id, "failed")
    assert (await ask("get_run", id=made.id, run=run.id))[1]["held_back"] is None
