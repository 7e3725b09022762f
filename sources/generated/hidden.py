"""Ids that must not be shown: which columns of a source hold them."""

from collections.abc import Sequence

from sources.profiling.model import DatasetDocument

_Column = tuple[str, str]


def with_hidden_ids(documents: Sequence[DatasetDocument]) -> list[DatasetDocument]:
    """The documents, each with the columns whose ids are health information themselves: an SSN as key, say.

    Whatever refers to such a column, or is referred to by it, is one too, whatever it is called.
    """
    refers = [
        ((one.name, field.name), (field.reference.dataset, field.reference.column))
        for one in documents
        for field in one.fields
        if field.reference
    ]
    ids = {end for ends in refers for end in ends} | {(one.name, name) for one in documents for name in one.key}
    found = {(one.name, field.name) for one in documents for field in one.fields if field.phi == "ssn"} & ids
    while more := {end for ends in refers if found & {*ends} for end in ends} - found:
        found |= more
    return [_with(one, found) for one in documents]


def _with(one: DatasetDocument, found: set[_Column]) -> DatasetDocument:
    return one.model_copy(update={"hashed": sorted(column for dataset, column in found if dataset == one.name)})


def hashed_when_staged(one: DatasetDocument) -> list[str]:
    """Those that a whole cell holds. Ids within a cell, in a list or a nested value, are hashed by the SQL."""
    lists = {field.name for field in one.fields if field.reference and field.reference.each}
    return [name for name in one.hashed if name in one.columns and name not in lists]
