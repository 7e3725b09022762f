"""What the compiled map makes of one shaped record: a row to write, or a reason why not."""

from dataclasses import dataclass, field
from typing import Any, Literal

from mapping.objects import ObjectName


@dataclass(slots=True)
class Ref:
    """A lookup, named by its parent's source id; the loader turns it into a row id."""

    column: str  #: logical name of the lookup column
    object: ObjectName  #: the parent's object
    key: str  #: the parent's SourceKey
    required: bool = False  #: a missing parent excepts the record, not only the field


@dataclass(slots=True)
class Issue:
    """A field that was refused. Codes and field names only: never the value."""

    field: str
    column: str | None
    code: str
    message: str


@dataclass(slots=True)
class MappedRecord:
    """One source record after the map.

    ``payload`` holds scalars by logical column name in Web API JSON form (lookups, owner and state are apart).
    ``row_key`` is the identity of the row: the SourceKey, or the party's key when two records share one row.
    ``hash`` covers everything that would be written: table, payload, refs, owner, state, file.
    """

    source_id: str
    source_key: str
    row_key: str
    table: str = ""  #: plain name
    payload: dict[str, Any] = field(default_factory=dict)
    refs: list[Ref] = field(default_factory=list)
    owner: str | None = None  #: "systemusers/<id>" or "teams/<id>"
    owner_rule: str = ""  #: which rule of the owner's list it came from
    owner_substituted: bool = False  #: an earlier rule named somebody who could not be used
    state: str | None = None  #: None (leave as created), "inactive", "won", "lost", "completed", "canceled",
    #: "scheduled" (appointment activities)
    file: str | None = None  #: path in the drop container, for documents
    status: Literal["mapped", "excluded", "excepted"] = "mapped"
    reason: str = ""  #: code of the exclusion or exception
    message: str = ""  #: the same for people, without PHI
    issues: list[Issue] = field(default_factory=list)
    properties: list[str] = field(default_factory=list)  #: names of a patient's custom properties that are not empty
    properties_refused: int = 0
    properties_ignored: int = 0  #: the map leaves them out on purpose
    review: str = (
        ""  #: the drug that a person should look at, as the source names it; "" when there is nothing to look at
    )
    hash: str = ""
