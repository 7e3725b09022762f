"""The cutover checklist as it stands, and what is left to decide after a pickup."""

from activities.cutover import Conflict, cutover
from activities.cutover import conflicts as found
from ledger import migrations
from ledger.storage import Storage
from reports.cutover import TONES, Item, checklist

__all__ = ["TONES", "conflicts", "items"]


async def items(store: Storage, id: str) -> list[Item]:
    """Every thing to do before the end, and how it stands now."""
    return checklist(await cutover(store, await migrations.load(store, id)))


async def conflicts(store: Storage, id: str) -> list[Conflict]:
    """What a person has to decide after the last pickup."""
    return await found(store, id, await migrations.list_runs(store, id))
