"""Every step against every state, and the checks beyond the state."""

from datetime import UTC, datetime, timedelta

import pytest

from ledger import transitions
from ledger.gates import GateClosed, gate, next_steps
from ledger.states import STATES, STEPS, Kind, Migration, Run, State, Step, now

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

#: A mark for each state, in their order: "." allowed, else the code of the refusal.
E, A, C, W = "out_of_order", "already_migrated", "already_confirmed", "nothing_written"
EXPECTED: dict[Step, tuple[str, ...]] = {
    #            created scoped mapped confirmed prepared sampled signed_off migrated verified closed
    "scope":    (".",    ".",   ".",   ".",      ".",     ".",    ".",       A,       A,       "closed"),
    "map":      (E,      ".",   ".",   ".",      ".",     ".",    ".",       A,       A,       "closed"),
    "confirm":  (E,      E,     ".",   ".",      C,       C,      C,         C,       C,       "closed"),
    "prepare":  (E,      E,     E,     ".",      ".",     ".",    ".",       A,       A,       "closed"),
    "probe":    (E,      E,     E,     E,        ".",     ".",    ".",       ".",     ".",     "closed"),
    "sample":   (E,      E,     E,     E,        ".",     ".",    ".",       A,       A,       "closed"),
    "sign-off": (E,      E,     E,     E,        E,       ".",    "already_signed_off", "already_signed_off",
                 "already_signed_off", "closed"),
    "plan":     (E,      E,     E,     E,        ".",     ".",    ".",       ".",     ".",     "closed"),
    "run":      (E,      E,     E,     E,        E,       E,      ".",       ".",     ".",     "closed"),
    "delta":    (E,      E,     E,     E,        E,       E,      E,         ".",     ".",     "closed"),
    "verify":   (E,      E,     E,     E,        E,       E,      E,         ".",     ".",     "closed"),
    "retry":    (E,      E,     E,     E,        E,       E,      ".",       ".",     ".",     "closed"),
    "rollback": (W,      W,     W,     W,        W,       ".",    ".",       ".",     ".",     "closed"),
    "close":    (".",    ".",   ".",   ".",      ".",     E,      E,         E,       ".",     "closed"),
}  # fmt: skip


def in_state(state: State) -> Migration:
    """A migration that came to this state in the usual way."""
    migration = Migration(id="m-00000001", system="clinic", state=state)
    here = STATES.index(state)
    if here >= STATES.index("mapped"):
        migration.map_hash = "h1"
    if here >= STATES.index("confirmed"):
        migration.confirmed_hash = "h1"
    if here >= STATES.index("prepared"):
        migration.prepared_hash = "h1"
    if here >= STATES.index("sampled"):
        migration.sample_run, migration.sample_hash, migration.written = "sample-0003", "h1", True
    if here >= STATES.index("signed_off"):
        migration.signed_hash, migration.signed_sample = "h1", "sample-0003"
    if here >= STATES.index("verified"):
        migration.reconciliation = "clean"
    return migration


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("step", STEPS)
def test_the_order_of_steps(step: Step, state: State) -> None:
    """The table above, whole."""
    refusal = gate(in_state(state), step, at=NOON)

    assert EXPECTED[step][STATES.index(state)] == ("." if refusal is None else refusal.code)
    if refusal is not None:
        assert refusal.reason.endswith(".")


@pytest.mark.parametrize("state", STATES[:-1])
@pytest.mark.parametrize("step", STEPS)
def test_nothing_begins_while_a_run_is_active_but_rollback(step: Step, state: State) -> None:
    """Rollback may stop a load that goes wrong; it needs something written."""
    migration = in_state(state)
    migration.active_run = "migrate-0004"

    refusal = gate(migration, step, at=NOON)

    if step == "rollback":
        assert refusal is None if migration.written else refusal is not None and refusal.code == "nothing_written"
    else:
        assert refusal is not None and refusal.code == "run_active"
        assert "migrate-0004" in refusal.reason


def test_a_rollback_does_not_replace_a_rollback() -> None:
    """The one that is active goes on."""
    migration = in_state("migrated")
    migration.active_run = "rollback-0005"

    refusal = gate(migration, "rollback")

    assert refusal is not None and refusal.code == "run_active"


@pytest.mark.parametrize("step", [step for step in STEPS if step != "rollback"])
def test_an_unfinished_rollback_must_be_finished_first(step: Step) -> None:
    """Half of the rows are gone: nothing else may be built on that."""
    migration = in_state("migrated")
    migration.undoing = True

    refusal = gate(migration, step)

    assert refusal is not None and (refusal.code, refusal.next) == ("rollback_unfinished", "rollback")
    assert [s.step for s in next_steps(migration)] == ["rollback"]


