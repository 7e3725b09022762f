"""The map as a document: read, checked, and kept as its next version."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from activities import jobs
from activities.errors import StepError
from ledger import map_versions, migrations, transitions
from ledger.migrations import Migration
from ledger.storage import Storage
from mapping.catalog import build_schema
from mapping.hash import map_hash
from mapping.model import ClinicMap
from mapping.schema import Schema
from mapping.validate import Problem, problems
from services import history

#: Seconds that another writer gets to finish what it began.
_MOMENT: Final = 0.5


@dataclass(frozen=True, slots=True)
class Stored:
    """A map as it was kept, with what was worked out of it on the way."""

    migration: Migration
    map: ClinicMap
    schema: Schema
    problems: list[Problem]


async def put(store: Storage, id: str, given: ClinicMap, *, by: str, on: int | None) -> Migration:
    """Keep a whole map that somebody sent; what differs from the map before is a line each of its history.

    ``on``: the version that it was made from, where they say so. Raises StepError with what is wrong.
    """
    migration = await migrations.load(store, id)
    if on is not None:
        _same(migration, on)
    before = await jobs.current_map(store, migration) if migration.map_version else None
    stored = await store_map(store, id, given, by=by, cause="put as a whole", on=migration.map_version, was=before)
    if before is not None:
        number = stored.migration.map_version
        await history.append(store, id, list(history.between(before, given, "change", by=by, version=number)))
    return stored.migration


async def store_map(
    store: Storage,
    id: str,
    given: ClinicMap,
    *,
    by: str,
    cause: str,
    on: int | None = None,
    was: ClinicMap | None = None,
) -> Stored:
    """Check a map against the catalog and keep it as the next version, with who made it and by what. Raises StepError
    with what is wrong.

    ``on``: the version it was made from; another person's version in between is then not written over. ``was``: that
    version itself; what was wrong in it already (a policy that nobody has chosen yet) may stay so for now.
    """
    schema = build_schema(given)
    found = problems(given, schema)
    # What records need and nothing fills may stand while people work on the map: it keeps it from being confirmed.
    wrong = [one for one in found if not one.unfilled]
    if wrong and was:
        known = problems(was, build_schema(was))
        wrong = [one for one in wrong if one not in known]
    if wrong:
        raise StepError("bad_map", f"The map cannot be taken: {worded(wrong)}", "Mend it and send the map again.")
    base = (await migrations.load(store, id)).map_version if on is None else on
    # The blob comes first: a version number never points at nothing. One that is there already is of a writer who is
    # about to take the number, or of one who died before.
    if not await map_versions.keep(store, id, base + 1, given, by=by, cause=cause, once=True):
        await asyncio.sleep(_MOMENT)
        _same(await migrations.load(store, id), base)
        await map_versions.keep(store, id, base + 1, given, by=by, cause=cause)

    def put(one: Migration) -> None:
        _same(one, base)
        transitions.put_map(one, map_hash(given))

    return Stored(await migrations.change(store, id, put), given, schema, found)


def worded(found: Sequence[Problem]) -> str:
    """The first problems of a map in words."""
    words = "; ".join(" ".join(filter(None, (one.object, one.field, one.message))) for one in found[:5])
    return words + (f" (and {len(found) - 5} more)" if len(found) > 5 else "")


def _same(migration: Migration, version: int) -> None:
    if migration.map_version != version:
        raise StepError("map_changed", "Somebody changed the map meanwhile.", "Load it again, then repeat the change.")
