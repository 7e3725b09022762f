"""Proposes a map: the profile's known fields, provenance, a column for each custom property, options for choices."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from mapping.catalog import CatalogColumn, load_catalog
from mapping.catalog.build import MAX_MEMO, MAX_TEXT
from mapping.derived import SPECIALIZATIONS
from mapping.landing import landing
from mapping.model import ClinicMap, ColumnType, CustomColumn, FieldMap, ObjectMap, Route
from mapping.objects import LOAD_ORDER
from mapping.properties import JOINED, PREFIX
from mapping.transforms.base import as_text

#: A property becomes a choice only up to this many options: beyond, people type rather than choose.
MAX_CHOICE_OPTIONS: Final = 12
#: And only when its values are short.
MAX_OPTION_LENGTH: Final = 60
#: Dataverse lets nobody select more.
MAX_CHOICES_OPTIONS: Final = 150

#: Lengths that text columns are given; the next one that leaves room for half as much again.
_LENGTHS: Final = (100, 200, 500, 1_000, 2_000, MAX_TEXT)

#: What a decimal column holds exactly: places after the point, and characters of the longest number (15 digits).
MAX_PLACES: Final = 10
MAX_NUMBER_LENGTH: Final = 16

#: Option of an open choice for which the source holds no value at all; a choice needs one.
NO_OPTIONS: Final = "Other"

#: Logical names may have 50 characters, prefix included.
_NAME_LENGTH: Final = 40

#: The transform that fills a column of a type with what an inventory found.
TRANSFORM_OF: Final[dict[ColumnType, str]] = {
    "text": "text", "memo": "text", "integer": "integer", "decimal": "decimal", "money": "money", "boolean": "boolean",
    "date": "date", "datetime": "datetime", "choice": "choice", "choices": "choices",
}  # fmt: skip

#: The source's own provenance: reserved field, column, transform, phi.
_PROVENANCE: Final = (
    ("_created", "SourceCreatedOn", "datetime", "date"),
    ("_created", "overriddencreatedon", "datetime", "date"),
    ("_modified", "SourceModifiedOn", "datetime", "date"),
    ("_created_by", "SourceCreatedBy", "text", "none"),
)


class PropertyCounts(Protocol):
    """What an inventory says of one custom property."""

    @property
    def values(self) -> int:
        """Non-empty values that were counted."""
        ...

    @property
    def type(self) -> ColumnType:
        """The column type that holds every value."""
        ...

    @property
    def max_length(self) -> int:
        """Length of the longest value."""
        ...

    @property
    def decimals(self) -> int:
        """Most places after the point."""
        ...

    @property
    def options(self) -> Mapping[str, int] | None:
        """Different values with their counts; None when there are too many."""
        ...


@dataclass(frozen=True, slots=True)
class ChoiceField:
    """A field whose values an inventory has to list before the map can be proposed."""

    object: str
    source: str
    table: str
    column: str
    open: bool  #: its options come from the values

    @property
    def key(self) -> str:
        """How the inventory names it: ``object.source``."""
        return f"{self.object}.{self.source}"


def choice_fields(profile_map: Mapping[str, Any]) -> list[ChoiceField]:
    """The fields of a profile's map that fill choices: their distinct values are the options inventory to collect."""
    catalog = load_catalog()
    found: list[ChoiceField] = []
    for name, object_map in _objects(profile_map).items():
        for route in object_map.routes:
            for field in route.fields:
                column = catalog.column(route.table, field.column or "")
                if field.status != "ignored" and column is not None and field.transform in ("choice", "choices"):
                    found.append(ChoiceField(name, field.source, route.table, column.name, column.open))
                    if name == "practitioner" and column.name == "Specialization":
                        table = "PractitionerSpecialization"
                        found.append(ChoiceField(name, SPECIALIZATIONS, table, column.name, column.open))
    return found


