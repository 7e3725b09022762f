"""Names of columns and datasets as words, to tell whether one speaks of the other."""

import re
from functools import lru_cache
from typing import Final

_PIECES: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

#: Words at the end of a column's name that say it holds an id.
ID_WORDS: Final = frozenset(
    ("id", "ids", "uuid", "guid", "key", "ref", "code", "number", "num", "no", "nr", "pk", "fk")
)

#: Words that stand for each other in names of datasets and columns.
_SAME: Final = {
    "doctor": "provider", "physician": "provider", "practitioner": "provider", "clinician": "provider",
    "prescriber": "provider", "healthprof": "provider", "therapist": "provider", "dr": "provider",
    "healthprofessional": "provider",
    "facility": "location", "clinic": "location", "site": "location", "office": "location", "institution": "location",
    "branch": "location", "place": "location", "organization": "location", "business": "location",
    "pid": "patient", "people": "patient", "client": "patient", "pt": "patient", "person": "patient", "member": "patient",
    "attendee": "patient", "participant": "patient", "by": "staff",
    "employee": "staff", "user": "staff", "owner": "staff", "author": "staff", "creator": "staff", "manager": "staff",
    "personnel": "staff", "worker": "staff",
    "visit": "encounter", "consultation": "encounter", "evaluation": "encounter",
    "appt": "appointment", "booking": "appointment",
    "org": "location", "payor": "payer", "carrier": "payer", "insurer": "payer",
    "rx": "prescription", "medication": "prescription", "doc": "document",
}  # fmt: skip


@lru_cache(maxsize=1 << 12)
def words(name: str) -> tuple[str, ...]:
    """A name's words, small and in the singular: ``primaryProviderIds`` gives primary, provider, id."""
    return tuple(_singular(piece.lower()) for piece in _PIECES.findall(name))


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word == "ids" or (word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3):
        return word[:-1]
    return word


@lru_cache(maxsize=1 << 12)
def meanings(name: str) -> frozenset[str]:
    """The words that say what a name is about: those for ids left out, synonyms brought together."""
    return frozenset(_SAME.get(word, word) for word in words(name) if word not in ID_WORDS)


def says_id(name: str) -> bool:
    """Whether a name's last word says that it holds an id."""
    last = words(name)[-1:]
    return bool(last) and (last[0] in ID_WORDS or last[0] in ("pid", "mrn", "npi"))