def test_a_refusal_says_what_is_missing_and_what_to_do() -> None:
    """In words a practice administrator reads."""
    refusal = gate(in_state("mapped"), "run")

    assert refusal is not None
    assert (refusal.reason, refusal.next) == ("Cannot migrate yet: the map is not confirmed.", "confirm")


def test_a_changed_map_voids_confirmation_and_signature() -> None:
    """Back to mapped, whatever was signed."""
    migration = in_state("signed_off")

    transitions.put_map(migration, "h2")

    assert (migration.state, migration.map_version) == ("mapped", 1)
    assert migration.confirmed_hash is migration.signed_hash is migration.signed_sample is None
    refusal = gate(migration, "sample")
    assert refusal is not None and refusal.next == "confirm"


def test_the_same_map_stored_again_voids_nothing() -> None:
    """Only what changes the hash matters."""
    migration = in_state("signed_off")

    transitions.put_map(migration, "h1")

    assert (migration.state, migration.signed_hash) == ("signed_off", "h1")


def test_the_old_map_confirmed_again_finds_its_target_prepared() -> None:
    """A change taken back needs no second preparation."""
    migration = in_state("prepared")
    transitions.put_map(migration, "h2")
    transitions.put_map(migration, "h1")

    transitions.confirm(migration, "ana", "h1")

    assert migration.state == "prepared"


def test_confirming_needs_the_hash_that_was_read() -> None:
    """A map that changed under the reader is not confirmed."""
    with pytest.raises(GateClosed, match="map_changed"):
        transitions.confirm(in_state("mapped"), "ana", "h0")


def test_a_sample_with_something_unexplained_is_not_signed() -> None:
    """How many are left is said; who counted later does not count up again; another sample's do not count."""
    migration = in_state("sampled")
    migration.unexplained = 2
    refusal = gate(migration, "sign-off", at=NOON)
    assert (
        refusal is not None and refusal.code == "differences_unexplained" and refusal.reason.startswith("2 differences")
    )
    assert [one.step for one in next_steps(migration, at=NOON)] == ["sample", "rollback"]
    with pytest.raises(GateClosed, match="sample_outdated"):
        transitions.explained(migration, "sample-0002", 0)
    transitions.explained(migration, "sample-0003", 1)
    transitions.explained(migration, "sample-0003", 2)
    assert migration.unexplained == 1
    with pytest.raises(GateClosed, match="differences_unexplained"):
        transitions.sign(migration, "ana", "approver", "h1", "sample-0003")
    transitions.explained(migration, "sample-0003", 0)
    transitions.sign(migration, "ana", "approver", "h1", "sample-0003")
    assert migration.state == "signed_off"


def test_a_signature_says_what_was_signed_and_is_taken_back_until_its_run_begins() -> None:
    migration = in_state("sampled")
    migration.map_version, migration.sample_counts = 4, {"fields": 900, "differ": 0}
    with pytest.raises(GateClosed, match="not_signed_off"):
        transitions.revoke(migration)
    transitions.sign(migration, "ana", "approver", "h1", "sample-0003")
    signed = (migration.signed_by, migration.signed_role, migration.signed_version, migration.signed_counts)
    assert signed == ("ana", "approver", 4, {"fields": 900, "differ": 0})
    transitions.revoke(migration)
    assert (migration.state, migration.signed_by, migration.signed_counts) == ("sampled", None, {})

    transitions.sign(migration, "ana", "approver", "h1", "sample-0003")
    run = Run(id="migrate-0004", migration=migration.id, kind="migrate", number=4)
    transitions.begun(migration, run)
    migration.active_run = run.id
    with pytest.raises(GateClosed, match="run_active"):
        transitions.revoke(migration)
    migration.active_run = None  # it failed, or paused: something may be written
    with pytest.raises(GateClosed, match="already_migrated"):
        transitions.revoke(migration)
    transitions.put_map(migration, "h2")
    assert migration.signed_used is False


def test_signing_is_bound_to_map_and_sample() -> None:
    """Neither an older map nor an older sample can be signed."""
    migration = in_state("sampled")

    with pytest.raises(GateClosed, match="map_changed"):
        transitions.sign(migration, "ana", "approver", "h0", "sample-0003")
    with pytest.raises(GateClosed, match="sample_outdated"):
        transitions.sign(migration, "ana", "approver", "h1", "sample-0002")

    transitions.sign(migration, "ana", "approver", "h1", "sample-0003")
    assert (migration.state, migration.signed_by) == ("signed_off", "ana")


def test_a_newer_sample_voids_the_run() -> None:
    """What was signed is no longer what would be run."""
    migration = in_state("signed_off")
    migration.sample_run = "sample-0009"

    refusal = gate(migration, "run")

    assert refusal is not None and (refusal.code, refusal.next) == ("not_signed_off", "sign-off")


