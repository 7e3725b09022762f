"""The map as a document: read, checked, and kept as its next version."""

import asyncio
from typing import Final

from activities.errors import StepError
from ledger import migrations, paths, transitions
from ledger.migrations import Migration
from ledger.storage import Storage
from mapping.catalog import build_schema
from mapping.hash import map_hash
from mapping.model import ClinicMap
from mapping.validate import problems

#: Seconds that another writer gets to finish what it began.
_MOMENT: Final = 0.5


async def store_map(
    store: Storage, id: str, given: ClinicMap, *, on: int | None = None, was: ClinicMap | None = None
) -> Migration:
    """Check a map against the catalog and keep it as the next version. Raises StepError with what is wrong.

    ``on``: the version it was made from; another person's version in between is then not written over. ``was``: that
    version itself; what was wrong in it already (a policy that nobody has chosen yet) may stay so for now.
    """
    known = problems(was, build_schema(was)) if was else []
    found = [one for one in problems(given, build_schema(given)) if one not in known]
    if found:
        words = "; ".join(" ".join(filter(None, (one.object, one.field, one.message))) for one in found[:5])
        more = f" (and {len(found) - 5} more)" if len(found) > 5 else ""
        raise StepError("bad_map", f"The map cannot be taken: {words}{more}", "Mend it and send the map again.")
    base = (await migrations.load(store, id)).map_version if on is None else on
    content, blob = given.model_dump_json().encode(), paths.map_version(id, base + 1)
    # The blob comes first: a version number never points at nothing. One that is there already is of a writer who is
    # about to take the number, or of one who died before.
    if not await store.put("ledger", blob, content, once=True):
        await asyncio.sleep(_MOMENT)
        _same(await migrations.load(store, id), base)
        await store.put("ledger", blob, content)

    def put(one: Migration) -> None:
        _same(one, base)
        transitions.put_map(one, map_hash(given))

    return await migrations.change(store, id, put)


def _same(migration: Migration, version: int) -> None:
    if migration.map_version != version:
        raise StepError("map_changed", "Somebody changed the map meanwhile.", "Load it again, then repeat the change.")
