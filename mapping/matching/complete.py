"""Completes a field's proposal: the column to create where the target has none, and the value map of a choice."""

import re
from dataclasses import replace

from mapping.catalog import load_catalog
from mapping.matching.customs import custom_for
from mapping.matching.datasets import Taken
from mapping.matching.evidence import used
from mapping.matching.features import Weighed
from mapping.matching.model import NONE, Alternative, Column, FieldProposal
from mapping.matching.values import answers

#: Confidence of a column to create, as a share of that of leaving the field out: its type is a guess.
_CREATED = 0.85
#: Below this a field resembles nothing that is left out for a reason.
_REASON = 0.5
#: What keeps a field's words apart from its column's name.
CUSTOM = "custom:"
#: A home for fields that the source itself calls custom: the column is called as the field is.
ANY = "custom:*"


def with_column(proposal: FieldProposal, column: Column, taken: Taken, weighed: Weighed) -> FieldProposal:
    """The proposal with the column to create: for a custom home, and for a field in use that no column stands for.

    From a schema alone nobody knows whether such a field is used: it stays without a home.
    """
    if proposal.target_column.startswith(CUSTOM):
        made = custom_for(proposal.target_table, column, _taken(proposal.target_table))
        name = (
            re.split(r"[.\]]", column.name)[-1]
            if proposal.target_column == ANY
            else proposal.target_column[len(CUSTOM) :]
        )
        return replace(proposal, target_column=CUSTOM + name, custom=made.column, junction=made.junction)
    table = load_catalog().tables.get(taken.role.target)
    unknown = proposal.target_table == NONE and weighed.none_score < _REASON
    if not (unknown and used(column.evidence) and taken.role.head and table is not None and table.keyed):
        return proposal
    made = custom_for(table.name, column, _taken(table.name))
    left_out = Alternative(NONE, NONE, proposal.confidence)
    return replace(
        proposal,
        target_table=table.name,
        target_column=CUSTOM + made.column.name,
        confidence=round(proposal.confidence * _CREATED, 4),
        reason=f"no column of the target stands for it, and it is filled: a new column of type {made.column.type}",
        alternatives=(left_out, *proposal.alternatives)[:4],
        custom=made.column,
        junction=made.junction,
    )


def with_values(proposal: FieldProposal, column: Column) -> FieldProposal:
    """The proposal with a value map, where it fills a choice and its values are known."""
    seen = tuple(column.evidence.values or ()) if column.evidence is not None else column.options
    if not seen or not proposal.migrated:
        return proposal
    known = answers(proposal.target_table, proposal.target_column, seen)
    if known is None:
        return proposal
    return replace(proposal, values=known.values, unanswered=known.unanswered)


def _taken(table: str) -> frozenset[str]:
    found = load_catalog().tables.get(table)
    return frozenset(name.lower() for name in found.columns) if found else frozenset()
