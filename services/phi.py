"""The decisions about health information: shown by class, and made by a named person about classes or single fields."""

from collections.abc import Mapping
from typing import Any, Final

from activities import jobs
from activities.errors import StepError
from ledger import migrations
from ledger.migrations import Migration
from ledger.states import now
from ledger.storage import Storage
from mapping import review
from mapping.model import ClinicMap, PhiDecision
from services import history
from services.maps import store_map

#: Decisions that a version's cause names.
SHOWN: Final = 5


async def classes(store: Storage, id: str) -> list[dict[str, Any]]:
    """Each class of the map: its fields by what becomes of them, the decision, who made it, and whether one is needed."""
    current = await jobs.current_map(store, await migrations.load(store, id))
    return [
        {
            "class": one.kind,
            "decision": one.decision,
            "needed": one.needed,
            "fields": one.fields,
            "by": one.by,
            "at": one.at,
        }
        for one in review.review(current)
    ]


async def decide(store: Storage, id: str, by: str, decisions: Mapping[str, PhiDecision]) -> Migration:
    """Decide about classes and fields; the map changes where it is not as decided already, as its next version.

    Raises StepError: a name that is neither, or a field that no record lands without.
    """
    migration = await migrations.load(store, id)
    current = await jobs.current_map(store, migration)
    changed = decided(current, decisions, by)
    if changed == current:
        return migration
    cause = f"health information: {worded(decisions)}"
    stored = await store_map(store, id, changed, by=by, cause=cause, on=migration.map_version, was=current)
    number = stored.migration.map_version
    await history.append(store, id, list(history.between(current, changed, "review", by=by, version=number)))
    return stored.migration


def decided(current: ClinicMap, decisions: Mapping[str, PhiDecision], by: str) -> ClinicMap:
    """The map as somebody decides now. Raises StepError for a name that is neither a class nor a field."""
    try:
        return review.decide(current, decisions, by, now())
    except ValueError as error:
        words = str(error)
        raise StepError(
            "bad_request", f"{words[:1].upper()}{words[1:]}.", "GET map/phi lists the classes and their fields."
        ) from None


def worded(decisions: Mapping[str, PhiDecision]) -> str:
    """Decisions in a few words; of many the first."""
    words = [f"{what} {made.replace('_', ' ')}" for what, made in decisions.items()]
    return ", ".join(words[:SHOWN] + ([f"and {len(words) - SHOWN} more"] if len(words) > SHOWN else []))
