"""The map as a document: read, checked, and kept as its next version."""

from activities.errors import StepError
from ledger import migrations, paths, transitions
from ledger.migrations import Migration
from ledger.storage import Storage
from mapping.catalog import build_schema
from mapping.hash import map_hash
from mapping.model import ClinicMap
from mapping.validate import problems


async def store_map(store: Storage, id: str, given: ClinicMap) -> Migration:
    """Check a map against the catalog and keep it as the next version. Raises StepError with what is wrong."""
    found = problems(given, build_schema(given))
    if found:
        words = "; ".join(" ".join(filter(None, (one.object, one.field, one.message))) for one in found[:5])
        more = f" (and {len(found) - 5} more)" if len(found) > 5 else ""
        raise StepError("bad_map", f"The map cannot be taken: {words}{more}", "Mend it and send the map again.")
    migration = await migrations.load(store, id)
    content = given.model_dump_json().encode()
    # The blob comes first: a version number never points at nothing.
    await store.put("ledger", paths.map_version(id, migration.map_version + 1), content)
    return await migrations.change(store, id, lambda one: transitions.put_map(one, map_hash(given)))
