"""The versions of the map, for people who ask who changed what and when."""

from typing import Any

from activities import jobs
from activities.errors import StepError
from ledger import map_versions, migrations
from ledger.map_versions import Version
from ledger.storage import Storage
from mapping.compare import Difference, compare
from mapping.model import ClinicMap
from services import masked


async def versions(store: Storage, id: str) -> list[Version]:
    """Every version of the map, the latest first."""
    return await map_versions.listed(store, id, (await migrations.load(store, id)).map_version)


async def version(store: Storage, id: str, number: int) -> tuple[Version, ClinicMap]:
    """One version with its map. Raises StepError when there is none of that number."""
    found = next((one for one in await versions(store, id) if one.version == number), None)
    if found is None:
        raise StepError("not_found", f"The map has no version {number}.", "GET map/versions lists them.")
    return found, await jobs.map_version(store, id, number)


async def differences(
    store: Storage, id: str, newer: int, older: int | None = None, *, values: bool
) -> tuple[int, list[Difference]]:
    """What differs between two versions, and the older one's number: the one before unless another is named; the first
    version differs from nothing. Without ``values`` they are masked. Raises StepError when there is no such version."""
    base = newer - 1 if older is None else older
    _, after = await version(store, id, newer)
    if base == 0:
        return 0, []
    _, before = await version(store, id, base)
    found = compare(before, after)
    return base, found if values else masked.differences(found, (before, after))


def shown(one: Version) -> dict[str, Any]:
    """A version as a program reads it."""
    return one.model_dump(mode="json")
