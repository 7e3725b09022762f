"""Value maps for choices: what the source calls each option, by a lexicon of words in several languages."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from mapping.catalog import load_catalog
from mapping.matching.lexicon import load
from mapping.matching.tokens import raw_words

#: State and preferences are Dataverse's own columns; their options as the lexicon has them.
_STATES = frozenset(("statecode",))


@dataclass(frozen=True, slots=True)
class Answers:
    """Source value -> option label, None for what has no option on purpose; and the values nobody knows."""

    values: dict[str, str | None]
    unanswered: tuple[str, ...]


def answers(table: str, column: str, seen: Iterable[str]) -> Answers | None:
    """The value map of a choice for the values seen; None when the column is no choice with fixed options.

    Numbers and single letters are answered only where the lexicon says so for this column; nothing is guessed.
    """
    known = _known(f"{table}.{column}")
    entry = load_catalog().column(table, column)
    if entry is None or not known or entry.open:
        return None
    found: dict[str, str | None] = {}
    open_: list[str] = []
    for value in seen:
        key = _folded(value)
        if not key:
            continue
        if key in known:
            found[value] = known[key]
        else:
            open_.append(value)
    return Answers(found, tuple(open_))


@cache
def _known(name: str) -> dict[str, str | None]:
    options = load("values.yaml").get(name)
    table, _, column = name.partition(".")
    entry = load_catalog().column(table, column)
    known: dict[str, str | None] = {}
    if options is None:
        return known
    for label, called in options.items():
        for word in called:
            known.setdefault(_folded(str(word)), label)
    if entry is not None:
        for label in entry.options:
            known[_folded(label)] = label
    return known


def _folded(value: str) -> str:
    """Without case, accents, signs and blanks: ``Checked-In`` and ``CheckedIn`` are one."""
    plain = unicodedata.normalize("NFKC", value).strip()
    return "".join(raw_words(plain)) or plain.casefold()
