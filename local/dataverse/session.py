"""One request's view of the environment: the caller, the moment, and which rows it has already seen to exist."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from local.dataverse import errors
from local.dataverse.catalog import Catalog
from local.dataverse.faults.behaviour import DEFAULT, Behaviour
from local.dataverse.faults.rows import Edit, RowFaults
from local.dataverse.keys import resolve_key
from local.dataverse.model import Table
from local.dataverse.plans import Bind
from local.dataverse.security import Caller, Security
from local.dataverse.store import Store
from local.dataverse.values import guid

_TARGET: Final = re.compile(r"(?:https?://[^/]+)?/?(?:api/data/v9\.\d/)?(\w+)\((.*)\)", re.DOTALL)


def utc_now() -> str:
    """Now as the service writes it: whole seconds, UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True)
class Session:
    store: Store
    catalog: Catalog
    security: Security
    caller: Caller
    references: dict[str, str] = field(default_factory=dict)  #: Content-ID -> URL
    now: str = field(default_factory=utc_now)
    rows: int = 0  #: rows read or written, for the request's simulated cost
    behaviour: Behaviour = DEFAULT
    faults: RowFaults | None = None  #: what may befall single rows
    detect_duplicates: bool = False  #: whether the request asks for duplicate detection
    edits: tuple[tuple[Edit, Table, str], ...] = ()  #: what others do once the request is answered
    _seen: dict[str, tuple[str, str]] = field(default_factory=dict)

    def resolve(self, table: Table, bind: Bind, value: Any) -> tuple[str, str]:
        """The (table, id) that a bind value points at; the row must exist and be of a table the property takes."""
        if type(value) is not str:
            raise errors.cannot_convert(table.set_name, value, "String")
        found = self._seen.get(value)
        if found is None:
            found = self._seen[value] = self._look_up(table, bind, value)
        if found[0] not in bind.targets:
            raise errors.bad_payload(
                table.set_name,
                f"The navigation property '{bind.nav}' cannot be bound to an entity of type "
                f"'Microsoft.Dynamics.CRM.{found[0]}'.",
            )
        return found

    def _look_up(self, table: Table, bind: Bind, value: str) -> tuple[str, str]:
        if value.startswith("$"):
            value = self.referenced(value[1:])
        match = _TARGET.fullmatch(value)
        target = self.catalog.by_set(match[1]) if match else None
        if match is None or target is None:
            raise errors.bad_payload(
                table.set_name, f"The URI '{value}' for '{bind.nav}' is not a valid resource path."
            )
        identity = guid(match[2])
        if identity is None:
            identity = resolve_key(self.catalog, target, match[2])
            if identity is None:
                raise errors.key_not_found(target.name)
        elif not self.store.exists(target, identity):
            raise errors.not_found(target.name, identity)
        return target.name, identity

    def referenced(self, content_id: str) -> str:
        """The URL that an earlier part of the changeset produced."""
        url = self.references.get(content_id)
        if url is None:
            raise errors.ApiError(
                400, "0x80060888", f"Content-ID Reference: '${content_id}' does not exist in the batch context."
            )
        return url

    def saw(self, table: Table, identities: list[str]) -> None:
        """Rows were read: somebody else may now change them behind the reader's back."""
        if self.faults is not None:
            for edit in self.faults.edits:
                taken = [found for found in identities if edit.pick.takes(self, table, found, None)]
                self.edits += tuple((edit, table, found) for found in taken)

    def forget(self, identity: str) -> None:
        """A row went away: what was seen may no longer hold."""
        self._seen = {value: found for value, found in self._seen.items() if found[1] != identity}
