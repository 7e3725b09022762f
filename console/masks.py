"""Patients' values on a page: masked until a person who may see them says what for, and that is kept in the manifest."""

import re
import time
from typing import Any, Final

from console import csrf
from console.visit import Visit

COOKIE: Final = "carryover-reveal"
#: Seconds that a reveal lasts.
LASTS: Final = 30 * 60
CHECKING: Final = "Checking the map"
PURPOSES: Final = ("Reviewing the sample", CHECKING, "Mending an exception", "Deciding a conflict")

_LETTER, _DIGIT = re.compile(r"[^\W\d_]"), re.compile(r"\d")


def mask(value: Any) -> str:
    """The shape of a value without the value: letters become x, digits 0."""
    if value in (None, "", []):
        return ""
    return _DIGIT.sub("0", _LETTER.sub("x", str(value)[:60]))


def name(visit: Visit, path: str) -> str:
    """A file's path: files are often named after patients, so that not everybody reads it."""
    return path if visit.person.may_see_values else mask(path)


def revealed(visit: Visit) -> bool:
    """Whether values of this migration may be shown in this visit."""
    until, _, proof = visit.cookie(COOKIE).partition(".")
    if not (visit.person.may_see_values and until.isdecimal() and int(until) > time.time()):
        return False
    return csrf.proves(visit.key, proof, "reveal", visit.person.id, visit.browser, visit.args["id"], until)


def cookie(visit: Visit) -> str:
    """The Set-Cookie header of a reveal, for this migration's pages only."""
    until = str(int(time.time()) + LASTS)
    proof = csrf.sign(visit.key, "reveal", visit.person.id, visit.browser, visit.args["id"], until)
    return csrf.cookie(COOKIE, f"{until}.{proof}", visit.home, seconds=LASTS)
