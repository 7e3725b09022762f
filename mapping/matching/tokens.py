"""Field and table names as words: split, abbreviations spelled out, other languages in English, one word for one thing."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from mapping.matching.lexicon import words

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_PARTS = re.compile(r"[a-z]+|\d+")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
#: A language is taken for spoken in a schema with this many different words of its own.
_OWN_WORDS = 3
#: Run-together words are taken apart only when every part has this many letters.
_SHORTEST = 2
#: Two words are put together when the lexicon knows the whole, and it has this many letters.
_JOINED = 5
#: Endings of plurals in other languages than English, and how much of a word they leave.
_PLURALS, _STEM = ("s", "es", "n", "en", "e", "er"), 4
#: Two letters that are a word wherever they stand at the end.
_SHORT_WORDS = frozenset(("id", "no", "nr"))


@lru_cache(maxsize=1 << 16)
def raw_words(name: str) -> tuple[str, ...]:
    """The words of a name as they stand: lower case, without accents, numbers apart. ``pc_eventDate`` -> pc event date."""
    plain = unicodedata.normalize("NFKD", name.translate(_UMLAUTS)).encode("ascii", "ignore").decode()
    spaced = _CAMEL.sub(" ", plain) if not plain.isupper() else plain
    return tuple(_PARTS.findall(spaced.lower()))


def languages_of(names: Iterable[str]) -> frozenset[str]:
    """The languages besides English that a schema's names are in."""
    english = words().english
    seen = Counter(word for name in names for word in set(_undivided(name)))
    spoken = set()
    for language, vocabulary in words().languages.items():
        own = {word for word in seen if word in vocabulary and word not in english}
        if len(own) >= _OWN_WORDS:
            spoken.add(language)
    if not spoken:
        return frozenset()
    # Of related languages those stay that explain about as much as the best one.
    explained = {one: sum(1 for word in seen if word in words().languages[one]) for one in spoken}
    most = max(explained.values())
    return frozenset(one for one in spoken if explained[one] >= 0.6 * most)


def _undivided(name: str) -> Iterable[str]:
    for word in raw_words(name):
        yield word
        if len(word) > 6:
            yield from (part for part in _divided(word, words().foreign) if part != word)


@dataclass(frozen=True)
class Reader:
    """Reads names in English and in the languages a schema speaks."""

    languages: frozenset[str] = frozenset()

    def read(self, name: str) -> tuple[str, ...]:
        """The plain English words of a name, each once, in order."""
        return _read(name, self.languages)


@lru_cache(maxsize=1 << 16)
def _read(name: str, languages: frozenset[str]) -> tuple[str, ...]:
    found: list[str] = []
    for word in _joined(raw_words(name)):
        found += _plain(word, languages)
    stop = words().stop
    told = tuple(dict.fromkeys(word for word in found if word not in stop))
    return told or tuple(dict.fromkeys(found))


def _joined(parts: Sequence[str]) -> list[str]:
    """Puts together what the lexicon knows as one word: cpt4, icd10, line1, a1c, post code, e mail."""
    known = words().abbreviations
    joined: list[str] = []
    for part in parts:
        if joined and joined[-1] + part in known and (part.isdigit() or len(joined[-1]) + len(part) >= _JOINED):
            joined[-1] += part
        elif len(joined) > 1 and len(part) == 1 and joined[-1].isdigit() and joined[-2] + joined[-1] + part in known:
            joined[-2:] = [joined[-2] + joined[-1] + part]
        else:
            joined.append(part)
    return joined


@lru_cache(maxsize=1 << 16)
def _plain(word: str, languages: frozenset[str]) -> tuple[str, ...]:
    """What one word stands for."""
    lexicon = words()
    for language in sorted(languages):
        if (meaning := lexicon.languages[language].get(word)) is not None:
            return tuple(_same(one) for one in meaning.split())
    if word in lexicon.abbreviations:
        return tuple(_same(one) for one in lexicon.abbreviations[word].split())
    single = _singular(word)
    if word.isdigit() or (word in lexicon.vocabulary and (single not in lexicon.vocabulary or word in lexicon.same)):
        return (_same(word),)
    if single != word and (single in lexicon.vocabulary or single in lexicon.abbreviations):
        return _plain(single, languages)
    for language in sorted(languages):
        for stem in _stems(word):
            if (meaning := lexicon.languages[language].get(stem)) is not None:
                return tuple(_same(one) for one in meaning.split())
    parts = _divided(word, _vocabulary(languages))
    if len(parts) > 1:
        return tuple(plain for part in parts for plain in _plain(part, languages))
    return (_same(single),)


def _same(word: str) -> str:
    lexicon = words()
    single = _singular(word)
    return lexicon.same.get(word) or lexicon.same.get(single) or single


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "os", "as")):
        return word[:-1]
    return word


def _stems(word: str) -> Iterator[str]:
    """What a word of another language may be the plural of: contactos, unidades, Termine, Diagnosen, Bilder."""
    yield from (
        word[: -len(ending)] for ending in _PLURALS if word.endswith(ending) and len(word) - len(ending) >= _STEM
    )


@cache
def _vocabulary(languages: frozenset[str]) -> frozenset[str]:
    lexicon = words()
    known = set(lexicon.vocabulary) | {word for word in lexicon.abbreviations if len(word) > 2}
    for language in languages:
        known |= {word for word in lexicon.languages[language] if len(word) > 2}
    return frozenset(known)


def _divided(word: str, vocabulary: frozenset[str]) -> tuple[str, ...]:
    """A run-together word taken apart into known ones, with as few parts as can be; itself when that is impossible."""
    best: list[tuple[float, tuple[str, ...]] | None] = [None] * (len(word) + 1)
    best[0] = (0.0, ())
    for end in range(_SHORTEST, len(word) + 1):
        for start in range(max(0, end - 20), end - _SHORTEST + 1):
            before = best[start]
            part = word[start:end]
            if before is None or not (part in vocabulary or _singular(part) in vocabulary):
                continue
            # Short parts are dear: any letters can be taken apart into twos and threes.
            cost = before[0] + (1.0 if len(part) > 3 or part in _SHORT_WORDS else 1.6 if len(part) == 3 else 2.2)
            if (old := best[end]) is None or cost < old[0]:
                best[end] = (cost, (*before[1], part))
    found = best[len(word)]
    if found is None or found[0] > 1 + len(word) / 3.5:
        return (word,)
    return found[1]