def propose(
    profile_map: Mapping[str, Any],
    properties: Mapping[str, PropertyCounts],
    options: Mapping[str, Iterable[str]],
    *,
    system: str,
    profile: str,
    title: str = "",
    prefix: str = "cms",
    time_zone: str = "UTC",
    currency: str = "USD",
    lengths: Mapping[str, int] | None = None,
    out_of_scope: Mapping[str, str] | None = None,
) -> ClinicMap:
    """A map to be confirmed by a person.

    Args:
        profile_map: object -> ObjectMap as plain data, as a profile has it.
        properties: custom patient properties by name.
        options: values of choice fields by ``object.source``; see ``choice_fields``.
        system: the migration's name for the clinic's system.
        profile: the profile's name.
        title: the profile's title, for the reasons; its name when empty.
        lengths: longest text seen in source fields by ``object.source``; raises columns of ours.
        out_of_scope: datasets left out, with the reason.
    """
    objects = _objects(profile_map)
    known = f"known field of {title or profile}"
    proposal = ClinicMap(
        system=system, profile=profile, prefix=prefix, time_zone=time_zone, currency=currency, objects={},
        out_of_scope=dict(out_of_scope or {}),
    )  # fmt: skip
    for name, object_map in objects.items():
        for route in object_map.routes:
            # A field that is left out without a reason gets none: a person has to say why.
            route.fields = [
                field.model_copy(update={"reason": field.reason or ("" if field.status == "ignored" else known)})
                for field in route.fields
            ]
            if name in LOAD_ORDER:
                route.fields += _provenance(route)
            _answer_choices(proposal, name, route, options)
            _lengthen(proposal, name, route, lengths or {})
        proposal.objects[name] = object_map
    _property_columns(proposal, properties)
    _specializations(proposal, options.get(f"practitioner.{SPECIALIZATIONS}", ()))
    return proposal


def _specializations(proposal: ClinicMap, seen: Iterable[str]) -> None:
    """What practitioners have besides their first specialization: options for the table that may take all of them."""
    several = _distinct(seen)
    if several:
        proposal.options["PractitionerSpecialization.Specialization"] = several


def _objects(profile_map: Mapping[str, Any]) -> dict[Any, ObjectMap]:
    return {name: ObjectMap.model_validate(_plain(plain)) for name, plain in profile_map.items()}


def _plain(value: Any) -> Any:
    return value.model_dump() if isinstance(value, ObjectMap) else value


def _provenance(route: Route) -> Iterator[FieldMap]:
    """Provenance for the columns of the table that the profile does not fill itself."""
    table = load_catalog().tables.get(route.table)
    taken = {field.column for field in route.fields}
    args = {field.source: field.args for field in reversed(route.fields) if field.column}
    for source, column, transform, phi in _PROVENANCE:
        if table is not None and column in table.columns and column not in taken:
            yield FieldMap.model_validate(
                {
                    "source": source,
                    "column": column,
                    "transform": transform,
                    "args": args.get(source, {}),
                    "phi": phi,
                    "reason": "keeps where the record came from",
                }
            )


def _answer_choices(proposal: ClinicMap, name: str, route: Route, options: Mapping[str, Iterable[str]]) -> None:
    """Options for open choices from the values seen; for fixed ones, a word about values without an answer."""
    catalog = load_catalog()
    for place, field in enumerate(route.fields):
        column = catalog.column(route.table, field.column or "")
        seen = options.get(f"{name}.{field.source}")
        if column is None or seen is None or field.status == "ignored" or column.type not in ("choice", "choices"):
            continue
        values = _distinct(seen)
        if column.open:
            mapped = {value.strip().casefold(): label for value, label in (field.values or {}).items()}
            labels = [mapped.get(value.casefold(), value) for value in values]
            known = proposal.options.setdefault(f"{route.table}.{column.name}", [])
            stated = [*(field.values or {}).values(), field.args.get("default"), field.args.get("empty")]
            known += [
                label for label in _distinct(label for label in [*stated, *labels] if label) if label not in known
            ]
            if not known:
                known.append(NO_OPTIONS)
            continue
        unanswered = _unanswered(field, column, values)
        if unanswered:
            listed = ", ".join(unanswered[:10]) + (" …" if len(unanswered) > 10 else "")
            reason = f"{field.reason}; without an answer so far: {listed}"
            route.fields[place] = field.model_copy(update={"confidence": 0.6, "reason": reason})


def _unanswered(field: FieldMap, column: CatalogColumn, values: Sequence[str]) -> list[str]:
    lands = landing(field, column.options)
    return [value for value in values if lands(value) == "refused"]


def _distinct(values: Iterable[str]) -> list[str]:
    """Trimmed, not empty, each once without regard to case, in an order that does not depend on the order seen."""
    texts = sorted({text for value in values if (text := as_text(value))}, key=lambda text: (text.casefold(), text))
    return list({text.casefold(): text for text in reversed(texts)}.values())[::-1]


