"""Which step may be taken when: the order of a migration's life, and the words for a refusal."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ledger.states import STATES, Migration, State, Step, now


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a step may not be taken now: a code for programs, a reason for people, the step that helps."""

    code: str
    reason: str
    next: Step | None


@dataclass(frozen=True, slots=True)
class NextStep:
    """A step that may be taken now, and why one would."""

    step: Step
    why: str


class GateClosed(Exception):
    """A step was refused; `refusal` says why and what to do first."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.code}: {refusal.reason}")
        self.refusal = refusal


def _span(first: State, last: State) -> frozenset[State]:
    return frozenset(STATES[STATES.index(first) : STATES.index(last) + 1])


_ALLOWED: Final[dict[Step, frozenset[State]]] = {
    "scope": _span("created", "signed_off"),
    "map": _span("scoped", "signed_off"),
    "confirm": _span("mapped", "confirmed"),
    "prepare": _span("confirmed", "signed_off"),
    "probe": _span("prepared", "verified"),
    "sample": _span("prepared", "signed_off"),
    "sign-off": _span("sampled", "sampled"),
    "plan": _span("prepared", "verified"),
    "run": _span("signed_off", "verified"),
    "delta": _span("migrated", "verified"),
    "verify": _span("migrated", "verified"),
    "retry": _span("signed_off", "verified"),
    "rollback": _span("created", "verified"),
    "close": _span("verified", "verified"),
}

#: What takes a migration onward from each state.
_ONWARD: Final[dict[State, NextStep]] = {
    "created": NextStep("scope", "Read the source, count it and find its custom fields."),
    "scoped": NextStep("map", "Make the map from source fields to Dataverse columns."),
    "mapped": NextStep("confirm", "A person confirms the map; no record moves before that."),
    "confirmed": NextStep("prepare", "Install the columns the map needs and check the target."),
    "prepared": NextStep("sample", "Migrate a sample, undo it, prove it undone, and migrate it again."),
    "sampled": NextStep("sign-off", "A person reads the sample's field-level diff and signs it."),
    "signed_off": NextStep("run", "Migrate every record."),
    "migrated": NextStep("verify", "Read every field of every record back and compare it."),
    "verified": NextStep("close", "End the migration; after that it cannot be rolled back."),
}

#: Words for a step that came too early, by the state it found.
_WAITING: Final[dict[State, str]] = {
    "created": "the source has not been scoped",
    "scoped": "there is no map yet",
    "mapped": "the map is not confirmed",
    "confirmed": "the target has not been prepared for the confirmed map",
    "prepared": "no sample has been migrated",
    "sampled": "the sample is not signed off",
    "signed_off": "the records have not been migrated",
    "migrated": "the migration has not been verified",
}

#: Words for a step that came too late.
_LATE: Final[dict[Step, tuple[str, str, Step]]] = {
    "scope": ("already_migrated", "Records have been migrated; a delta run picks up what changed since.", "delta"),
    "map": ("already_migrated", "Records have been migrated with this map; roll back before changing it.", "rollback"),
    "confirm": ("already_confirmed", "The map is confirmed already; change it to confirm it anew.", "map"),
    "prepare": ("already_migrated", "Records have been migrated; roll back before preparing anew.", "rollback"),
    "sample": ("already_migrated", "Records have been migrated; roll back before sampling anew.", "rollback"),
    "sign-off": ("already_signed_off", "The sample is signed off already.", "run"),
}


def gate(migration: Migration, step: Step, *, at: datetime | None = None) -> Refusal | None:
    """Say why `step` may not be taken now; None when it may.

    `at` is the time to judge the delta window by (now when None). Read-only. Rollback alone may be asked for while
    another run is active: it takes that run's place (see `begin_run`), so that a bad load can be stopped and undone.
    """
    if migration.state == "closed":
        return Refusal("closed", "The migration is closed; nothing can be changed any more.", None)
    busy = _busy(migration, step)
    if busy is not None:
        return busy
    if migration.undoing and step != "rollback":
        return Refusal("rollback_unfinished", "A rollback began and has not finished; finish it first.", "rollback")
    if step == "close" and not migration.written:
        return None  # nothing of it is in the target: there is nothing to prove, and nothing to take back
    if migration.state not in _ALLOWED[step]:
        return _out_of_order(migration, step)
    check = _CHECKS.get(step)
    return check(migration, at or now()) if check else None


def next_steps(migration: Migration, *, at: datetime | None = None) -> list[NextStep]:
    """The steps that make sense now, the one that leads onward first. While a run is active: rollback at most."""
    if migration.state == "closed":
        return []
    steps: list[NextStep] = []
    if migration.undoing:
        steps = [NextStep("rollback", "Finish the rollback that began.")]
    else:
        wanted = [_ONWARD[migration.state]]
        if migration.state == "sampled" and migration.unexplained:
            wanted.append(NextStep("sample", "Explain what differs, or mend the map and migrate a new sample."))
        if migration.state == "signed_off":
            wanted.append(NextStep("plan", "See what would be written, without writing."))
        if migration.state in ("migrated", "verified"):
            wanted.append(NextStep("delta", "Pick up what changed in the source since."))
        if migration.state == "verified":
            wanted.append(NextStep("verify", "Read everything back again."))
        if migration.written:
            wanted.append(NextStep("rollback", "Take back everything that was written."))
        steps = wanted
    return [s for s in steps if gate(migration, s.step, at=at) is None]


def _busy(migration: Migration, step: Step) -> Refusal | None:
    active = migration.active_run
    if active is None:
        return None
    kind = active.rsplit("-", 1)[0]
    if step == "rollback" and kind != "rollback":
        return None
    return Refusal("run_active", f"Run {active} is active; wait until it ends.", None)


def _out_of_order(migration: Migration, step: Step) -> Refusal:
    allowed = _ALLOWED[step]
    here = STATES.index(migration.state)
    if here < min(STATES.index(state) for state in allowed):
        reason = f"Cannot {_spoken(step)} yet: {_WAITING[migration.state]}."
        return Refusal("out_of_order", reason, _ONWARD[migration.state].step)
    code, reason, following = _LATE[step]
    return Refusal(code, reason, following)


def _spoken(step: Step) -> str:
    return {"run": "migrate", "sign-off": "sign off", "delta": "run a delta"}.get(step, step)


def _unconfirmed(migration: Migration) -> Refusal | None:
    if migration.map_hash is None or migration.confirmed_hash != migration.map_hash:
        return Refusal("not_confirmed", "The map has changed since it was confirmed; confirm it anew.", "confirm")
    return None


def _unprepared(migration: Migration) -> Refusal | None:
    if migration.prepared_hash != migration.map_hash:
        return Refusal("not_prepared", "The target was prepared for another map; prepare it anew.", "prepare")
    return None


def _check_confirm(migration: Migration, _at: datetime) -> Refusal | None:
    if migration.map_hash is None:
        return Refusal("no_map", "There is no map to confirm.", "map")
    return None


def _check_prepare(migration: Migration, _at: datetime) -> Refusal | None:
    return _unconfirmed(migration)


def _check_sample(migration: Migration, _at: datetime) -> Refusal | None:
    return _unconfirmed(migration) or _unprepared(migration)


def _check_sign_off(migration: Migration, _at: datetime) -> Refusal | None:
    refusal = _unconfirmed(migration)
    if refusal is None and (migration.sample_run is None or migration.sample_hash != migration.map_hash):
        return Refusal("sample_outdated", "The sample was made with another map; migrate a new sample.", "sample")
    if refusal is None and migration.unexplained:
        left = migration.unexplained
        said = "1 difference of the sample is" if left == 1 else f"{left:,} differences of the sample are"
        reason = f"{said} unexplained; explain each by name, or mend the map and migrate a new sample."
        return Refusal("differences_unexplained", reason, "sample")
    return refusal


def _check_run(migration: Migration, _at: datetime) -> Refusal | None:
    refusal = _unconfirmed(migration)
    if refusal is None and migration.signed_hash != migration.map_hash:
        return Refusal("not_signed_off", "The sample of this map is not signed off.", "sign-off")
    if refusal is None and migration.signed_sample != migration.sample_run:
        return Refusal("not_signed_off", "A newer sample was made after the sign-off; sign that one.", "sign-off")
    return refusal


def _check_delta(migration: Migration, at: datetime) -> Refusal | None:
    if migration.delta_until is not None and at >= migration.delta_until:
        return Refusal("delta_window_shut", "The delta window has ended.", "verify")
    return _check_run(migration, at)


def window_open(migration: Migration, *, at: datetime | None = None) -> bool:
    """Whether the delta window was opened and has not ended."""
    return migration.delta_until is not None and (at or now()) < migration.delta_until


def _check_rollback(migration: Migration, _at: datetime) -> Refusal | None:
    if not migration.written and not migration.undoing:
        return Refusal("nothing_written", "Nothing has been written, so there is nothing to take back.", None)
    return None


def _check_close(migration: Migration, at: datetime) -> Refusal | None:
    if migration.reconciliation is None:
        return Refusal("not_verified", "The migration has not been verified since the last write.", "verify")
    if migration.reconciliation == "differences":
        reason = "The reconciliation has differences; mend and verify again, or accept them."
        return Refusal("differences_open", reason, "verify")
    if window_open(migration, at=at):
        reason = f"The delta window is open until {migration.delta_until:%F %H:%M} UTC; it may be shut before."
        return Refusal("delta_window_open", reason, "delta")
    return None


_CHECKS: Final[dict[Step, Callable[[Migration, datetime], Refusal | None]]] = {
    "confirm": _check_confirm,
    "prepare": _check_prepare,
    "probe": _check_sample,
    "sample": _check_sample,
    "sign-off": _check_sign_off,
    "plan": _check_sample,
    "run": _check_run,
    "delta": _check_delta,
    "retry": _check_run,
    "rollback": _check_rollback,
    "close": _check_close,
}
