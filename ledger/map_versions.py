"""The versions of a migration's map: each is kept for good, and beside it who made it, when, and by what.

Author, time and cause are the blob's own metadata: they are written with the content in one request, so that no version is
without them, and one listing reads them all.
"""

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel

from ledger import paths
from ledger.states import now
from ledger.storage import Storage
from mapping.hash import map_hash
from mapping.model import ClinicMap


class Version(BaseModel):
    """One version of the map, without the map itself."""

    version: int
    hash: str
    by: str
    at: datetime
    cause: str  #: what made it, in a few words; never a value of a record


async def keep(
    store: Storage, migration: str, number: int, clinic_map: ClinicMap, *, by: str, cause: str, once: bool = False
) -> bool:
    """Write a version. With ``once`` only when there was none of that number; False says that one was there."""
    about = {"hash": map_hash(clinic_map), "by": by, "at": now().isoformat(), "cause": cause}
    content = clinic_map.model_dump_json().encode()
    return await store.put("ledger", paths.map_version(migration, number), content, once=once, about=about)


async def read(store: Storage, migration: str, number: int) -> ClinicMap:
    """The map of a version. Raises NotStored."""
    return ClinicMap.model_validate_json(await store.get("ledger", paths.map_version(migration, number)))


async def listed(store: Storage, migration: str, latest: int) -> list[Version]:
    """The versions up to the latest, that first. One above it is of a writer who never took the number."""
    blobs = await store.listing("ledger", paths.map_versions(migration))
    found = [_version(blob.name, blob.about) for blob in blobs if blob.name.endswith(".json")]
    return sorted((one for one in found if one.version <= latest), key=lambda one: -one.version)


def _version(name: str, about: Mapping[str, str]) -> Version:
    return Version.model_validate({"version": int(name.rsplit("/", 1)[1].removesuffix(".json")), **about})
