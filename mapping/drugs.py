"""DEA schedule of a medication, by the ingredients named in its text.

The table is ``data/dea_schedules.csv``. A product takes the strictest schedule of its ingredients; some ingredients
are scheduled differently in combinations (codeine with acetaminophen, say), which the table's ``with`` column tells.
A product is "None" only when every part of it was recognised as not controlled; anything else is "Unknown".
"""

import csv
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, Literal, cast

Schedule = Literal["None", "I", "II", "III", "IV", "V", "Unknown"]

DATA: Final = Path(__file__).parent / "data" / "dea_schedules.csv"

#: Strictest first.
_STRICTNESS: Final[tuple[Schedule, ...]] = ("I", "II", "III", "IV", "V", "None")

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    schedule: Schedule
    needs: tuple[Words, ...]  #: one of these phrases must occur; empty = always


@dataclass(frozen=True, slots=True)
class _Table:
    entries: dict[Words, list[_Entry]]
    by_first: dict[str, list[Words]]  #: first word -> phrases that begin with it, longest first


def schedule(code_system: str | None, code: str | None, name: str | None) -> Schedule:
    """The schedule of one medication.

    Args:
        code_system: of the code; part of the interface, since a code alone tells no ingredient.
        code: RxNorm, NDC or the source's own; a medication with a code but no name is Unknown.
        name: the medication's text, brand or ingredients with or without strength and form.
    """
    return _of_text(name) if name and name.strip() else "Unknown"


@lru_cache(maxsize=16_384)
def _of_text(text: str) -> Schedule:
    plain = _plain(text)
    words = _words(plain)
    table = _table()
    found = _phrases(words, table)
    strictest = _strictest(_schedule_of(phrase, words, table) for _, phrase in found)
    if strictest is not None and strictest != "None":
        return strictest
    return "None" if found and _all_parts_known(plain, table) else "Unknown"


def _schedule_of(phrase: Words, words: list[str], table: _Table) -> Schedule:
    entries = table.entries[phrase]
    special = [e.schedule for e in entries if any(_occurs(needed, words) for needed in e.needs)]
    strictest = _strictest(special) or _strictest(e.schedule for e in entries if not e.needs)
    return strictest if strictest is not None else "Unknown"


def _strictest(schedules: Iterable[Schedule]) -> Schedule | None:
    present = set(schedules)
    return next((schedule for schedule in _STRICTNESS if schedule in present), None)


def _occurs(phrase: Words, words: list[str]) -> bool:
    size = len(phrase)
    return any(tuple(words[i : i + size]) == phrase for i in range(len(words) - size + 1))


def _phrases(words: list[str], table: _Table) -> list[tuple[int, Words]]:
    """Every entry of the table that occurs with the place of its first word, the longest at each place."""
    found: list[tuple[int, Words]] = []
    place = 0
    while place < len(words):
        for phrase in table.by_first.get(words[place], ()):
            if tuple(words[place : place + len(phrase)]) == phrase:
                found.append((place, phrase))
                place += len(phrase) - 1
                break
        place += 1
    return found


_BRACKETS: Final = re.compile(r"[(\[]([^)\]]*)[)\]]")
#: What stands between ingredients. A slash does so only with space around it or letters before: "1 MG/ML" has none.
_BETWEEN: Final = re.compile(
    r"\s/\s|\+|;|,|&|(?<=[a-z]{4})/(?=[a-z]{4})|\s(?:and|with|w|in)\s|(?<=[a-z]{4})-(?=[a-z]{4})|\s-\s"
)


def _all_parts_known(plain: str, table: _Table) -> bool:
    """True when every part of a combination begins with a name that the table knows (or has it in brackets)."""
    if any(_phrases(_words(inside), table) for inside in _BRACKETS.findall(plain)):
        return True
    for part in _BETWEEN.split(_BRACKETS.sub(" ", plain)):
        words = _words(part)
        # Only the first name counts: what follows an unknown one may be its salt or diluent.
        first = next((n for n, word in enumerate(words) if _is_name(word)), None)
        if first is not None and not any(n <= first < n + len(phrase) for n, phrase in _phrases(words, table)):
            return False
    return True


def _is_name(word: str) -> bool:
    return len(word) > 2 and word not in _NO_NAMES and not any(c.isdigit() for c in word)


#: Words of forms, strengths, routes and salts: alone they name no ingredient.
_NO_NAMES: Final = frozenset(
    [
        "tablet",
        "tablets",
        "tab",
        "tabs",
        "capsule",
        "capsules",
        "cap",
        "caps",
        "oral",
        "solution",
        "suspension",
        "injection",
        "injectable",
        "syringe",
        "prefilled",
        "cream",
        "ointment",
        "gel",
        "lotion",
        "spray",
        "drops",
        "patch",
        "transdermal",
        "system",
        "extended",
        "release",
        "delayed",
        "immediate",
        "sustained",
        "chewable",
        "sublingual",
        "topical",
        "nasal",
        "ophthalmic",
        "otic",
        "rectal",
        "vaginal",
        "intravenous",
        "inhalation",
        "inhaler",
        "metered",
        "dose",
        "powder",
        "dry",
        "mucosal",
        "drug",
        "implant",
        "intrauterine",
        "ring",
        "device",
        "pack",
        "day",
        "hour",
        "auto",
        "injector",
        "actuat",
        "regular",
        "human",
        "porcine",
        "isophane",
        "soluble",
        "activated",
        "compound",
        "purified",
        "protein",
        "derivative",
        "complex",
        "concentrate",
        "preparation",
        "enteric",
        "coated",
        "abuse",
        "deterrent",
        "releasing",
        "acting",
        "intermediate",
        "containing",
        "long",
        "short",
        "film",
        "liquid",
        "syrup",
        "elixir",
        "kit",
        "strength",
        "sodium",
        "hydrochloride",
        "acid",
        "acetate",
        "sulfate",
        "phosphate",
        "maleate",
        "tartrate",
        "succinate",
        "macrocrystals",
        "monohydrate",
        "anhydrous",
        "free",
        "once",
        "twice",
        "daily",
        "every",
        "take",
        "by",
        "mouth",
        "for",
        "the",
        "per",
        "each",
        "unit",
        "units",
        "unt",
        "not",
        "applicable",
        "nos",
        "usp",
        "generic",
        "brand",
    ]
)

_WORD: Final = re.compile(r"[a-z0-9]+")


def _words(plain: str) -> list[str]:
    return _WORD.findall(plain)


def _plain(text: str) -> str:
    """Lower case, without accents, every dash an ASCII one."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join("-" if unicodedata.category(c) == "Pd" else c for c in decomposed if not unicodedata.combining(c))


@cache
def _table() -> _Table:
    entries: dict[Words, list[_Entry]] = defaultdict(list)
    with DATA.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            needs = tuple(tuple(_words(_plain(needed))) for needed in row["with"].split("|") if needed)
            schedule_: Schedule = cast("Schedule", row["schedule"])
            entry = _Entry(schedule_, needs)
            entries[tuple(_words(_plain(row["name"])))].append(entry)
    by_first: dict[str, list[Words]] = defaultdict(list)
    for phrase in sorted(entries, key=len, reverse=True):
        by_first[phrase[0]].append(phrase)
    return _Table(dict(entries), dict(by_first))
