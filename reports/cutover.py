"""The cutover checklist: what has to be done between the full run and the end, and how far each thing is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from reports.estimates import several
from reports.model import Fact, Report, Table, Tone

State = Literal["done", "open", "not applicable"]

TONES: Final[Mapping[str, Tone]] = {"done": "good", "open": "attention", "not applicable": "plain"}


@dataclass(frozen=True, slots=True)
class Tick:
    """What somebody said of a thing that the app cannot see: done, or not applicable."""

    state: State
    by: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Cutover:
    """The facts that the checklist is made from."""

    migrated: bool = False
    pickup: datetime | None = None  #: when the last delta that is done began
    window_until: datetime | None = None
    window_open: bool = False
    conflicts: int = 0
    conflicts_decided: int = 0
    reconciliation: str = ""  #: clean, differences, accepted, "" when not verified since the last write
    accepted_by: str = ""
    causes: int = 0  #: causes of exceptions, and those with a correction on record
    causes_dealt_with: int = 0
    excepted: int = 0
    uploads: int = 0
    uploads_done: int = 0
    rebuild: int = 0
    drugs: int = 0
    secret: str = ""  #: what the app signs in with, "" when there is nothing to revoke
    users: int = 1
    closed_by: str = ""
    closed_at: datetime | None = None
    ticked: Mapping[str, Tick] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to do. ``ticks``: only a person can say that it is done."""

    id: str
    title: str
    state: State
    stands: str
    todo: str
    ticks: bool = False


def checklist(now: Cutover) -> list[Item]:
    """Every thing to do, in the order it is done in."""
    return [
        _by_hand(
            now, "freeze", "Freeze the source", True,
            "From the cutover on, nobody enters records in the old system; take the last full export after that.",
        ),
        Item(
            "migrated", "Everything is migrated", _done(now.migrated), "" if now.migrated else "not yet",
            "" if now.migrated else "Start the full run.",
        ),
        Item(
            "delta", "The last changes are picked up", _done(now.pickup is not None),
            f"last {_moment(now.pickup)}" if now.pickup else "none was picked up", _delta_todo(now),
        ),
        _counted(
            "conflicts", "Conflicts are decided", now.conflicts_decided, now.conflicts,
            "Decide on the page Delta what becomes of records that are gone from the source or were changed in the target.",
        ),
        _reconciled(now),
        _counted(
            "exceptions", "Exceptions are dealt with", now.causes_dealt_with, now.causes,
            f"Go through the causes ({now.excepted:,} records are not in the target) on the page Exceptions: mend and retry, or "
            "record a correction for each.",
        ),
        _counted(
            "uploads", "Documents are uploaded by hand", now.uploads_done, now.uploads,
            "Upload them in Dynamics and tick them off on the page Manual uploads.",
        ),
        _by_hand(
            now, "drugs", "Drugs of unknown schedule are looked at", now.drugs > 0,
            f"Look whether one of the {now.drugs:,} drugs of the report drugs is controlled.",
        ),
        _by_hand(
            now, "rebuild", "What is not migrated is rebuilt", now.rebuild > 0,
            f"Rebuild the {now.rebuild:,} kinds of the report rebuild-inventory: templates, rules, reminders.",
        ),
        _window(now),
        _by_hand(
            now, "secrets", "Secrets are revoked", bool(now.secret),
            f"Once the migration is closed, delete {now.secret} in Entra ID and in the vault, and keys that the old system's vendor "
            "gave for the export.",
        ),
        _by_hand(
            now, "users", "Application users are removed", True,
            f"Once the migration is closed, deactivate the app's {several(now.users, 'application user')} in the Power Platform admin "
            "center, and take away the security role.",
        ),
        Item(
            "close", "The migration is closed", _done(now.closed_at is not None),
            f"by {now.closed_by}, {_moment(now.closed_at)}" if now.closed_at else "",
            "" if now.closed_at else "An approver closes it when all is well: that ends the way back. Until then it can be rolled back.",
        ),
    ]  # fmt: skip


def cutover_report(migration: str, now: Cutover) -> Report:
    """The checklist as a report."""
    items = checklist(now)
    left = sum(1 for one in items if one.state == "open")
    return Report(
        "cutover-checklist",
        "Cutover checklist",
        "What has to be done between the full run and the end, and how far it is. People tick off on the page Close what the app "
        "cannot see.",
        migration,
        [Fact("Open", f"{left:,}", "attention" if left else "good"), Fact("Things to do", f"{len(items):,}")],
        [
            Table(
                "Checklist",
                ["What", "State", "How it stands", "What to do"],
                [[one.title, one.state, one.stands, one.todo] for one in items],
                marks=TONES,
            )
        ],
    )


def _by_hand(now: Cutover, id: str, title: str, applies: bool, todo: str) -> Item:
    """Something that only a person can tell is done."""
    if not applies:
        return Item(id, title, "not applicable", "nothing of the kind", "")
    tick = now.ticked.get(id)
    if tick is None:
        return Item(id, title, "open", "nobody has said so", todo, ticks=True)
    words = f"{tick.reason} ({tick.by}, {_moment(tick.at)})"
    return Item(id, title, tick.state, words, "" if tick.state != "open" else todo, ticks=True)


def _counted(id: str, title: str, done: int, of: int, todo: str) -> Item:
    if not of:
        return Item(id, title, "not applicable", "there are none", "")
    stands = f"{done:,} of {of:,}"
    return Item(id, title, _done(done >= of), stands, "" if done >= of else todo)


def _delta_todo(now: Cutover) -> str:
    if now.pickup is not None:
        return "If anybody entered records since, upload a new export and pick it up again." if now.window_open else ""
    if now.window_open:
        return "Upload the export that was taken after the freeze, and pick it up on the page Delta."
    return (
        "The window is shut: see to it that nothing was entered in the old system after the export that was migrated."
    )


def _reconciled(now: Cutover) -> Item:
    done = now.reconciliation in ("clean", "accepted")
    stands = {"accepted": f"differences accepted by {now.accepted_by}", "": "not verified since the last write"}
    todo = {
        "differences": "Read the reconciliation: mend and verify again, or have an approver accept it.",
        "": "Verify.",
    }
    title = "Every field is read back and compared"
    words = stands.get(now.reconciliation, now.reconciliation)
    return Item("reconciliation", title, _done(done), words, todo.get(now.reconciliation, ""))


def _window(now: Cutover) -> Item:
    title = "The delta window is shut"
    if now.window_until is None:
        return Item("window", title, "open", "not open yet: the full run opens it", "Start the full run.")
    words = f"{'open until' if now.window_open else 'since'} {_moment(now.window_until)}"
    return Item(
        "window",
        title,
        _done(not now.window_open),
        words,
        "It ends by itself; a person may shut it before, on the page Delta." if now.window_open else "",
    )


def _done(yes: bool) -> State:
    return "done" if yes else "open"


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else ""
