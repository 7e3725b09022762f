"""The twelve source objects: their names, the order they load in, and what each becomes."""

from typing import Final, Literal

ObjectName = Literal[
    "staff", "location", "practitioner", "patient", "custom_property", "insurance",
    "appointment", "encounter", "prescription", "referral", "document", "claim",
]  # fmt: skip

OBJECTS: Final[tuple[ObjectName, ...]] = (
    "staff", "location", "practitioner", "patient", "custom_property", "insurance",
    "appointment", "encounter", "prescription", "referral", "document", "claim",
)  # fmt: skip

#: The objects that are written to Dataverse as rows of their own, parents before children.
LOAD_ORDER: Final[tuple[ObjectName, ...]] = (
    "location", "practitioner", "patient", "insurance",
    "appointment", "encounter", "prescription", "referral", "document",
)  # fmt: skip
