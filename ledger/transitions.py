"""What each step changes in the migration: pure functions over the document, one for each move.

They change the document they are given and are meant for `migrations.change`. Those that a person asks for (`confirm`,
`sign`, `shut_delta_window`, `accept`, `close`) pass their gate themselves and raise `GateClosed`; the ends of runs are
applied by `end_run`.
"""

from collections.abc import Mapping
from datetime import datetime

from ledger.gates import GateClosed, Refusal, gate, window_open
from ledger.states import LOADING, STATES, WRITING, Kind, Migration, Run, State, now


def _pass(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise GateClosed(refusal)


def _at_least(migration: Migration, state: State) -> None:
    if STATES.index(migration.state) < STATES.index(state):
        migration.state = state


def put_map(migration: Migration, map_hash: str) -> None:
    """A new version of the map was stored. A map with another hash voids confirmation, sample and signature."""
    _pass(gate(migration, "map"))
    migration.map_version += 1
    if migration.map_hash == map_hash:
        return
    migration.map_hash = map_hash
    void_confirmation(migration)


def void_confirmation(migration: Migration) -> None:
    """Take back confirmation and signature: the map, or what it was confirmed on, is no longer the same."""
    migration.confirmed_hash = migration.confirmed_by = migration.confirmed_at = None
    void_signature(migration)
    if migration.map_hash is not None:
        migration.state = "mapped"


def extended(migration: Migration, map_hash: str) -> None:
    """The source was read anew and the map has grown by columns' lengths and options only: every field goes where it went.

    What was confirmed stands. The target has to be prepared for the longer columns, and a sample made and signed of it.
    """
    migration.map_hash = migration.confirmed_hash = map_hash
    void_signature(migration)
    migration.state = "confirmed"


def void_signature(migration: Migration) -> None:
    """Take back the sign-off."""
    migration.signed_hash = migration.signed_sample = migration.signed_by = migration.signed_at = None
    migration.signed_role = migration.signed_version = None
    migration.signed_counts, migration.signed_used = {}, False


def confirm(migration: Migration, by: str, map_hash: str) -> None:
    """A person confirms the map they read; `map_hash` is the hash that was shown to them."""
    _pass(gate(migration, "confirm"))
    if map_hash != migration.map_hash:
        _pass(
            Refusal("map_changed", "The map has changed since it was read; read it again and confirm that.", "confirm")
        )
    migration.confirmed_hash, migration.confirmed_by, migration.confirmed_at = map_hash, by, now()
    migration.state = "prepared" if migration.prepared_hash == map_hash else "confirmed"


def sign(migration: Migration, by: str, role: str, map_hash: str, sample: str) -> None:
    """A person signs the sample they read: bound to the map's hash and to the sample's run id."""
    _pass(gate(migration, "sign-off"))
    if map_hash != migration.map_hash:
        _pass(Refusal("map_changed", "The map is not the one that was read.", "confirm"))
    if sample != migration.sample_run:
        _pass(Refusal("sample_outdated", "A newer sample was made; read that one and sign it.", "sign-off"))
    migration.signed_hash, migration.signed_sample = map_hash, sample
    migration.signed_by, migration.signed_role, migration.signed_at = by, role, now()
    migration.signed_version, migration.signed_counts = migration.map_version, dict(migration.sample_counts)
    migration.state = "signed_off"


def revoke(migration: Migration) -> None:
    """A person takes the sign-off back, as long as no run has begun that it freed."""
    if migration.active_run is not None:
        _pass(Refusal("run_active", f"Run {migration.active_run} is active; a rollback stops it.", "rollback"))
    if migration.signed_used:
        _pass(Refusal("already_migrated", "The run that it freed has begun; roll that back instead.", "rollback"))
    if migration.state != "signed_off":
        _pass(Refusal("not_signed_off", "There is no sign-off to take back.", "sign-off"))
    void_signature(migration)
    migration.state = "sampled"


def explained(migration: Migration, sample: str, left: int) -> None:
    """A person has explained differences of that sample; ``left`` are still to be explained.

    Explanations are only ever added, so of two people at once the one who counts fewer has seen both.
    """
    if sample != migration.sample_run:
        _pass(Refusal("sample_outdated", "A newer sample was made; read that one and explain it.", "sign-off"))
    migration.unexplained = min(migration.unexplained, left)


def open_delta_window(migration: Migration, kind: Kind, until: datetime) -> None:
    """Delta runs are allowed until this time (UTC); until then the migration cannot be closed.

    A full run opens the window anew; a retry only where none was opened, since it may have to bring what a run that
    paused or failed did not.
    """
    if kind == "migrate" or migration.delta_until is None:
        migration.delta_until = until


def shut_delta_window(migration: Migration) -> None:
    """A person ends the delta window before its time: nothing is picked up any more, and the migration can be closed."""
    if migration.state == "closed" or not window_open(migration):
        _pass(Refusal("delta_window_shut", "There is no delta window that is open.", None))
    migration.delta_until = now()


def accept(migration: Migration, by: str) -> None:
    """A person accepts the differences of the latest reconciliation."""
    if migration.reconciliation != "differences":
        _pass(Refusal("nothing_to_accept", "There is no reconciliation with differences.", "verify"))
    migration.reconciliation, migration.accepted_by = "accepted", by


def close(migration: Migration, by: str) -> None:
    """End the migration; it cannot be rolled back afterwards."""
    _pass(gate(migration, "close"))
    migration.state, migration.closed_by, migration.closed_at = "closed", by, now()


def begun(migration: Migration, run: Run) -> None:
    """A run begins: what must hold from its first write on, whether or not it ends well."""
    if run.kind in WRITING:
        migration.written = True
        migration.signed_used = migration.signed_hash is not None
    if run.kind == "sample" and run.parent is None:
        void_signature(migration)
        if migration.state in ("sampled", "signed_off"):
            migration.state = "prepared"
    if run.kind == "rollback":
        migration.undoing = True
        wrote(migration)
        if run.options.get("remove_solution"):
            migration.prepared_hash = None


def scoped(migration: Migration) -> None:
    """The source was read and counted."""
    _at_least(migration, "scoped")


def prepared(migration: Migration, run: Run) -> None:
    """The target has what the map needs."""
    migration.prepared_hash = run.map_hash
    _at_least(migration, "prepared")


def sampled(migration: Migration, run: Run, differences: Mapping[str, int]) -> None:
    """A sample is in the target, and its undo was rehearsed. ``differences``: what was compared and found, by kind."""
    migration.sample_run, migration.sample_hash = run.id, run.map_hash
    migration.sample_counts = dict(differences)
    migration.unexplained = differences.get("differences", 0)
    migration.state = "sampled"


def wrote(migration: Migration) -> None:
    """Rows were written, or may have been: a verification made before does not cover them."""
    migration.reconciliation = migration.accepted_by = None
    if migration.state == "verified":
        migration.state = "migrated"


def migrated(migration: Migration) -> None:
    """Every record was loaded."""
    _at_least(migration, "migrated")


def verified(migration: Migration, *, clean: bool) -> None:
    """Every field was read back."""
    migration.reconciliation = "clean" if clean else "differences"
    migration.state = "verified"


def rolled_back(migration: Migration, left: list[Run], *, kept: bool = False) -> None:
    """A rollback finished; `left` are the writing runs that still stand (none when all was taken back).

    `kept`: rows stay that others have changed or depend on, so that there is still something a forced one can take.
    With a full migration still standing (only a delta was undone) the state is `migrated`; else `confirmed`, so that
    the map can be mended. Confirmation stays, the signature does not.
    """
    migration.undoing = False
    migration.written = bool(left) or kept
    if any(run.kind in LOADING and run.state == "done" and not run.partial for run in left):
        migration.state = "migrated"
        return
    void_signature(migration)
    migration.sample_run = migration.sample_hash = migration.delta_until = None
    migration.sample_counts, migration.unexplained = {}, 0
    migration.state = "confirmed"
