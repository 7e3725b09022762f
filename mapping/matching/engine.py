"""The matcher's front: tables in, a proposal out."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from mapping.matching.assign import assign
from mapping.matching.complete import with_column, with_values
from mapping.matching.datasets import Taken, take
from mapping.matching.features import Weighed, weigh
from mapping.matching.links import called, linked
from mapping.matching.model import Alternative, FieldProposal, Proposal, Table, TableProposal
from mapping.matching.reasons import reason_of, table_reason
from mapping.matching.roles import NOWHERE, Candidate, roles
from mapping.matching.tokens import Reader, languages_of
from mapping.matching.views import TableView, soundless_words, view_of
from mapping.matching.weigher import Model, fitted
from mapping.objects import ObjectName

#: Homes that are offered besides the chosen one.
ALTERNATIVES = 4
#: A role that a table plays with less than this chance is not looked at.
_POSSIBLE = 0.05


@dataclass(frozen=True, slots=True)
class Solved:
    """A field with its homes and their probabilities, before calibration."""

    weighed: Weighed
    chosen: Candidate
    likeness: float  #: how far the field is called what its home is called, 0 to 1; 1 also where its values say so
    chances: dict[str, float]  #: ``table.column`` -> probability, the rivals' choices considered


def propose(tables: Sequence[Table], model: Model | None = None) -> Proposal:
    """A home for every field of every table, for each object a table is listed under.

    A table that is listed under none is taken for what it looks like. The order of tables and fields is kept.
    Another ``model`` than the packaged one is for those who fit and measure.
    """
    model = model or fitted()
    taken_for: list[TableProposal] = []
    fields: list[FieldProposal] = []
    for table, object, taken, solved in solve_tables(tables, model):
        taken_for.append(TableProposal(table.name, object, taken.role.name, taken.confidence, table_reason(taken)))
        fields += [_proposed(table, object, taken, one, model) for one in solved]
    return Proposal(taken_for, fields)


def solve_tables(tables: Sequence[Table], model: Model) -> Iterator[tuple[Table, ObjectName, Taken, list[Solved]]]:
    """Every table, for each object it is listed under: what it is taken for, and its fields with their chances."""
    reader = Reader(languages_of(name for table in tables for name in (table.name, *_names(table))))
    soundless = soundless_words(tables, reader)
    names = called(tables, reader, soundless)
    for table in linked(tables, reader):
        view = view_of(table, reader, soundless, names)
        for object, likely in _roles_of(view):
            readings = zip(*(solve(view, taken, model) for taken in likely), strict=True)
            yield table, object, likely[0], [_mixed(one, likely) for one in readings]


def _names(table: Table) -> Iterable[str]:
    return (column.name for column in table.columns)


def _roles_of(view: TableView) -> list[tuple[ObjectName, list[Taken]]]:
    """For each object of a table the roles it may well play, likeliest first."""
    if not view.table.objects:
        likely = _likely(take(view, roles().values()))
        return [(likely[0].role.object or "custom_property", likely)]
    found = []
    for object in view.table.objects:
        said = view.table.roles
        allowed = [one for one in roles().values() if (one.name in said if said else one.object in (object, None))]
        found.append((object, _likely(take(view, allowed))))
    return found


def _likely(taken: list[Taken]) -> list[Taken]:
    return [taken[0], *(one for one in taken[1:] if one.confidence > _POSSIBLE)]


def solve(view: TableView, taken: Taken, model: Model) -> list[Solved]:
    """The fields of one table, all at once."""
    weighed = weigh(view, taken)
    scores = [
        {option.candidate.name: model.log_odds(option.features) + option.data for option in one.options}
        for one in weighed
    ]
    candidates = {option.candidate.name: option.candidate for one in weighed for option in one.options}

    def sharing(name: str) -> float:
        return model.sharing_cost(candidates[name])

    chosen = assign(scores, sharing, nowhere=NOWHERE.name)
    takers: dict[str, int] = {}
    for name in chosen:
        takers[name] = takers.get(name, 0) + 1
    solved = []
    for one, score, name in zip(weighed, scores, chosen, strict=True):
        adjusted = {
            column: value
            - (0.0 if column == NOWHERE.name else sharing(column) * min(2, takers.get(column, 0) - (column == name)))
            for column, value in score.items()
        }
        option = next(option for option in one.options if option.candidate.name == name)
        solved.append(Solved(one, candidates[name], 1.0 if option.data > 0 else option.name, _softmax(adjusted)))
    return solved


def _mixed(readings: Sequence[Solved], likely: Sequence[Taken]) -> Solved:
    """A field as the likeliest role has it, with chances over all roles the table may play: a doubtful role makes doubtful homes."""
    total = sum(taken.confidence for taken in likely)
    chances: dict[str, float] = {}
    for one, taken in zip(readings, likely, strict=True):
        for name, chance in one.chances.items():
            chances[name] = chances.get(name, 0.0) + chance * taken.confidence / total
    return replace(readings[0], chances=chances)


def _softmax(scores: dict[str, float]) -> dict[str, float]:
    most = max(scores.values())
    powers = {name: math.exp(score - most) for name, score in scores.items()}
    total = sum(powers.values())
    return {name: power / total for name, power in powers.items()}


def _proposed(table: Table, object: ObjectName, taken: Taken, solved: Solved, model: Model) -> FieldProposal:
    column = solved.weighed.field.column
    ranked = sorted(solved.chances.items(), key=lambda one: (-one[1], one[0]))
    others = tuple(_alternative(name, chance) for name, chance in ranked if name != solved.chosen.name)
    proposal = FieldProposal(
        object=object, table=table.name, column=column.name,
        target_table=solved.chosen.table, target_column=solved.chosen.column,
        confidence=round(model.confidence(solved.chances[solved.chosen.name], solved.likeness), 4),
        reason=reason_of(taken, solved.weighed, solved.chosen),
        alternatives=others[:ALTERNATIVES],
    )  # fmt: skip
    return with_values(with_column(proposal, column, taken, solved.weighed), column)


def _alternative(name: str, chance: float) -> Alternative:
    table, _, column = name.partition(".")
    return Alternative(table, column, round(chance, 4))
