"""The map a person confirms: which source field lands in which column, and how it is changed on the way.

One document per migration, YAML or JSON. Names of tables and columns are the plain names of the
catalog (``ClinicAppointment``, ``SourceMRN``, ``firstname``): the publisher's prefix is applied by
``mapping.schema``. Nothing here does I/O.
"""

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from mapping.objects import ObjectName

PhiClass = Literal[
    "none", "id", "name", "contact", "address", "date", "ssn", "insurance", "clinical", "clinical_note",
    "controlled_substance", "behavioural_health", "substance_use", "financial", "document",
]  # fmt: skip

#: Column types, by Dataverse's names. ``choices`` is a multi-select choice.
ColumnType = Literal[
    "text", "memo", "integer", "decimal", "money", "boolean", "date", "datetime", "choice", "choices", "lookup",
    "owner", "parties", "file", "uniqueidentifier", "state", "status",
]  # fmt: skip

OwnerRule = Literal["own", "practitioner", "provider", "location", "fallback"]
#: The owner rule when an object's map says nothing else.
OWNER_RULES: Final[tuple[OwnerRule, ...]] = ("own", "practitioner", "provider", "location", "fallback")

ControlledPolicy = Literal["suppress", "redact", "include"]


#: What a person decides of a field that holds the most delicate kinds of health information.
PhiDecision = Literal["migrate", "redact", "leave_out"]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FieldMap(Strict):
    """One source field's way into one column. ``column`` is None when the field is ignored (``reason`` says why)."""

    source: str  #: a field of the shaped record; ``properties.<name>`` for a custom patient property
    column: str | None = None  #: plain column name
    transform: str = "text"  #: a name in ``mapping.transforms.REGISTRY``
    args: dict[str, Any] = Field(default_factory=dict)
    values: dict[str, str | None] | None = None  #: source value -> option label; None leaves the column empty
    phi: PhiClass = "none"
    review: PhiDecision | None = None  #: the decision of ``by``; needed for the classes of ``mapping.review``
    status: Literal["proposed", "confirmed", "ignored"] = "proposed"
    confidence: float = 1.0
    reason: str = ""
    unplaced: bool = False  #: a program found no column for it; that it stays behind is for a person to decide
    comment: str = ""  #: what people wrote about it
    by: str = ""  #: who confirmed, changed or left it out last; nobody yet: the proposal stands
    at: datetime | None = None


class Condition(Strict):
    """Chooses a route by the number in a source field: the route is taken when it is above ``above``."""

    field: str
    above: float


class Route(Strict):
    """A table that records of an object land in. The first route whose ``when`` holds is taken."""

    table: str
    when: Condition | None = None
    fields: list[FieldMap]


class ObjectMap(Strict):
    """Where records of an object land. ``match``: rules by which rows that are in the target already are adopted instead
    of created; a rule is a list of columns that together tell one thing from another, and the first rule that finds
    something counts. ``match_owner``: whether an adopted row keeps its owner or gets the record's."""

    routes: list[Route]
    owner: list[OwnerRule] = Field(default_factory=lambda: list(OWNER_RULES))
    match: list[list[str]] = Field(default_factory=list)
    match_owner: Literal["keep", "set"] = "keep"


class CustomColumn(Strict):
    """A column that the inventory asked for beyond the catalog's."""

    table: str
    name: str
    type: ColumnType
    label: str = ""
    max_length: int | None = None
    precision: int | None = None
    options: list[str] = Field(default_factory=list)


class ClinicMap(Strict):
    """The whole map of one migration."""

    version: Literal[1] = 1
    system: str  #: one name per clinic, part of every SourceKey
    profile: str
    prefix: str = "cms"
    time_zone: str = "UTC"  #: IANA zone of source times that carry none
    currency: str = "USD"
    controlled: ControlledPolicy | None = None  #: no default: a person chooses before confirming
    objects: dict[ObjectName, ObjectMap]
    custom_columns: list[CustomColumn] = Field(default_factory=list)
    options: dict[str, list[str]] = Field(default_factory=dict)  #: "Table.Column" -> option labels from the inventory
    out_of_scope: dict[str, str] = Field(default_factory=dict)  #: dataset -> reason
