"""Profiled datasets as the matcher's input."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from mapping.matching.model import Column, Evidence, Kind, Proposal, Reference, Table
from mapping.objects import ObjectName
from sources.generated.plan import organizations
from sources.patterns import ValueType
from sources.profiling.model import USUAL, DatasetDocument, FieldProfile

_KINDS: Final[dict[ValueType, Kind]] = {
    "boolean": "boolean", "integer": "integer", "decimal": "decimal", "date": "date", "datetime": "datetime",
    "text": "text", "memo": "long_text",
}  # fmt: skip
_NESTED: Final[dict[str, Kind]] = {"list": "choices", "objects": "table", "object": "json"}


def tables_of(documents: Iterable[DatasetDocument], known: Mapping[str, ObjectName] | None = None) -> list[Table]:
    """One table a dataset, with what was counted as evidence. ``known``: dataset -> the object it is known to feed."""
    return [
        Table(
            one.name,
            tuple(_column(field) for field in one.fields),
            objects=(known[one.name],) if known and one.name in known else (),
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


def understand(documents: Sequence[DatasetDocument], matcher: Callable[[Sequence[Table]], Proposal]) -> Proposal:
    """The matcher's answer; asked once more where the references say better what a dataset is."""
    proposal = matcher(tables_of(documents))
    known = organizations(documents, proposal)
    return matcher(tables_of(documents, known)) if known else proposal
