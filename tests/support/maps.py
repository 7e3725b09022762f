"""A migration with a map, for tests that need no source."""

from collections.abc import Mapping

import orjson

from ledger import migrations, paths
from ledger.migrations import Migration
from ledger.storage import Storage
from mapping.model import ClinicMap, FieldMap
from services.maps import store_map
from services.overview import current_map
from sources.inventory import ValueCounts


async def with_map(store: Storage, migration: Migration, clinic_map: ClinicMap) -> Migration:
    """The migration as if its source had been read and this map proposed, whatever is wrong with it."""

    def scoped(one: Migration) -> None:
        one.state = "mapped"

    await migrations.change(store, migration.id, scoped)
    stored = await store_map(store, migration.id, clinic_map, by="Ada", cause="proposed", was=clinic_map)
    return stored.migration


async def map_of(store: Storage, id: str) -> ClinicMap:
    """The map as it stands."""
    return await current_map(store, await migrations.load(store, id))


async def field_of(store: Storage, id: str, name: str, source: str) -> FieldMap:
    """The first field of that source in an object's map, as it stands."""
    objects = {str(key): one for key, one in (await map_of(store, id)).objects.items()}
    return next(one for route in objects[name].routes for one in route.fields if one.source == source)


async def with_values(
    store: Storage, migration: Migration, counts: Mapping[str, Mapping[str, dict[str, int] | None]]
) -> None:
    """Values of choices as if the reading of the source had counted them: object, field, value, records (None: too many)."""
    values = {
        name: {
            field: ValueCounts(values=sum((some or {}).values()), options=some).model_dump()
            for field, some in one.items()
        }
        for name, one in counts.items()
    }
    blob = paths.accounts(migration.id, migration.snapshot, "inventory-b0000.json")
    await store.put("staging", blob, orjson.dumps({"properties": {}, "values": values, "measures": {}}))
