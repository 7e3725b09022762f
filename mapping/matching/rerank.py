"""A second opinion on doubtful fields, behind one interface: what is asked, and what becomes of the answer.

Who answers (a language model, a person) is not this module's business, and nothing is asked unless somebody is given. A
question holds names, types and patterns of fields and names of columns, never a value: no example, no option, no count
of a value leaves here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from mapping.matching.evidence import USUAL
from mapping.matching.kinds import kind_of
from mapping.matching.model import NONE, Alternative, Column, FieldProposal, Proposal, Table

#: Fields that are at least this sure are not asked about.
DOUBTFUL = 0.9
#: An answer is an opinion, not a measurement: no confidence above this comes of it.
MOST = 0.85
#: Fields of one question.
AT_ONCE = 40


@dataclass(frozen=True, slots=True)
class Asked:
    """One field that is asked about."""

    field: str  #: the source column's name
    type: str  #: as declared, else what its values come down to
    label: str
    patterns: tuple[str, ...]  #: that nearly all of its values have
    homes: tuple[str, ...]  #: ``table.column``, and ``none``: the answer is one of these


@dataclass(frozen=True, slots=True)
class Question:
    """Doubtful fields of one table, with the names around them."""

    object: str
    table: str
    others: tuple[str, ...]  #: the table's other fields, by name
    fields: tuple[Asked, ...]


class Reranker(Protocol):
    """Somebody who chooses among homes."""

    def choose(self, question: Question) -> Mapping[str, str]:
        """Field -> one of its homes. Fields may be missing; anything that was not offered is ignored."""
        ...


def rerank(proposal: Proposal, tables: Sequence[Table], reranker: Reranker) -> Proposal:
    """The proposal with the doubtful fields decided by the reranker, where its answer is one of the offered homes."""
    columns = {(table.name, column.name): column for table in tables for column in table.columns}
    by_table: dict[tuple[str, str], list[int]] = {}
    for place, field in enumerate(proposal.fields):
        if field.confidence < DOUBTFUL and field.alternatives:
            by_table.setdefault((field.object, field.table), []).append(place)
    fields = list(proposal.fields)
    for (object, table), places in by_table.items():
        names = tuple(one.column for one in fields if (one.object, one.table) == (object, table))
        for start in range(0, len(places), AT_ONCE):
            part = places[start : start + AT_ONCE]
            asked = tuple(_asked(fields[place], columns[table, fields[place].column]) for place in part)
            told = {one.field for one in asked}
            question = Question(object, table, tuple(name for name in names if name not in told), asked)
            answers = reranker.choose(question)
            for place in part:
                fields[place] = _answered(fields[place], answers.get(fields[place].column))
    return replace(proposal, fields=fields)


def _asked(field: FieldProposal, column: Column) -> Asked:
    evidence = column.evidence
    patterns = sorted(name for name, share in evidence.patterns.items() if share >= USUAL) if evidence else ()
    homes = [_home(field.target_table, field.target_column)]
    homes += [_home(one.target_table, one.target_column) for one in field.alternatives]
    return Asked(
        field.column,
        column.type or kind_of(column),
        column.label,
        tuple(patterns),
        tuple(dict.fromkeys([*homes, NONE])),
    )


def _home(table: str, column: str) -> str:
    return NONE if table == NONE else f"{table}.{column}"


def _answered(field: FieldProposal, answer: str | None) -> FieldProposal:
    """The proposal after an answer. A column that was to be created is let go with its home."""
    own = _home(field.target_table, field.target_column)
    if answer is None or answer == own:
        return replace(field, confidence=max(field.confidence, MOST)) if answer else field
    chosen = next((one for one in field.alternatives if _home(one.target_table, one.target_column) == answer), None)
    if chosen is None and answer == NONE:
        chosen = Alternative(NONE, NONE, 0.0)
    if chosen is None:
        return field
    before = Alternative(field.target_table, field.target_column, field.confidence)
    rest = tuple(one for one in field.alternatives if one is not chosen)
    return replace(
        field, target_table=chosen.target_table, target_column=chosen.target_column, confidence=MOST,
        reason=f"a language model chose it among {len(field.alternatives) + 1} homes, from names and types",
        alternatives=(before, *rest), custom=None, junction=False, values=None, unanswered=(),
    )  # fmt: skip
