"""Patients' values on a page: masked until a person who may see them says what for, and that is kept in the manifest."""

import time
from typing import Any, Final

from console import csrf
from console.visit import Visit
from reports.masking import mask, worded
from services import reveal
from services.access import StepError

COOKIE: Final = "carryover-reveal"
#: Seconds that a reveal lasts.
LASTS: Final = 30 * 60


def name(visit: Visit, path: str) -> str:
    """A file's path: files are often named after patients, so that not everybody reads it."""
    return path if visit.person.may_see_values else mask(path)


def shown(visit: Visit, value: Any) -> str:
    """A value as this visit may see it."""
    return worded(value) if revealed(visit) else mask(value)


def stands_for(visit: Visit, field: str, value: str) -> str:
    """What stands for a value of a field in a form, which shows it to those only who may see it."""
    return csrf.sign(visit.key, "value", visit.args["id"], field, value)


def revealed(visit: Visit) -> bool:
    """Whether values of this migration may be shown in this visit."""
    return bool(purpose(visit))


def purpose(visit: Visit) -> str:
    """What values of this migration are shown for in this visit; "" while they are masked."""
    until, what, proof = [*visit.cookie(COOKIE).split("."), "", ""][:3]
    if not (visit.person.may_see_values and until.isdecimal() and int(until) > time.time()):
        return ""
    proved = csrf.proves(visit.key, proof, "reveal", visit.person.id, visit.browser, visit.args["id"], until, what)
    return what if proved else ""


def cookie(visit: Visit, purpose: str) -> str:
    """The Set-Cookie header of a reveal, for this migration's pages only."""
    until = str(int(time.time()) + LASTS)
    proof = csrf.sign(visit.key, "reveal", visit.person.id, visit.browser, visit.args["id"], until, purpose)
    return csrf.cookie(COOKIE, f"{until}.{purpose}.{proof}", visit.home, seconds=LASTS)


async def unmasked(visit: Visit, file: str) -> bool:
    """Whether this visit gets a file with its values; that it does is kept."""
    what = purpose(visit)
    if what:
        await reveal.note(visit.store, visit.args["id"], visit.person.name, file, what)
    return bool(what)


async def whole(visit: Visit, file: str) -> None:
    """Lets a file pass that is all values, and keeps that it did. Raises StepError while they are masked."""
    if not await unmasked(visit, file):
        raise StepError("masked", "That file holds patients' values.", "Say what for on the page of the reports first.")
