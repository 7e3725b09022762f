"""Fits the weights and the calibration on the gold systems: ``python -m benchmarks.map.fit``; writes ``fitted.json``.

The weights are those of a conditional logit: of a field's possible homes each has the chance exp(weights · features) over
the sum of all. The calibrations are isotonic, over proposals for systems that the weights in use had not seen.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from benchmarks.map.gold import Pair, System, also_systems, gold_systems, home_of
from mapping.matching.complete import ANY
from mapping.matching.datasets import take
from mapping.matching.engine import propose, solve_tables
from mapping.matching.features import FEATURES, weigh
from mapping.matching.links import called, linked
from mapping.matching.roles import roles
from mapping.matching.tokens import Reader, languages_of
from mapping.matching.views import soundless_words, view_of
from mapping.matching.weigher import FITTED, NAMED, Calibration, Model
from mapping.objects import ObjectName

#: Pull of every weight towards zero.
RIDGE = 1.0
#: What a second field in one column costs, in log-odds; and where several may fill it.
SHARING, SEVERAL = 1.5, 0.2
#: Confidence never says more than this: a schema alone is never certain.
MOST = 0.985
#: And of a guess not more than this: of three new systems, before any word was written for them, 75 % of such fields were
#: right, however likely the model took them to be. Words written since make guesses look better on the systems at hand.
MOST_GUESSED = 0.8

_PLACE = {name: place for place, name in enumerate(FEATURES)}
Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Counts = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


@dataclass(frozen=True)
class Case:
    """A field's options as a matrix, and which of them are right."""

    options: Array
    right: Array


def cases_of(system: System) -> list[Case]:
    """Every field of a system that the gold speaks of and whose right home is among its options."""
    pairs: dict[tuple[ObjectName, str], Pair] = {(one.object, one.source_field): one for one in system.pairs}
    reader = Reader(
        languages_of(name for table in system.tables for name in (table.name, *(c.name for c in table.columns)))
    )
    soundless = soundless_words(system.tables, reader)
    names = called(system.tables, reader, soundless)
    found = []
    for table in linked(system.tables, reader):
        view = view_of(table, reader, soundless, names)
        for object in table.objects:
            taken = take(view, [role for role in roles().values() if role.object in (object, None)])[0]
            for one in weigh(view, taken):
                pair = pairs.get((object, f"{table.name}.{one.field.column.name}"))
                right = [pair is not None and _is_right(option.candidate.name, pair) for option in one.options]
                if any(right):
                    found.append(Case(_matrix([option.features for option in one.options]), np.array(right, float)))
    return found


def _is_right(name: str, pair: Pair) -> bool:
    if name.endswith(ANY):
        return any(home.startswith(name[:-1]) for home in pair.right)
    return name in pair.right


def _matrix(features: Sequence[dict[str, float]]) -> Array:
    matrix = np.zeros((len(features), len(FEATURES)))
    for row, one in enumerate(features):
        for name, value in one.items():
            matrix[row, _PLACE[name]] = value
    return matrix


def fit(cases: Sequence[Case], ridge: float = RIDGE) -> dict[str, float]:
    """The weights under which the right homes are likeliest, found by Newton's method."""
    options = np.vstack([case.options for case in cases])
    right = np.concatenate([case.right for case in cases])
    sizes = np.array([len(case.right) for case in cases])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    weights = np.zeros(len(FEATURES))
    for _ in range(60):
        chances = _chances(options @ weights, starts, sizes)
        told = chances * right
        told = told / np.repeat(np.add.reduceat(told, starts), sizes)
        gradient = options.T @ (told - chances) - ridge * weights
        means = np.add.reduceat(options * chances[:, None], starts)
        curvature = (options.T * chances) @ options - means.T @ means + ridge * np.eye(len(weights))
        step = np.linalg.solve(curvature, gradient)
        weights = weights + step * min(1.0, 4.0 / max(1e-9, float(np.abs(step).max())))
        if float(np.abs(step).max()) < 1e-6:
            break
    return {name: round(float(weights[place]), 4) for name, place in _PLACE.items()}


