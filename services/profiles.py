"""The profile a migration is read by: shown as text, and put back when somebody has changed it."""

from typing import Any

from activities import profiles
from activities.errors import StepError
from ledger import migrations
from ledger.gates import gate
from ledger.migrations import GateClosed
from ledger.storage import Storage
from sources.errors import BadProfile
from sources.generated.build import GENERATED
from sources.profile import PROFILES


async def show(store: Storage, id: str) -> dict[str, Any]:
    """The profile as YAML: ``{"name", "own", "yaml"}``. Raises StepError before the source was read."""
    migration = await migrations.load(store, id)
    if migration.profile in (None, profiles.NONE):
        raise StepError("no_profile", "No profile is known yet: the source was not read.", "scope")
    if migration.profile == GENERATED:
        return {"name": GENERATED, "own": True, "yaml": await profiles.text_of(store, id)}
    text = (PROFILES / f"{migration.profile}.yaml").read_text(encoding="utf-8")
    return {"name": migration.profile, "own": False, "yaml": text}


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
