"""Which object a dataset of an unknown system feeds, where a person says so instead of the proposal."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from activities import profiles
from activities.errors import StepError
from ledger import migrations
from ledger.gates import Refusal, gate
from ledger.migrations import GateClosed, Migration
from ledger.states import now
from ledger.storage import Storage
from mapping.matching.engine import propose
from mapping.objects import OBJECTS
from services.profiles import fed_by
from sources.errors import SourceError
from sources.generated.build import GENERATED, build_profile
from sources.generated.picks import Pick, Picks
from sources.generated.reading import understand
from sources.profile import Profile
from sources.profiling.model import DatasetDocument

#: What may be chosen besides the twelve objects: that it feeds nothing, and that the proposal decides.
NOTHING: Final = "none"
PROPOSED: Final = "proposed"


class Choice(BaseModel):
    """What somebody says of one dataset. ``object``: one of the twelve, "none" (with a reason), or "proposed"."""

    model_config = ConfigDict(extra="forbid")

    object: str
    reason: str = ""


async def refusal(store: Storage, migration: Migration) -> Refusal | None:
    """Why nobody may pick now; None when they may."""
    if refused := gate(migration, "scope"):
        return refused
    if migration.written:
        words = "Records of this migration are in the target; roll back before datasets feed other objects."
        return Refusal("already_written", words, "rollback")
    if migration.profile != GENERATED:
        words = f"{migration.profile} is a known system, and its profile says which dataset feeds which object."
        return Refusal("known_system", f"{words} Change that profile, or create the migration with profile none.", None)
    if await profiles.made(store, migration.id) is None:
        words = "This profile was written by a person: the SQL of its objects says which dataset feeds which. Change it there."
        return Refusal("own_profile", words, None)
    return None


async def pick(store: Storage, id: str, by: str, choices: Mapping[str, Choice]) -> dict[str, Any]:
    """Say of datasets what they feed; the next scope proposes the profile and the map by it. Other picks stay.

    Returns ``{"picks": {dataset: Pick}, "changes": [{"dataset", "before", "after"}], "next"}``: the objects that a
    dataset feeds by the profile as it is, and as it is proposed then.

    Raises:
        StepError: an unknown dataset or object, no reason, or a dataset that no such records can be made of.
        GateClosed: it is too late, or the profile is none that was proposed.
    """
    migration = await migrations.load(store, id)
    if migration.profile in (None, profiles.NONE):
        raise StepError("no_profile", "No dataset is known yet: the source was not read.", "scope")
    if refused := await refusal(store, migration):
        raise GateClosed(refused)
    documents = await profiles.profiled(store, id)
    picks = dict(await profiles.picks_of(store, id))
    for name, choice in choices.items():
        if name not in documents:
            raise StepError("not_found", f"There is no dataset {name}.", f"Datasets: {', '.join(sorted(documents))}.")
        made = _made(name, choice, by)
        if made is None:
            picks.pop(name, None)
        else:
            picks[name] = made
    try:
        after = await asyncio.to_thread(_proposed, [*documents.values()], picks)
    except SourceError as error:
        raise StepError("bad_pick", str(error), "Pick something else, or write the profile.") from None
    before, _ = await profiles.stored(store, id)
    await profiles.keep_picks(store, id, picks)
    return {
        "picks": profiles.plain(picks),
        "changes": [
            {"dataset": name, "before": was, "after": will}
            for name in sorted(documents)
            if (was := fed_by(before, name)) != (will := fed_by(after, name))
        ],
        "next": "scope",
    }


def _made(name: str, choice: Choice, by: str) -> Pick | None:
    """The pick that a choice stands for; None when the proposal is to decide. Raises StepError."""
    if choice.object == PROPOSED:
        return None
    if choice.object == NOTHING:
        if not choice.reason.strip():
            raise StepError("bad_request", f"Nobody says why {name} feeds nothing.", "Give a reason.")
        return Pick(object=None, reason=choice.reason.strip(), by=by, at=now())
    if choice.object not in OBJECTS:
        words = f"{choice.object} is no object that a dataset can feed."
        raise StepError("bad_request", words, f"Objects: {', '.join(OBJECTS)}; or {NOTHING}, or {PROPOSED}.")
    return Pick(object=choice.object, by=by, at=now())


def _proposed(documents: list[DatasetDocument], picks: Picks) -> Profile:
    """The profile by these picks, made of what was profiled last: to see that it can be made, and what changes."""
    return build_profile(documents, understand(documents, propose, picks), picks=picks)
