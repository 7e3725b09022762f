"""The cutover checklist: each thing is done, open or not applicable, and says what to do while it is open."""

from dataclasses import replace
from datetime import UTC, datetime

from reports.cutover import Cutover, Item, Tick, checklist, cutover_report

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MIGRATED = Cutover(migrated=True, window_until=NOON, window_open=True, secret="the certificate", rebuild=2)


def of(now: Cutover) -> dict[str, Item]:
    return {one.id: one for one in checklist(now)}


def test_whatever_is_open_says_what_to_do_and_whatever_is_not_says_nothing() -> None:
    for now in (Cutover(), MIGRATED, replace(MIGRATED, reconciliation="differences", uploads=3, causes=2, conflicts=1)):
        for one in checklist(now):
            assert bool(one.todo) is (one.state == "open"), one


def test_a_migration_that_was_just_run() -> None:
    states = {id: one.state for id, one in of(MIGRATED).items()}
    assert states == {
        "freeze": "open", "migrated": "done", "delta": "open", "conflicts": "not applicable", "reconciliation": "open",
        "exceptions": "not applicable", "uploads": "not applicable", "drugs": "not applicable", "rebuild": "open",
        "window": "open", "secrets": "open", "users": "open", "close": "open",
    }  # fmt: skip
    assert [fact.value for fact in cutover_report("m-00000000", MIGRATED).facts] == ["8", "13"]


def test_counts_are_done_when_all_are() -> None:
    now = replace(MIGRATED, uploads=3, uploads_done=2, causes=1, causes_dealt_with=1, conflicts=2, conflicts_decided=2)
    found = of(now)
    assert (found["uploads"].state, found["uploads"].stands) == ("open", "2 of 3")
    assert (found["exceptions"].state, found["conflicts"].state) == ("done", "done")


def test_what_only_a_person_can_tell_is_done_when_somebody_says_so() -> None:
    ticked = {
        "freeze": Tick("done", "Ada", NOON, "Friday evening"),
        "users": Tick("not applicable", "Ben", NOON, "shared"),
    }
    found = of(replace(MIGRATED, ticked=ticked))
    assert found["freeze"].stands == "Friday evening (Ada, 2026-11-23 12:00 UTC)"
    assert (found["freeze"].state, found["users"].state) == ("done", "not applicable")
    assert of(replace(MIGRATED, secret=""))["secrets"].state == "not applicable"


def test_a_window_that_is_shut_without_a_pickup_says_so() -> None:
    shut = replace(MIGRATED, window_open=False)
    assert of(shut)["window"].state == "done"
    assert "nothing was entered" in of(shut)["delta"].todo
    assert of(replace(shut, pickup=NOON))["delta"].state == "done"


def test_the_reconciliation_and_the_end() -> None:
    accepted = of(replace(MIGRATED, reconciliation="accepted", accepted_by="Ben"))["reconciliation"]
    assert (accepted.state, accepted.stands) == ("done", "differences accepted by Ben")
    closed = of(replace(MIGRATED, closed_by="Ben", closed_at=NOON))["close"]
    assert (closed.state, closed.stands) == ("done", "by Ben, 2026-11-23 12:00 UTC")
