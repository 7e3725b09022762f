"""Two people for one map: where the setting asks for it, whoever shaped the map neither confirms it nor signs its sample."""

from activities.errors import StepError
from activities.profiles import picks_of
from ledger.storage import Storage
from services.fields import SHAPING
from services.history import changes
from settings import settings


async def barred(store: Storage, id: str, who: str) -> bool:
    """Whether this person may not decide about the map because it is their own work, in part or whole."""
    if not settings().two_people:
        return False
    shapers = {
        line.by for line in await changes(store, id) if line.action in SHAPING and not line.field.startswith("dataset.")
    }
    return who in shapers | {pick.by for pick in (await picks_of(store, id)).values()}


async def admit(store: Storage, id: str, who: str) -> None:
    """Raise StepError for a person who shaped the map."""
    if await barred(store, id, who):
        raise StepError(
            "own_map", f"{who} shaped this map: somebody else has to decide about it.", "Ask another approver."
        )
