"""The decisions people make: confirm, sign off, accept, close. Each is bound to what they read, and is anchored."""

from typing import Final

from activities import jobs
from activities.errors import StepError
from ledger import manifest, migrations, transitions
from ledger.migrations import Migration
from ledger.storage import Storage
from mapping.model import ControlledPolicy
from services.maps import store_map

_UNDECIDED: Final = "Nobody has decided what happens to controlled substances."


async def confirm(store: Storage, id: str, by: str, map_hash: str, controlled: ControlledPolicy | None) -> Migration:
    """A person confirms the map they read; no record moves before this. A policy that is new makes a new map."""
    migration = await migrations.load(store, id)
    current = await jobs.current_map(store, migration)
    agreed = map_hash
    if controlled and controlled != current.controlled and map_hash == migration.map_hash:
        changed = current.model_copy(update={"controlled": controlled})
        migration = await store_map(store, migration.id, changed)
        agreed = migration.map_hash or ""
    elif current.controlled is None and "prescription" in current.objects:
        raise StepError("controlled_undecided", _UNDECIDED, "Confirm with controlled: suppress, redact or include.")
    migration = await migrations.change(store, id, lambda one: transitions.confirm(one, by, agreed))
    await anchor(store, migration, "confirm", by)
    return migration


async def sign_off(store: Storage, id: str, by: str, map_hash: str, sample: str) -> Migration:
    """A person signs the sample they read: bound to the map's hash and to the sample's run."""
    migration = await migrations.change(store, id, lambda one: transitions.sign(one, by, map_hash, sample))
    await anchor(store, migration, "sign-off", by)
    return migration


async def accept(store: Storage, id: str, by: str) -> Migration:
    """A person accepts the differences of the latest reconciliation."""
    migration = await migrations.change(store, id, lambda one: transitions.accept(one, by))
    await anchor(store, migration, "accept", by)
    return migration


async def close(store: Storage, id: str, by: str, typed: str) -> Migration:
    """End the migration, and rollback with it; its id is typed to acknowledge that."""
    if typed != id:
        raise StepError(
            "not_acknowledged", "Closing ends the way back.", f"Type the migration's id, {id}, to acknowledge it."
        )
    migration = await migrations.change(store, id, lambda one: transitions.close(one, by))
    await anchor(store, migration, "close", by)
    return migration


async def anchor(store: Storage, migration: Migration, gate: str, by: str, reason: str = "") -> None:
    """A line of the manifest for something that a person did. ``reason`` holds no value of a record."""
    counts = {"reason": reason} if reason else {}
    entry = manifest.ManifestEntry(kind=gate, by=by, map_hash=migration.map_hash or "", counts=counts)
    await manifest.append(store, migration.id, entry)
