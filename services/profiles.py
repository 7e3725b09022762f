"""The profile a migration is read by: shown as text, and put back when somebody has changed it."""

import re
from typing import Any

from activities import profiles
from activities.errors import StepError
from ledger import migrations
from ledger.gates import gate
from ledger.migrations import GateClosed
from ledger.storage import Storage
from sources.errors import BadProfile
from sources.generated.build import GENERATED
from sources.profile import PROFILES, Profile


async def show(store: Storage, id: str) -> dict[str, Any]:
    """The profile as YAML, and which dataset feeds what: ``{"name", "own", "yaml", "datasets"}``. Raises StepError before
    the source was read."""
    migration = await migrations.load(store, id)
    if migration.profile in (None, profiles.NONE):
        raise StepError("no_profile", "No profile is known yet: the source was not read.", "scope")
    if migration.profile == GENERATED:
        text = await profiles.text_of(store, id)
    else:
        text = (PROFILES / f"{migration.profile}.yaml").read_text(encoding="utf-8")
    own = migration.profile == GENERATED
    datasets = _datasets(await profiles.profile_of(store, id, migration.profile))
    return {"name": migration.profile, "own": own, "yaml": text, "datasets": datasets}


def _datasets(profile: Profile) -> list[dict[str, Any]]:
    """Each dataset with the objects whose SQL names it, itself or through a view, else why it feeds none."""
    return [
        {
            "name": name,
            "files": one.files,
            "feeds": [key for key, query in profile.objects.items() if name in _named(query.sql, profile)],
            "why": one.out_of_scope
            or (profile.rebuild[name].title if name in profile.rebuild else "it only helps others"),
        }
        for name, one in profile.datasets.items()
    ]


def _named(sql: str, profile: Profile) -> set[str]:
    """The datasets and views that a query rests on."""
    found: set[str] = set()
    waiting = [sql]
    while waiting:
        words = set(re.findall(r"\w+", waiting.pop()))
        new = {name for name in (*profile.datasets, *profile.views) if name in words} - found
        found |= new
        waiting += [profile.views[name] for name in new if name in profile.views]
    return found


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
