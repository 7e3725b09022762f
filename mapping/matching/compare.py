"""How well words agree with the phrases of the lexicon."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mapping.matching.lexicon import words
from mapping.matching.roles import Phrase

#: What a word tells that the table's own name says already.
_SAID: float = 0.25
#: How much of a phrase's word counts as present that the table's own name implies.
_IMPLIED: float = 0.7


@dataclass(frozen=True, slots=True)
class Spoken:
    """One way to read a field: its words, and how far this way is to be trusted."""

    words: frozenset[str]
    trust: float


@dataclass(slots=True)
class Index:
    """Phrases with an owner each, found by their words."""

    by_word: dict[str, list[tuple[Phrase, str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, owned: Iterable[tuple[str, Iterable[Phrase]]]) -> "Index":
        """An index over phrases by owner."""
        index = cls()
        for owner, phrases in owned:
            for phrase in phrases:
                for word in phrase.words:
                    index.by_word.setdefault(word, []).append((phrase, owner))
        return index

    def best(self, spoken: Iterable[Spoken], said: frozenset[str]) -> dict[str, float]:
        """The best agreement of any reading with any phrase of each owner, from 0 to 1."""
        found: dict[str, float] = {}
        for reading in spoken:
            seen: set[tuple[str, frozenset[str]]] = set()
            for word in reading.words:
                for phrase, owner in self.by_word.get(word, ()):
                    if (owner, phrase.words) in seen:
                        continue
                    seen.add((owner, phrase.words))
                    score = reading.trust * agreement(reading.words, phrase, said)
                    if score > found.get(owner, 0.0):
                        found[owner] = score
        return found


def agreement(tokens: frozenset[str], phrase: Phrase, said: frozenset[str]) -> float:
    """From 0 to the phrase's weight: how far the words are the phrase's, no more and no less."""
    weights: Mapping[str, float] = words().weights
    shared = implied = extra = 0.0
    for word in phrase.words:
        weight = weights.get(word, 1.0)
        if word in tokens:
            shared += weight
        elif word in said:
            implied += _IMPLIED * weight
    if not shared:
        return 0.0
    for word in tokens:
        if word not in phrase.words:
            weight = weights.get(word, 1.0)
            extra += _SAID * weight if word in said else weight
    recall = (shared + implied) / phrase.mass
    precision = shared / (shared + extra)
    return phrase.weight * 2 * recall * precision / (recall + precision)
