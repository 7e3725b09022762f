"""Match rules: by which columns rows that are in the target already are found and adopted, set by a named person."""

from collections.abc import Sequence
from typing import Literal

from activities import jobs
from activities.errors import StepError
from ledger import migrations
from ledger.migrations import Migration
from ledger.states import now
from ledger.storage import Storage
from services.history import Change, append
from services.maps import store_map


async def put(
    store: Storage, id: str, by: str, name: str, rules: Sequence[Sequence[str]], owner: Literal["keep", "set"]
) -> Migration:
    """Set an object's rules and whose adopted rows are. Raises StepError: no such object, a rule that cannot work."""
    migration = await migrations.load(store, id)
    current = await jobs.current_map(store, migration)
    changed = current.model_copy(deep=True)
    found = next((one for key, one in changed.objects.items() if key == name), None)
    if found is None:
        raise StepError("not_found", f"The map has no object {name}.", "Load the map again.")
    before = _words(found.match, found.match_owner)
    found.match, found.match_owner = [list(rule) for rule in rules], owner
    after = _words(found.match, owner)
    if before == after:
        return migration
    cause = f"match rules of {name}: {after}"
    stored = await store_map(store, id, changed, by=by, cause=cause, on=migration.map_version, was=current)
    line = Change(
        at=now(), by=by, version=stored.migration.map_version, field=f"match.{name}", source=name, action="change",
        before=before, after=after,
    )  # fmt: skip
    await append(store, id, [line])
    return stored.migration


def _words(rules: Sequence[Sequence[str]], owner: str) -> str:
    return (" else ".join(" and ".join(rule) for rule in rules) or "none") + f", owner {owner}"
