"""When a fault strikes: how often, every how many, after how many, with what probability. And how long a wait lasts."""

from dataclasses import dataclass
from random import Random
from typing import Any, Final

#: The members of a fault's document that say when it strikes.
MEMBERS: Final = frozenset({"times", "skip", "every", "probability", "seed"})


@dataclass(slots=True)
class Trigger:
    """Asked once for each candidate, in their order; the same order and seed strike the same candidates."""

    times: int | None  #: at most so many strikes; None is no end
    skip: int  #: candidates let through first
    every: int  #: of the others, only each n-th
    probability: float
    random: Random
    fired: int = 0
    _seen: int = 0

    def pull(self) -> bool:
        """Whether the fault strikes this candidate; it is used up by one."""
        if self.times is not None and self.fired >= self.times:
            return False
        self._seen += 1
        if self._seen <= self.skip or (self._seen - self.skip) % self.every:
            return False
        if self.probability < 1 and self.random.random() >= self.probability:
            return False
        self.fired += 1
        return True


def trigger(document: dict[str, Any], *, once: bool = False) -> Trigger:
    """The trigger of a fault's document; ``once``: without times, every and probability it strikes one time only."""
    bare = not document.keys() & {"times", "every", "probability"}
    times = document.get("times", 1 if once and bare else None)
    every, probability = int(document.get("every", 1)), float(document.get("probability", 1))
    if every < 1 or not 0 <= probability <= 1:
        raise ValueError("every must be 1 or more, and probability between 0 and 1")
    return Trigger(
        None if times is None else int(times),
        int(document.get("skip", 0)),
        every,
        probability,
        Random(str(document.get("seed", 0))),
    )


@dataclass(slots=True, frozen=True)
class Lag:
    """How long something takes to be seen: so many looks at it, so many seconds, or both."""

    looks: int = 0
    seconds: float = 0.0

    def start(self, now: float) -> "Waiting":
        return Waiting(self.looks, now + self.seconds)


@dataclass(slots=True)
class Waiting:
    looks: int
    until: float

    def look(self, now: float) -> bool:
        """Whether it was over before this look."""
        if self.looks > 0:
            self.looks -= 1
            return False
        return now >= self.until

    def over(self, now: float) -> bool:
        return self.looks <= 0 and now >= self.until


def lag(document: Any) -> Lag:
    """``{"looks": n, "seconds": s}``."""
    members = known(document, {"looks", "seconds"})
    return Lag(int(members.get("looks", 0)), float(members.get("seconds", 0)))


def known(document: Any, names: set[str] | frozenset[str]) -> dict[str, Any]:
    """The document, when it is an object whose members all have one of these names."""
    if not isinstance(document, dict):
        raise ValueError("an object is expected")
    unknown = document.keys() - names
    if unknown:
        raise ValueError(f"unknown members: {', '.join(sorted(unknown))}")
    return document
