"""The matcher's front: tables in, a proposal out."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mapping.matching.assign import assign
from mapping.matching.complete import with_column, with_values
from mapping.matching.datasets import Taken, take
from mapping.matching.features import Weighed, weigh
from mapping.matching.model import Alternative, FieldProposal, Proposal, Table, TableProposal
from mapping.matching.reasons import reason_of, table_reason
from mapping.matching.roles import NOWHERE, Candidate, roles
from mapping.matching.tokens import Reader, languages_of
from mapping.matching.views import TableView, soundless_words, view_of
from mapping.matching.weigher import Model, fitted
from mapping.objects import ObjectName

#: Homes that are offered besides the chosen one.
ALTERNATIVES = 4


@dataclass(frozen=True, slots=True)
class Solved:
    """A field with its homes and their probabilities, before calibration."""

    weighed: Weighed
    chosen: Candidate
    chances: dict[str, float]  #: ``table.column`` -> probability, the rivals' choices considered


def propose(tables: Sequence[Table], model: Model | None = None) -> Proposal:
    """A home for every field of every table, for each object a table is listed under.

    A table that is listed under none is taken for what it looks like. The order of tables and fields is kept.
    Another ``model`` than the packaged one is for those who fit and measure.
    """
    model = model or fitted()
    reader = Reader(languages_of(name for table in tables for name in (table.name, *_names(table))))
    soundless = soundless_words(tables, reader)
    taken_for: list[TableProposal] = []
    fields: list[FieldProposal] = []
    for table in tables:
        view = view_of(table, reader, soundless)
        for object, taken in _roles_of(view):
            taken_for.append(TableProposal(table.name, object, taken.role.name, taken.confidence, table_reason(taken)))
            fields += [_proposed(table, object, taken, one, model) for one in solve(view, taken, model)]
    return Proposal(taken_for, fields)


def _names(table: Table) -> Iterable[str]:
    return (column.name for column in table.columns)


def _roles_of(view: TableView) -> list[tuple[ObjectName, Taken]]:
    if not view.table.objects:
        taken = take(view, roles().values())[0]
        return [(taken.role.object or "custom_property", taken)]
    found = []
    for object in view.table.objects:
        allowed = [role for role in roles().values() if role.object in (object, None)]
        found.append((object, take(view, allowed)[0]))
    return found


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
        solved.append(Solved(one, candidates[name], _softmax(adjusted)))
    return solved


def _softmax(scores: dict[str, float]) -> dict[str, float]:
    most = max(scores.values())
    powers = {name: math.exp(score - most) for name, score in scores.items()}
    total = sum(powers.values())
    return {name: power / total for name, power in powers.items()}


def _proposed(table: Table, object: ObjectName, taken: Taken, solved: Solved, model: Model) -> FieldProposal:
    column = solved.weighed.field.column
    options = {option.candidate.name: option.candidate for option in solved.weighed.options}
    ranked = sorted(solved.chances.items(), key=lambda one: (-one[1], one[0]))
    others = tuple(
        Alternative(options[name].table, options[name].column, round(chance, 4))
        for name, chance in ranked
        if options[name] is not solved.chosen
    )
    proposal = FieldProposal(
        object=object, table=table.name, column=column.name,
        target_table=solved.chosen.table, target_column=solved.chosen.column,
        confidence=round(model.confidence(solved.chances[solved.chosen.name]), 4),
        reason=reason_of(taken, solved.weighed, solved.chosen),
        alternatives=others[:ALTERNATIVES],
    )  # fmt: skip
    return with_values(with_column(proposal, column, taken, solved.weighed), column)