@pytest.mark.parametrize(
    ("field", "step", "state", "code"),
    [
        ("confirmed_hash", "prepare", "confirmed", "not_confirmed"),
        ("confirmed_hash", "run", "signed_off", "not_confirmed"),
        ("prepared_hash", "sample", "prepared", "not_prepared"),
        ("sample_hash", "sign-off", "sampled", "sample_outdated"),
        ("signed_hash", "run", "signed_off", "not_signed_off"),
        ("signed_hash", "delta", "migrated", "not_signed_off"),
        ("map_hash", "confirm", "mapped", "no_map"),
    ],
)
def test_a_hash_that_does_not_fit_shuts_the_gate(field: str, step: Step, state: State, code: str) -> None:
    """The state alone is never enough."""
    migration = in_state(state)
    setattr(migration, field, None)

    refusal = gate(migration, step, at=NOON)

    assert refusal is not None and refusal.code == code


def test_the_delta_window_ends() -> None:
    """Open before its end, shut from then on; closing waits for it."""
    migration = in_state("verified")
    transitions.open_delta_window(migration, "migrate", NOON)

    assert gate(migration, "delta", at=NOON - timedelta(seconds=1)) is None
    refusal = gate(migration, "delta", at=NOON)
    assert refusal is not None and refusal.code == "delta_window_shut"
    refusal = gate(migration, "close", at=NOON - timedelta(seconds=1))
    assert refusal is not None and refusal.code == "delta_window_open"
    assert gate(migration, "close", at=NOON) is None


def test_closing_needs_a_clean_or_accepted_reconciliation() -> None:
    """Differences must be accepted by somebody first."""
    migration = in_state("verified")
    transitions.verified(migration, clean=False)

    with pytest.raises(GateClosed, match="differences_open"):
        transitions.close(migration, "ana")

    transitions.accept(migration, "ana")
    transitions.close(migration, "ana")
    assert (migration.state, migration.accepted_by, migration.closed_by) == ("closed", "ana", "ana")


def test_there_must_be_differences_to_accept() -> None:
    """A clean reconciliation is not accepted over."""
    with pytest.raises(GateClosed, match="nothing_to_accept"):
        transitions.accept(in_state("verified"), "ana")


def test_a_window_that_was_shut_lets_the_migration_close() -> None:
    """Nobody waits for the end of a window in which nothing more is to come."""
    migration = in_state("verified")
    transitions.open_delta_window(migration, "migrate", now() + timedelta(hours=48))
    refusal = gate(migration, "close")
    assert refusal is not None and (refusal.code, refusal.next) == ("delta_window_open", "delta")

    transitions.shut_delta_window(migration)

    assert gate(migration, "close") is None
    refusal = gate(migration, "delta")
    assert refusal is not None and refusal.code == "delta_window_shut"
    with pytest.raises(GateClosed, match="delta_window_shut"):
        transitions.shut_delta_window(migration)


@pytest.mark.parametrize(("kind", "until"), [("retry", NOON), ("migrate", NOON + timedelta(hours=1))])
def test_a_retry_leaves_a_window_as_it_is(kind: Kind, until: datetime) -> None:
    """A full run opens it anew; a retry only where no full run came to its end."""
    migration = in_state("migrated")
    transitions.open_delta_window(migration, "retry", NOON)
    assert migration.delta_until == NOON

    transitions.open_delta_window(migration, kind, NOON + timedelta(hours=1))

    assert migration.delta_until == until


def test_a_close_without_verification_is_refused() -> None:
    """A write after the verification takes it back."""
    migration = in_state("verified")
    migration.reconciliation = None

    refusal = gate(migration, "close")

    assert refusal is not None and (refusal.code, refusal.next) == ("not_verified", "verify")


def test_next_steps_by_state() -> None:
    """The way onward comes first, the way back last."""
    steps = {state: [s.step for s in next_steps(in_state(state), at=NOON)] for state in STATES}

    assert steps == {
        "created": ["scope"],
        "scoped": ["map"],
        "mapped": ["confirm"],
        "confirmed": ["prepare"],
        "prepared": ["sample"],
        "sampled": ["sign-off", "rollback"],
        "signed_off": ["run", "plan", "rollback"],
        "migrated": ["verify", "delta", "rollback"],
        "verified": ["close", "delta", "verify", "rollback"],
        "closed": [],
    }


def test_a_map_that_has_only_grown_keeps_its_confirmation_and_asks_for_a_new_sample() -> None:
    """The longer columns have to be made, and what is signed is a sample of them."""
    migration = in_state("signed_off")

    transitions.extended(migration, "h2")

    assert (migration.state, migration.confirmed_hash, migration.map_hash) == ("confirmed", "h2", "h2")
    assert migration.signed_hash is migration.signed_sample is None
    refusal = gate(migration, "sample")
    assert refusal is not None and refusal.next == "prepare"
    assert gate(migration, "prepare") is None
