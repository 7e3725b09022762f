"""Profiled datasets as the matcher's input."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from mapping.matching.model import Column, Evidence, Kind, Proposal, Reference, Table
from mapping.matching.roles import roles
from mapping.objects import ObjectName
from sources.generated.picks import NONE_PICKED, Picks, picked
from sources.generated.plan import join, organizations
from sources.patterns import ValueType
from sources.profiling.model import USUAL, DatasetDocument, FieldProfile

_KINDS: Final[dict[ValueType, Kind]] = {
    "boolean": "boolean", "integer": "integer", "decimal": "decimal", "date": "date", "datetime": "datetime",
    "text": "text", "memo": "long_text",
}  # fmt: skip
_NESTED: Final[dict[str, Kind]] = {"list": "choices", "objects": "table", "object": "json"}


def tables_of(
    documents: Iterable[DatasetDocument],
    known: Mapping[str, ObjectName] | None = None,
    said: Mapping[str, tuple[str, ...]] | None = None,
) -> list[Table]:
    """One table a dataset, with what was counted as evidence.

    Args:
        known: dataset -> the object it is known to feed.
        said: dataset -> the roles that it may play, for those a person has picked the object of.
    """
    known, said = known or {}, said or {}
    return [
        Table(
            one.name,
            tuple(_column(field) for field in one.fields),
            objects=(known[one.name],) if one.name in known else (),
            main=one.name in said,
            roles=said.get(one.name, ()),
            key=tuple(one.key),
            rows=one.sample.rows,
        )
        for one in documents
    ]


def _column(field: FieldProfile) -> Column:
    reference = Reference(field.reference.dataset, field.reference.column) if field.reference else None
    return Column(field.name, reference=reference, evidence=_evidence(field))


def _evidence(field: FieldProfile) -> Evidence:
    return Evidence(
        filled=field.filled,
        empty=field.empty,
        distinct=field.distinct,
        min_length=field.min_length,
        max_length=field.max_length,
        decimals=field.decimals,
        kind=_kind(field),
        patterns={name: field.share(name) for name in field.patterns},
        values=field.values,
        separator=field.separator,
    )


def _kind(field: FieldProfile) -> Kind:
    if field.nested:
        return _NESTED[field.nested]
    if field.share("uuid") >= USUAL:
        return "uuid"
    if field.type == "decimal" and field.decimals == 2 and field.share("money") >= USUAL:
        return "money"
    return _KINDS[field.type] if field.type else "unknown"


def understand(
    documents: Sequence[DatasetDocument], matcher: Callable[[Sequence[Table]], Proposal], picks: Picks = NONE_PICKED
) -> Proposal:
    """The matcher's answer, with each dataset a person has picked an object for taken for that; asked once more where
    the references say better what a dataset is."""
    chosen = picked(picks)
    said = {
        name: tuple(one.name for one in roles().values() if one.object == wanted) for name, wanted in chosen.items()
    }
    proposal = matcher(tables_of(documents, chosen, said))
    known = {name: one for name, one in organizations(documents, proposal).items() if name not in picks}
    alone = _alone(documents, proposal, chosen)
    if not known and not alone:
        return proposal
    return matcher(tables_of(documents, known | chosen, said | {name: (chosen[name],) for name in alone}))


def _alone(documents: Sequence[DatasetDocument], proposal: Proposal, chosen: Mapping[str, ObjectName]) -> list[str]:
    """Datasets that were taken for a part of the picked object's records and belong to none: they are its records."""
    by_name = {one.name: one for one in documents}
    heads = [one for one in proposal.tables if one.role == one.object]
    return [
        one.table
        for one in proposal.tables
        if one.table in chosen
        and one.role != one.object
        and not any(head.object == one.object and join(by_name[head.table], by_name[one.table]) for head in heads)
    ]
