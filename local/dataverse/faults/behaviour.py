"""How this environment behaves where real ones differ, or where nobody has written down what they do."""

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from local.dataverse.faults.trigger import Lag, known, lag

Owner = Literal["refused", "accepted", "replaced"]
_OWNERS: Final = ("refused", "accepted", "replaced")
_ONE_LOOK: Final = Lag(looks=1)
_AT_ONCE: Final = Lag()
_CASCADES: Final = ("NoCascade", "RemoveLink", "Restrict", "Cascade")


@dataclass(slots=True, frozen=True)
class Bin:
    """What may be done again with the id of a row that lies in the recycle bin."""

    create: bool = False
    delete: bool = False


@dataclass(slots=True, frozen=True)
class Behaviour:
    owners: dict[str, Owner] = field(default_factory=dict)  #: a disabled owner, by table; "*" is every other
    recycle_bin: Bin | None = None
    no_bulk: frozenset[str] = frozenset()  #: tables without CreateMultiple and the like
    bulk_ids: Literal["honoured", "refused", "ignored"] = "honoured"  #: ids that the client chose, in CreateMultiple
    closed_on_create: Literal["refused", "allowed"] = "refused"
    note_blocks: Literal["accepted", "refused"] = "accepted"  #: objectid_… in the Target of a note's block upload
    cascades: dict[str, str] = field(default_factory=dict)  #: relationship schema name -> what deleting does
    jobs: Lag = _ONE_LOOK  #: until an asynchronous operation is done
    keys: Lag = _ONE_LOOK  #: until the index of a new key is active
    metadata: Lag = _AT_ONCE  #: until rows can be written to new tables and columns

    def disabled_owner(self, table: str) -> Owner:
        return self.owners.get(table) or self.owners.get("*", "refused")


DEFAULT: Final = Behaviour()


def behaviour(document: Any) -> Behaviour:
    """The settings of a configuration; ``ValueError`` says what is wrong with them."""
    given = known(document, {
        "disabled_owner", "recycle_bin", "no_bulk", "bulk_ids", "closed_on_create", "note_blocks", "cascades", "jobs",
        "keys", "metadata",
    })  # fmt: skip
    owners = given.get("disabled_owner", {})
    owners = {"*": owners} if isinstance(owners, str) else dict(owners)
    _each(owners.values(), _OWNERS, "disabled_owner")
    cascades = dict(given.get("cascades", {}))
    _each(cascades.values(), _CASCADES, "cascades")
    return Behaviour(
        owners,
        _bin(given.get("recycle_bin", False)),
        frozenset(given.get("no_bulk", ())),
        _one(given, "bulk_ids", "honoured", "refused", "ignored"),
        _one(given, "closed_on_create", "refused", "allowed"),
        _one(given, "note_blocks", "accepted", "refused"),
        cascades,
        lag(given["jobs"]) if "jobs" in given else DEFAULT.jobs,
        lag(given["keys"]) if "keys" in given else DEFAULT.keys,
        lag(given["metadata"]) if "metadata" in given else DEFAULT.metadata,
    )


def _bin(value: Any) -> Bin | None:
    if isinstance(value, bool):
        return Bin() if value else None
    members = known(value, {"create", "delete"})
    return Bin(bool(members.get("create", False)), bool(members.get("delete", False)))


def _one(document: dict[str, Any], name: str, default: str, *others: str) -> Any:
    value = document.get(name, default)
    _each([value], (default, *others), name)
    return value


def _each(values: Any, allowed: tuple[str, ...], name: str) -> None:
    for value in values:
        if value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}")
