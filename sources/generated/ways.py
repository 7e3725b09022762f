"""How a field of a record gets into its column: transform, arguments and value map, from the column and the values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mapping.catalog import load_catalog
from mapping.catalog.model import CatalogColumn
from mapping.matching.model import FieldProposal
from mapping.matching.values import answers
from mapping.model import FieldMap, PhiClass
from mapping.objects import ObjectName
from sources.profiling.model import USUAL, FieldProfile

#: Columns with a transform of their own, whatever they are filled from.
_BY_COLUMN: Final = {
    "address1_postalcode": "zip", "address2_postalcode": "zip", "PostalCode": "zip",
    "telephone1": "phone", "telephone2": "phone", "telephone3": "phone", "mobilephone": "phone", "fax": "phone",
    "Phone": "phone", "Fax": "phone", "emailaddress1": "email", "emailaddress2": "email", "Email": "email",
    "internalemailaddress": "email", "NPI": "npi", "Duration": "duration",
}  # fmt: skip
_BY_TYPE: Final = {
    "text": "text", "memo": "text", "integer": "integer", "decimal": "decimal", "money": "money", "boolean": "boolean",
    "date": "date", "datetime": "datetime", "choice": "choice", "choices": "choices", "lookup": "lookup",
}  # fmt: skip
#: Options that stand for what has no option of its own, in the order they are looked for.
_OTHERS: Final = ("Other", "Unknown")
#: Words for rows that are no longer in use; the others are active.
INACTIVE: Final = re.compile(
    r"inactive|disabled|archiv|clos|term|retired|left|former|deceased|dead|expired|removed|suspended|cancel|"
    r"(?:0|f|false|n|no|i|d)$",
    re.IGNORECASE,
)
_NEGATIVE: Final = re.compile(r"inactive|archiv|disabled|retired|hidden|deceased|death|suspended|closed", re.IGNORECASE)
_YES: Final = frozenset(("1", "t", "true", "y", "yes", "on"))

#: Choices whose options are fixed by Dataverse -> the column for what they lack.
_COMPANIONS: Final = {"gendercode": "Gender", "familystatuscode": "MaritalStatus"}

#: Left out unless somebody asks for it.
_REVIEWED: Final = {"MedicalHistory": "Left out unless the PHI review includes it."}


@dataclass(frozen=True, slots=True)
class Way:
    """A field map in the making, or the reason why there is none."""

    column: str | None
    transform: str = "text"
    args: dict[str, Any] = field(default_factory=dict)
    values: dict[str, str | None] | None = None
    phi: PhiClass = "none"
    confidence: float = 1.0
    reason: str = ""

    def field_map(self, source: str) -> dict[str, Any]:
        """As a field of a profile's map; one without column and transform is ignored."""
        plain: dict[str, Any] = {"source": source}
        if self.column is None and self.transform != "state":
            return plain | {"status": "ignored", "reason": self.reason, "unplaced": True, "phi": self.phi}
        if self.column:
            plain["column"] = self.column
        if self.transform != "text":
            plain["transform"] = self.transform
        if self.args:
            plain["args"] = self.args
        if self.values is not None:
            plain["values"] = self.values
        plain |= {"phi": self.phi, "confidence": round(self.confidence, 2), "reason": self.reason}
        return FieldMap.model_validate(plain).model_dump(exclude_defaults=True)


def ignored(reason: str, phi: PhiClass = "none") -> Way:
    """A field that is proposed to be left out; a person decides about that."""
    return Way(None, reason=reason, phi=phi)


def way_of(objects: Mapping[str, ObjectName], one: FieldProposal, profile: FieldProfile) -> Way:
    """The way of one proposed field into its column. ``objects``: dataset -> the object whose head it is."""
    column = load_catalog().column(one.target_table, one.target_column)
    if column is None:
        return ignored(f"The target has no column {one.target_column} that a field could fill.", profile.phi)
    if column.name == "DEASchedule" and profile.type == "boolean":
        return ignored("Yes or no only; the schedule is looked up from the drug.", column.phi)
    if column.name in _REVIEWED:
        return ignored(_REVIEWED[column.name], column.phi)
    if column.type == "state":
        return _state(one, profile)
    if column.type in ("owner", "status", "file", "uniqueidentifier"):
        return ignored(f"{column.label} is filled by the migration itself.", profile.phi)
    phi = column.phi if column.phi != "none" else profile.phi
    transform = _BY_COLUMN.get(column.name) or _BY_TYPE[column.type]
    if column.type in ("text", "memo") and transform == "text":
        transform = _text(profile, column)
    args: dict[str, Any] = {}
    confidence, reason = one.confidence, one.reason
    if transform in ("date", "datetime"):
        args = _format(profile)
        if profile.ambiguous:
            confidence = min(confidence, 0.5)
            reason += "; its days and months cannot be told apart"
    elif transform == "lookup":
        return _lookup(objects, column, profile, confidence, reason)
    elif transform in ("choice", "choices") and not column.open:
        return _choice(one, column, transform, phi, profile)
    return Way(column.name, transform, args, None, phi, confidence, reason)


