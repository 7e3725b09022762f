"""Faults of single rows: plug-ins that refuse them, duplicate detection rules, and other people who edit them."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from local.dataverse.errors import ApiError
from local.dataverse.faults.trigger import MEMBERS, Trigger, known, trigger
from local.dataverse.model import Table

if TYPE_CHECKING:
    from local.dataverse.session import Session

_PICK: Final = MEMBERS | {"table", "when", "source_key"}
_OPERATIONS: Final = ("create", "update", "delete")
_SOURCE_KEY: Final = "_sourcekey"


@dataclass(slots=True)
class Pick:
    """Which rows: of a table, with these values, with such a SourceKey; and of those, what the trigger says."""

    trigger: Trigger
    table: str | None
    when: dict[str, Any]
    source_key: re.Pattern[str] | None

    def takes(self, session: "Session", table: Table, identity: str, values: dict[str, Any] | None) -> bool:
        """Whether this row is struck. ``values`` are what is about to be stored; the rest is what the row holds."""
        if self.table is not None and self.table != table.name:
            return False
        wanted = dict(self.when)
        names = list(wanted)
        key = next((name for name in table.columns if name.endswith(_SOURCE_KEY)), None)
        if self.source_key is not None:
            if key is None:
                return False
            names.append(key)
        if names and not self._holds(session, table, identity, values or {}, names, key):
            return False
        return self.trigger.pull()

    def _holds(
        self, session: "Session", table: Table, identity: str, values: dict[str, Any], names: list[str], key: str | None
    ) -> bool:
        if not all(name in table.columns for name in names):
            return False
        absent = [name for name in names if name not in values]
        held = session.store.fetch(table, identity, absent) if absent else None
        values = {**values, **dict(zip(absent, held or (), strict=False))}
        if self.source_key is not None and self.source_key.search(str(values.get(key or ""))) is None:
            return False
        return all(values.get(name) == _stored(wanted) for name, wanted in self.when.items())


def _stored(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value


def _pick(document: dict[str, Any]) -> Pick:
    source_key = document.get("source_key")
    return Pick(
        trigger(document),
        document.get("table"),
        dict(document.get("when", {})),
        None if source_key is None else re.compile(source_key),
    )


@dataclass(slots=True)
class Failure:
    """A plug-in that throws: by default IsvAborted, as a synchronous step of the clinic's own would."""

    pick: Pick
    operations: frozenset[str]
    status: int
    code: str
    message: str

    def error(self) -> ApiError:
        return ApiError(self.status, self.code, self.message)


@dataclass(slots=True)
class DuplicateRule:
    """A duplicate detection rule: rows of the table must differ in one of these columns; blanks match nothing."""

    trigger: Trigger
    table: str
    columns: list[str]
    always: bool  #: also for requests that do not ask for duplicate detection
    status: int

    def check(self, session: "Session", table: Table, identity: str, values: dict[str, Any]) -> None:
        if self.table != table.name or not (self.always or session.detect_duplicates):
            return
        absent = [name for name in self.columns if name not in values]
        held = session.store.fetch(table, identity, absent) if absent else None
        values = {**values, **dict(zip(absent, held or (), strict=False))}
        looked_for = [values.get(name) for name in self.columns]
        if not session.store.others(table, identity, self.columns, looked_for):
            return
        if self.trigger.pull():
            raise ApiError(
                self.status,
                "0x80040333",
                "A record was not created or updated because a duplicate of the current record already exists.",
            )


@dataclass(slots=True)
class Edit:
    """Somebody else changes, deletes or adds to a row just after it was read."""

    pick: Pick
    user: str
    values: dict[str, Any]
    delete: bool
    child: tuple[str, str, dict[str, Any]] | None  #: table, navigation property, values


class RowFaults:
    """Looked at once a row; a session without any has None in its place."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.failures = [_failure(item) for item in document.get("plugins", [])]
        self.duplicates = [_duplicate(item) for item in document.get("duplicate_rules", [])]
        self.edits = [_edit(item) for item in document.get("edits", [])]

    def __bool__(self) -> bool:
        return bool(self.failures or self.duplicates or self.edits)

    def before(
        self, session: "Session", operation: str, table: Table, identity: str, values: dict[str, Any] | None = None
    ) -> None:
        """Refuses a row that is about to be written or deleted."""
        for failure in self.failures:
            if operation in failure.operations and failure.pick.takes(session, table, identity, values):
                raise failure.error()
        if values is not None:
            for rule in self.duplicates:
                rule.check(session, table, identity, values)

    def fired(self) -> dict[str, list[int]]:
        """How often each has struck, in the order of the configuration."""
        return {
            "plugins": [failure.pick.trigger.fired for failure in self.failures],
            "duplicate_rules": [rule.trigger.fired for rule in self.duplicates],
            "edits": [edit.pick.trigger.fired for edit in self.edits],
        }


def _failure(item: Any) -> Failure:
    document = known(item, _PICK | {"on", "status", "code", "message"})
    operations = frozenset(document.get("on", _OPERATIONS))
    if not operations <= set(_OPERATIONS):
        raise ValueError(f"on must list some of {', '.join(_OPERATIONS)}")
    return Failure(
        _pick(document),
        operations,
        int(document.get("status", 400)),
        document.get("code", "0x80040265"),
        document.get("message", "The business process error of a custom plug-in: the record was refused."),
    )


def _duplicate(item: Any) -> DuplicateRule:
    document = known(item, MEMBERS | {"table", "columns", "always", "status"})
    if not document.get("table") or not document.get("columns"):
        raise ValueError("a duplicate rule needs a table and columns")
    return DuplicateRule(
        trigger(document),
        document["table"],
        list(document["columns"]),
        bool(document.get("always", False)),
        int(document.get("status", 500)),
    )


def _edit(item: Any) -> Edit:
    document = known(item, _PICK | {"user", "set", "delete", "add"})
    if "user" not in document or not document.keys() & {"set", "delete", "add"}:
        raise ValueError("an edit needs a user, and what is set, deleted or added")
    child = None
    if "add" in document:
        added = known(document["add"], {"table", "nav", "set"})
        child = (str(added["table"]), str(added["nav"]), dict(added.get("set", {})))
    return Edit(
        _pick(document), str(document["user"]).lower(), dict(document.get("set", {})),
        bool(document.get("delete", False)), child,
    )  # fmt: skip
