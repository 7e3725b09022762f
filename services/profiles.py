"""The profile a migration is read by: shown as text, and put back when somebody has changed it."""

import re
from typing import Any, Final

from activities import profiles
from activities.errors import StepError
from activities.tally import dataset_accounts
from ledger import migrations
from ledger.gates import gate
from ledger.migrations import GateClosed
from ledger.storage import Storage
from mapping.objects import OBJECTS
from services import masked
from sources.errors import BadProfile
from sources.generated.build import GENERATED
from sources.profile import PROFILES, Profile

#: What an account says of a row that is used.
_FED: Final = re.compile(r"\b(?:fed|merged):(\w+)")


async def show(store: Storage, id: str, *, values: bool = True) -> dict[str, Any]:
    """The profile as YAML, and which dataset feeds what: ``{"name", "own", "yaml", "datasets", "outdated"}``.

    ``outdated``: people have picked otherwise since it was proposed. Without ``values`` those of the migration's own are
    masked. Raises StepError before the source was read.
    """
    migration = await migrations.load(store, id)
    if migration.profile in (None, profiles.NONE):
        raise StepError("no_profile", "No profile is known yet: the source was not read.", "scope")
    if migration.profile == GENERATED:
        text = await profiles.text_of(store, id)
        text = text if values else masked.profile(text)
    else:
        text = (PROFILES / f"{migration.profile}.yaml").read_text(encoding="utf-8")
    own = migration.profile == GENERATED
    datasets = await _datasets(store, migration, await profiles.profile_of(store, id, migration.profile))
    outdated = await profiles.outdated(store, id)
    return {"name": migration.profile, "own": own, "yaml": text, "datasets": datasets, "outdated": outdated}


async def _datasets(store: Storage, migration: migrations.Migration, profile: Profile) -> list[dict[str, Any]]:
    """Each dataset of the profile and of the source: its size, the objects it feeds, else why it feeds none, what the
    proposal took it for, what a person picked, and whether that waits for the source to be read again."""
    seen = await profiles.profiled(store, migration.id)
    accounts = await dataset_accounts(store, migration.id, migration.snapshot)
    made = await profiles.made(store, migration.id) or {"taken": {}, "picks": {}}
    picks = profiles.plain(await profiles.picks_of(store, migration.id))
    return [
        {
            "name": name,
            "files": profile.datasets[name].files if name in profile.datasets else [],
            "rows": accounts.get(name, {}).get("rows", 0),
            "columns": len(seen[name].columns) if name in seen else 0,
            "feeds": fed_by(profile, name),
            "why": _why(profile, name),
            "taken": made["taken"].get(name),
            "picked": picks.get(name),
            "waits": picks.get(name) != made["picks"].get(name),
        }
        for name in dict.fromkeys([*profile.datasets, *seen])
    ]


def fed_by(profile: Profile, dataset: str) -> list[str]:
    """The objects that the rows of a dataset become, or are merged into, by what its account says of them."""
    one = profile.datasets.get(dataset)
    said = set(_FED.findall(one.account or "")) if one else set()
    return [name for name in OBJECTS if name in said]


def _why(profile: Profile, name: str) -> str:
    """Why a dataset feeds no object."""
    one = profile.datasets.get(name)
    if one is None:
        return "the profile does not name it"
    if name in profile.rebuild:
        return one.out_of_scope or f"to be rebuilt: {profile.rebuild[name].title}"
    return one.out_of_scope or one.unplaced or "its rows are merged into the records that name them"


async def put(store: Storage, id: str, text: str) -> dict[str, Any]:
    """Keep a changed profile as the migration's own; the next scope reads the source by it.

    Raises:
        StepError: the text is no profile, with every place that does not fit.
        GateClosed: it is too late to change how the source is read.
    """
    migration = await migrations.load(store, id)
    if refusal := gate(migration, "scope"):
        raise GateClosed(refusal)
    try:
        digest = await profiles.keep(store, id, text)
    except BadProfile as error:
        raise StepError("bad_profile", str(error), "Mend it and put the profile again.") from None
    if migration.profile != GENERATED:

        def own(one: migrations.Migration) -> None:
            one.profile = GENERATED

        await migrations.change(store, id, own)
    return {"digest": digest, "next": "scope"}