def _text(profile: FieldProfile, column: CatalogColumn) -> str:
    if profile.share("html") >= USUAL:
        return "html_to_text"
    if profile.nested in ("list", "objects") and column.type == "memo":
        return "lines"
    return "identifier" if column.phi in ("id", "ssn") else "text"


def _format(profile: FieldProfile) -> dict[str, Any]:
    """The formats to read dates in; none where they are ISO: then odd ones are read when they are clear."""
    names = ["us" if name == "us_or_day_first" else name for name in profile.dates]
    if not names or names[0] == "iso":
        return {}
    return {"format": names[0] if len(names) == 1 else names}


def _lookup(
    objects: Mapping[str, ObjectName], column: CatalogColumn, profile: FieldProfile, confidence: float, reason: str
) -> Way:
    points_at = objects.get(profile.reference.dataset) if profile.reference and not profile.reference.each else None
    if column.object is None or points_at != column.object:
        what = f"ids of {points_at}" if points_at else "no ids that are known"
        return ignored(f"{column.label} is a link to {column.object} records, and the values are {what}.", profile.phi)
    args: dict[str, ObjectName | bool] = {"object": column.object, "required": column.object == "patient"}
    return Way(column.name, "lookup", dict(args), None, "id", confidence, reason)


def _choice(one: FieldProposal, column: CatalogColumn, transform: str, phi: PhiClass, profile: FieldProfile) -> Way:
    labels = set(column.options)
    known = one.values
    if known is None and profile.values and (answered := answers(one.target_table, column.name, profile.values)):
        known = answered.values
    values = {value: label for value, label in (known or {}).items() if label is None or label in labels}
    other = next((label for label in _OTHERS if label in labels), None)
    args: dict[str, Any] = {"default": other} if other and transform == "choice" else {}
    reason = one.reason
    if one.unanswered and not other:
        reason += f"; {len(one.unanswered)} of its values have no option"
    confidence = min(one.confidence, 0.6) if one.unanswered and not other else one.confidence
    if profile.separator and transform == "choices":
        args["separator"] = profile.separator
    return Way(column.name, transform, args, values or None, phi, confidence, reason)


def companion(way: Way, profile: FieldProfile) -> Way | None:
    """The second column of a choice of Dataverse's own: it holds what that one has no option for."""
    column = _COMPANIONS.get(way.column or "")
    if column is None or not profile.values or not (answered := answers("contact", column, profile.values)):
        return None
    first = {value for value, label in (way.values or {}).items() if label is not None}
    values = {value: None if value in first else answered.values.get(value) for value in profile.values}
    if not any(values.values()):
        return None
    return Way(column, "choice", {}, values, way.phi, way.confidence, "what the standard column has no option for")


def _state(one: FieldProposal, profile: FieldProfile) -> Way:
    """Whether a row is in use. Unknown words leave it active: nothing is hidden by a guess."""
    values: dict[str, str | None] = {}
    negative = bool(_NEGATIVE.search(profile.name))
    for value in profile.values or {}:
        label = (one.values or {}).get(value)
        if label is not None:
            values[value] = "inactive" if label.casefold() == "inactive" else "active"
        elif negative and value.casefold() in _YES:
            values[value] = "inactive"
        elif negative:
            values[value] = "active"
        else:
            values[value] = "inactive" if INACTIVE.match(value.strip()) else "active"
    if profile.dates and negative:
        return ignored("A date at which the row went out of use; give it a state by hand.", "date")
    return Way(None, "state", {"default": "active"}, values or None, "none", one.confidence, one.reason)
