"""What every page of a migration shows around its own content: where we are, what is needed, can it be undone."""

from dataclasses import dataclass
from typing import Any, Final

from console import words
from console.render import moment
from console.visit import Visit
from ledger import migrations
from ledger.gates import gate, window_open
from ledger.states import STATES, Migration, Step
from services.overview import shown

#: The navigation: (group, ((place, title), …)).
NAVIGATION: Final = (
    ("Get ready", (("", "Overview"), ("source", "Source"), ("map", "Map"), ("owners", "Owners"), ("prepare", "Prepare"))),
    ("Move", (("sample", "Sample"), ("run", "Plan and run"), ("exceptions", "Exceptions"), ("uploads", "Manual uploads"),
              ("delta", "Delta"))),
    ("Prove", (("verification", "Verification"), ("audit", "Audit log"), ("reports", "Reports"))),
    ("End", (("rollback", "Roll back"), ("close", "Close"))),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stop:
    """One step of the road: ``state`` is done, now or later; ``why`` says what it waits for."""

    step: str
    title: str
    place: str
    role: str
    state: str
    why: str


async def shell(visit: Visit, place: str) -> dict[str, Any]:
    """The context of a page of the migration. Raises NoMigration."""
    one = await visit.migration()
    document = await shown(visit.store, one)
    following = migrations.next_steps(one)
    return {
        "m": document,
        "home": visit.home,
        "place": place,
        "navigation": NAVIGATION,
        "next": following[0] if following else None,
        "undo": undo_words(one),
        "window": window_words(one),
        "gate": lambda step: gate(one, step),
    }


def undo_words(one: Migration) -> tuple[str, str]:
    """Whether it can be undone and until when, with the tone of saying so."""
    if one.state == "closed":
        return "bad", "Closed: it cannot be undone any more."
    if one.undoing:
        return "attention", "A rollback began and has not finished."
    if one.written:
        return "good", "Everything written can be undone until the migration is closed."
    return "plain", "Nothing has been written: there is nothing to undo."


def window_words(one: Migration) -> str:
    """Until when deltas are picked up, and whether that is over."""
    if one.delta_until is None:
        return "not open: the full run opens it"
    return f"{'open until' if window_open(one) else 'ended'} {moment(one.delta_until)}"


def _waits(one: Migration, step: Step) -> str:
    """What a step waits for; nothing when it may be taken."""
    refusal = gate(one, step)
    return refusal.reason if refusal else ""


def road(one: Migration) -> list[Stop]:
    """The steps of the migration's life, with where it stands."""
    stops: list[Stop] = []
    here = STATES.index(one.state)
    reached = False
    for step, state in words.ROAD:
        if here >= STATES.index(state):
            kind, why = "done", ""
        elif not reached:
            why, reached = _waits(one, step), True
            kind = "later" if why else "now"
        else:
            kind, why = "later", _waits(one, step)
        stops.append(Stop(step, words.STEPS[step], words.PLACES[step], words.role(step), kind, why))
    return stops
