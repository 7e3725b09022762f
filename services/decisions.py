"""The decisions people make: confirm, sign off, shut the delta window, accept, close. Each is bound to what they read, and is anchored."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from activities import jobs, profiles
from activities.cutover import keep_checklist
from activities.errors import StepError
from ledger import manifest, migrations, transitions
from ledger.migrations import Migration
from ledger.states import now
from ledger.storage import Storage
from mapping.catalog import build_schema
from mapping.model import ClinicMap, ControlledPolicy, FieldMap, PhiDecision
from mapping.review import marked, undecided, unmarked
from mapping.validate import problems
from services import fields, history, maps, two_people
from services.history import Change
from services.maps import store_map
from services.phi import decided, worded

_PHI_NEXT: Final = "Confirm with phi: migrate, redact or leave_out for each class or field, or decide field by field."
_SCOPE_NEXT: Final = "Confirm with out_of_scope: a reason for each dataset; or write a profile that shapes them."
_FIELDS_NEXT: Final = "Accept that, or give them a column: “Left behind” on the page Map, or map accept."
_UNDECIDED: Final = "Nobody has decided what happens to controlled substances."


async def confirm(
    store: Storage,
    id: str,
    by: str,
    map_hash: str,
    controlled: ControlledPolicy | None,
    phi: Mapping[str, PhiDecision] | None = None,
    out_of_scope: Mapping[str, str] | None = None,
) -> Migration:
    """A person confirms the map they read; no record moves before this.

    ``controlled``, ``phi`` (class, or object and field, to decision) and ``out_of_scope`` (dataset to the reason why it
    stays out) are decisions made with it: where they change what is written, what is confirmed is the map as it then
    is. Raises StepError while one is missing.
    """
    await two_people.admit(store, id, by)
    migration = await migrations.load(store, id)
    current = await jobs.current_map(store, migration)
    if await profiles.outdated(store, id):
        words = "Somebody picked what datasets feed, and the source was not read by that yet: the map does not say so."
        raise StepError("picks_wait", words, "scope")
    reviewed = decided(current, phi or {}, by)
    changed = marked(reviewed, out_of_scope or {})
    if controlled:
        changed = changed.model_copy(update={"controlled": controlled})
    if changed.controlled is None and "prescription" in changed.objects:
        raise StepError("controlled_undecided", _UNDECIDED, "Confirm with controlled: suppress, redact or include.")
    if left := list(undecided(changed)):
        raise StepError("phi_undecided", _words(left), _PHI_NEXT)
    if names := unmarked(changed):
        words = f"These datasets feed no object, and nobody has said why they stay out: {', '.join(names)}."
        raise StepError("scope_undecided", words, _SCOPE_NEXT)
    if words := fields.still_undecided(changed):
        raise StepError("fields_undecided", words, _FIELDS_NEXT)
    if found := problems(changed, build_schema(changed)):
        words = f"The map cannot be confirmed: {maps.worded(found)}"
        raise StepError("bad_map", words, "Mend the map, then confirm it.")
    agreed = map_hash
    if changed != current and map_hash == migration.map_hash:
        why = "reasons for datasets left out" if out_of_scope else ""
        made = filter(None, (controlled and f"controlled substances {controlled}", worded(phi or {}), why))
        cause = f"confirmed: {', '.join(made)}"
        stored = await store_map(store, migration.id, changed, by=by, cause=cause, on=migration.map_version)
        migration = stored.migration
        number = migration.map_version
        await history.append(store, id, list(history.between(current, reviewed, "review", by=by, version=number)))
        agreed = migration.map_hash or ""
        await history.append(store, id, _reasons(current, changed, by, migration.map_version))
    migration = await migrations.change(store, id, lambda one: transitions.confirm(one, by, agreed))
    await anchor(store, migration, "confirm", by)
    return migration


def _reasons(before: ClinicMap, after: ClinicMap, by: str, version: int) -> list[Change]:
    """The reasons that were given or changed, for the map's history."""
    return [
        Change(
            at=now(), by=by, version=version, field=f"dataset.{name}", source=name, action="ignore",
            before=before.out_of_scope.get(name, ""), after=why,
        )
        for name, why in after.out_of_scope.items()
        if why != before.out_of_scope.get(name)
    ]  # fmt: skip


def _words(left: Sequence[tuple[str, FieldMap]]) -> str:
    """Which fields nobody has decided about, by class."""
    by_class: dict[str, list[str]] = {}
    for name, field in left:
        by_class.setdefault(field.phi, []).append(f"{name}.{field.source}")
    listed = "; ".join(f"{kind}: {', '.join(some)}" for kind, some in sorted(by_class.items()))
    return f"Nobody has decided what happens to these fields of health information. {listed}."


async def sign_off(store: Storage, id: str, by: str, role: str, map_hash: str, sample: str) -> Migration:
    """A person signs the sample they read: bound to the map's hash and to the sample's run.

    Refused while something of the sample differs and nobody has explained it (``services.differences``).
    """
    await two_people.admit(store, id, by)
    migration = await migrations.change(store, id, lambda one: transitions.sign(one, by, role, map_hash, sample))
    signed = {"role": role, "sample": sample, "map_version": migration.signed_version, **migration.signed_counts}
    await anchor(store, migration, "sign-off", by, counts=signed)
    return migration


async def revoke(store: Storage, id: str, by: str, reason: str) -> Migration:
    """A person takes the sign-off back, until the run that it frees begins. Raises StepError without a reason."""
    if not reason:
        raise StepError("no_reason", "Say why the sign-off is taken back.", "Give a reason; no values of patients.")
    migration = await migrations.change(store, id, transitions.revoke)
    await anchor(store, migration, "revoke", by, reason)
    return migration


async def shut_delta(store: Storage, id: str, by: str) -> Migration:
    """A person ends the delta window before its time. A pickup under way goes on to its end."""
    migration = await migrations.change(store, id, transitions.shut_delta_window)
    await anchor(store, migration, "delta-shut", by)
    await keep_checklist(store, id)
    return migration


async def accept(store: Storage, id: str, by: str) -> Migration:
    """A person accepts the differences of the latest reconciliation."""
    migration = await migrations.change(store, id, lambda one: transitions.accept(one, by))
    await anchor(store, migration, "accept", by)
    await keep_checklist(store, id)
    return migration


async def close(store: Storage, id: str, by: str, typed: str) -> Migration:
    """End the migration, and rollback with it; its id is typed to acknowledge that."""
    if typed != id:
        raise StepError(
            "not_acknowledged", "Closing ends the way back.", f"Type the migration's id, {id}, to acknowledge it."
        )
    migration = await migrations.change(store, id, lambda one: transitions.close(one, by))
    await anchor(store, migration, "close", by)
    await keep_checklist(store, id)
    return migration


async def anchor(
    store: Storage, migration: Migration, gate: str, by: str, reason: str = "", counts: Mapping[str, Any] | None = None
) -> None:
    """A line of the manifest for something that a person did. Neither ``reason`` nor ``counts`` hold a value of a record."""
    said = dict(counts or {}) | ({"reason": reason} if reason else {})
    entry = manifest.ManifestEntry(kind=gate, by=by, map_hash=migration.map_hash or "", counts=said)
    await manifest.append(store, migration.id, entry)
