"""The fitted model: what the features weigh, what sharing a column costs, and how often a chance comes true."""

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from mapping.matching.roles import Candidate

#: Made by ``python -m benchmarks.map.fit``.
FITTED: Final = Path(__file__).parent / "fitted.json"
#: From this likeness on a field is named by a phrase of the lexicon.
NAMED: Final = 0.8


@dataclass(frozen=True)
class Calibration:
    """Chances, and how often proposals with such a chance were right."""

    chances: Sequence[float] = ()  #: rising; empty: a chance is taken as it is
    rights: Sequence[float] = ()  #: one for each of the chances, rising

    def right(self, chance: float) -> float:
        """How often a proposal with this chance is right: on the line between the two nearest known chances."""
        if not self.chances:
            return chance
        place = bisect_right(self.chances, chance)
        if place == 0:
            return self.rights[0]
        if place == len(self.chances):
            return self.rights[-1]
        low, high = self.chances[place - 1], self.chances[place]
        share = (chance - low) / (high - low) if high > low else 1.0
        return self.rights[place - 1] + share * (self.rights[place] - self.rights[place - 1])


@dataclass(frozen=True)
class Model:
    """Weights by feature, and how far the chances that they make are to be believed.

    A field that no phrase of the lexicon names is guessed: by what it is not called, its type and its neighbours. On the
    systems that the lexicon was written for such guesses look better than they are elsewhere, so they are calibrated apart.
    """

    weights: Mapping[str, float]
    sharing: float  #: log-odds that a second field in the same column costs
    several: float  #: the same where several fields may fill the column
    named: Calibration = Calibration()
    guessed: Calibration = Calibration()

    def log_odds(self, features: Mapping[str, float]) -> float:
        """What the features of one option weigh together."""
        weights = self.weights
        return sum(weights.get(name, 0.0) * value for name, value in features.items())

    def sharing_cost(self, candidate: Candidate) -> float:
        """What a second field in the same column costs, in log-odds."""
        return self.several if candidate.several else self.sharing

    def confidence(self, chance: float, likeness: float) -> float:
        """How often a proposal with this chance is right, whose field is so far called what its home is called."""
        return (self.named if likeness >= NAMED else self.guessed).right(chance)


@cache
def fitted() -> Model:
    """The model that comes with the program."""
    data = json.loads(FITTED.read_text("utf-8"))
    named, guessed = (Calibration(**data["calibration"][part]) for part in ("named", "guessed"))
    return Model(data["weights"], data["sharing"], data["several"], named, guessed)