def _lengthen(proposal: ClinicMap, name: str, route: Route, lengths: Mapping[str, int]) -> None:
    catalog = load_catalog()
    for field in route.fields:
        column = catalog.column(route.table, field.column or "")
        longest = lengths.get(f"{name}.{field.source}", 0)
        if column is None or column.standard or column.type not in ("text", "memo") or field.status == "ignored":
            continue
        if column.max_length is not None and longest > column.max_length and column.name != "NPI":
            proposal.custom_columns.append(
                CustomColumn(table=route.table, name=column.name, type=column.type, max_length=roomy(longest))
            )


def roomy(longest: int) -> int:
    """A column length with room for half as much again as the longest text seen."""
    wanted = longest + longest // 2
    return next((length for length in _LENGTHS if length >= wanted), min(max(wanted, longest), MAX_MEMO))


def _property_columns(proposal: ClinicMap, properties: Mapping[str, PropertyCounts]) -> None:
    patient = proposal.objects.get("patient")
    if patient is None:
        return
    for route in patient.routes:
        table = load_catalog().tables.get(route.table)
        if table is None or not table.keyed:
            continue
        known = {field.source for field in route.fields}
        taken = {name.lower() for name in table.columns}
        for name in sorted(properties):
            source = PREFIX + name
            if source not in known:
                column = _property_column(route.table, name, properties[name], taken)
                proposal.custom_columns.append(column)
                route.fields.append(_property_field(source, column, properties[name]))


def _property_column(table: str, name: str, counts: PropertyCounts, taken: set[str]) -> CustomColumn:
    type_ = _property_type(counts)
    options = _distinct(counts.options or ()) if type_ in ("choice", "choices") else []
    column_name = column_name_for(name, taken)
    taken.add(column_name.lower())
    return CustomColumn(
        table=table,
        name=column_name,
        type=type_,
        label=name.strip()[:100] or column_name,
        max_length=roomy(counts.max_length) if type_ in ("text", "memo") else None,
        precision=max(counts.decimals, 2) if type_ == "decimal" else None,
        options=options,
    )


def _property_type(counts: PropertyCounts) -> ColumnType:
    type_ = counts.type
    options = counts.options or {}
    short = all(len(option) <= MAX_OPTION_LENGTH for option in options)
    if type_ == "choice" and (not options or len(options) > MAX_CHOICE_OPTIONS or not short):
        type_ = "text"
    if type_ == "choices" and (not options or len(options) > MAX_CHOICES_OPTIONS):
        type_ = "memo"
    if type_ == "decimal" and (counts.decimals > MAX_PLACES or counts.max_length > MAX_NUMBER_LENGTH):
        type_ = "text"  # a decimal column would not hold the number as it is
    return "memo" if type_ == "text" and roomy(counts.max_length) > MAX_TEXT else type_


def _property_field(source: str, column: CustomColumn, counts: PropertyCounts) -> FieldMap:
    phi = getattr(counts, "phi", None) or "clinical"
    # A choice is a guess about what people may enter; a plain type is what every value has.
    guess = column.type in ("choice", "choices")
    reason = f"custom property with {counts.values} values, of type {column.type} as far as seen"
    field = {"source": source, "column": column.name, "transform": TRANSFORM_OF[column.type], "phi": phi}
    if column.type == "memo" and getattr(counts, "multi", False):
        field["args"] = dict(JOINED)
    return FieldMap.model_validate({**field, "confidence": 0.7 if guess else 0.85, "reason": reason})


_WORDS: Final = re.compile(r"[A-Za-z0-9]+")


def column_name_for(name: str, taken: Iterable[str]) -> str:
    """A plain column name for a property: its words run together with capitals, a number behind when it is taken.

    ``taken`` holds names in lower case.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = _WORDS.findall(plain)
    joined = "".join(word[:1].upper() + word[1:] for word in words)[:_NAME_LENGTH] or "Property"
    if joined[0].isdigit():
        joined = f"P{joined}"[:_NAME_LENGTH]
    used = set(taken)
    candidate, number = joined, 2
    while candidate.lower() in used:
        tail = str(number)
        candidate, number = joined[: _NAME_LENGTH - len(tail)] + tail, number + 1
    return candidate