def _chances(scores: Array, starts: Counts, sizes: Counts) -> Array:
    """Softmax within each case."""
    powers = np.exp(scores - np.repeat(np.maximum.reduceat(scores, starts), sizes))
    return np.asarray(powers / np.repeat(np.add.reduceat(powers, starts), sizes))


def isotonic(seen: Sequence[tuple[float, bool]], most: float) -> Calibration:
    """Chances, and how often they came true, at most ``most``: adjacent violators are pooled, each pool at its mean chance.

    Fields that nothing is known of all have the same chance: what is equal is one pool from the start.
    """
    alike: dict[float, list[float]] = {}  # right, count, sum of chances
    for chance, hit in seen:
        one = alike.setdefault(round(chance, 4), [0.0, 0.0, 0.0])
        one[:] = one[0] + hit, one[1] + 1, one[2] + chance
    pools: list[list[float]] = []
    for _, one in sorted(alike.items()):
        pools.append(one)
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] >= pools[-1][0] / pools[-1][1]:
            last = pools.pop()
            pools[-1] = [one + other for one, other in zip(pools[-1], last, strict=True)]
    # Laplace's rule keeps a pool of few from saying 0 or 1.
    shares = [min(most, (hits + 1) / (count + 2)) for hits, count, _ in pools]
    return Calibration(
        [round(total / count, 4) for _, count, total in pools],
        [round(float(one), 4) for one in np.maximum.accumulate(shares)],
    )


def left_out(systems: Sequence[System]) -> dict[str, Model]:
    """For each system a model whose weights and calibration were fitted on the others only."""
    cases = {system.name: cases_of(system) for system in systems}
    models = {
        system.name: Model(
            fit([one for name, own in cases.items() if name != system.name for one in own]), SHARING, SEVERAL
        )
        for system in systems
    }
    seen = {system.name: outcomes(system, models[system.name]) for system in systems}
    return {
        name: calibrated(model, [one for other, own in seen.items() if other != name for one in own])
        for name, model in models.items()
    }


@dataclass(frozen=True)
class Outcome:
    """A proposal for a field of the gold: how sure the model was, how far the field is called so, and whether it is right."""

    chance: float
    likeness: float
    right: bool


def outcomes(system: System, model: Model) -> list[Outcome]:
    """What the model makes of each pair of a system."""
    right = {(pair.object, pair.source_field): pair.right for pair in system.pairs}
    solved = [one for *_, fields in solve_tables(system.tables, model) for one in fields]
    return [
        Outcome(one.chances[one.chosen.name], one.likeness, home_of(field) in right[field.object, field.source_field])
        for one, field in zip(solved, propose(system.tables, model).fields, strict=True)
        if (field.object, field.source_field) in right
    ]


def calibrated(model: Model, seen: Sequence[Outcome]) -> Model:
    """The model with calibrations from proposals for systems that its weights had not seen."""
    named = isotonic([(one.chance, one.right) for one in seen if one.likeness >= NAMED], MOST)
    guessed = isotonic([(one.chance, one.right) for one in seen if one.likeness < NAMED], MOST_GUESSED)
    return replace(model, named=named, guessed=guessed)


def main() -> int:
    """Fits on every gold system and writes the model."""
    if not gold_systems():
        print("There is no shared data to fit on; see CARRYOVER_SHARED_DATA.", file=sys.stderr)
        return 1
    systems = [*gold_systems(), *also_systems()]
    models = left_out(systems)
    seen = [one for system in systems for one in outcomes(system, models[system.name])]
    weights = fit([one for system in systems for one in cases_of(system)])
    model = calibrated(Model(weights, SHARING, SEVERAL), seen)
    document = {
        "weights": weights, "sharing": SHARING, "several": SEVERAL,
        "calibration": {"named": asdict(model.named), "guessed": asdict(model.guessed)},
    }  # fmt: skip
    FITTED.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    right = sum(one.right for one in seen) / len(seen)
    print(f"{FITTED}: {len(seen)} fields of {len(systems)} systems, {right:.1%} right when left out")
    return 0


if __name__ == "__main__":
    sys.exit(main())
