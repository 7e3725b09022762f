"""The twelve source objects, the rows that a map may derive from them, and the order that all of it loads in."""

from dataclasses import dataclass
from typing import Final, Literal

ObjectName = Literal[
    "staff", "location", "practitioner", "patient", "custom_property", "insurance",
    "appointment", "encounter", "prescription", "referral", "document", "claim",
    "specialization", "carrier", "property_value", "encounter_note",
]  # fmt: skip

OBJECTS: Final[tuple[ObjectName, ...]] = (
    "staff", "location", "practitioner", "patient", "custom_property", "insurance",
    "appointment", "encounter", "prescription", "referral", "document", "claim",
)  # fmt: skip

#: Everything that is written to Dataverse as rows of its own, parents before children.
LOAD_ORDER: Final[tuple[ObjectName, ...]] = (
    "location", "practitioner", "specialization", "carrier", "patient", "property_value", "insurance",
    "appointment", "encounter", "encounter_note", "prescription", "referral", "document",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Derived:
    """Rows that a choice of the map makes from the records of an object. They have a SourceKey, a receipt and a log entry
    like any row, but are no records of their own: what became of them is told with an object of the twelve."""

    of: ObjectName  #: whose records they are made from
    told_with: ObjectName  #: whose figures hold theirs
    plural: str


DERIVED: Final[dict[ObjectName, Derived]] = {
    "specialization": Derived("practitioner", "practitioner", "specializations"),
    "carrier": Derived("insurance", "insurance", "insurance carriers"),
    "property_value": Derived("patient", "custom_property", "property values"),
    "encounter_note": Derived("encounter", "encounter", "encounter notes"),
}
