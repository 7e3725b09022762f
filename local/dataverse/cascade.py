"""Delete, with what the relationships say happens to the rows that point at the deleted one."""

from local.dataverse import errors
from local.dataverse.model import Table
from local.dataverse.session import Session
from local.dataverse.store import type_column


def delete(session: Session, table: Table, identity: str, version: int | None = None) -> None:
    """Deletes a row and its cascade; 404 when it is not there, 412 on another version, 0x80040227 when Restrict holds.

    Works inside the caller's transaction, which must be undone when this raises.
    """
    session.security.require(session.caller, "Delete", table)
    if version is not None:
        current = session.store.fetch(table, identity, ("versionnumber",))
        if current is None:
            raise errors.not_found(table.name, identity)
        if current[0] != version:
            raise errors.version_mismatch()
    if session.faults is not None:
        session.faults.before(session, "delete", table, identity)
    recycled = session.behaviour.recycle_bin
    if recycled is not None and not recycled.delete and session.store.in_bin(table.name, identity):
        raise errors.duplicate_id()
    _remove(session, table, identity, set())


def _remove(session: Session, table: Table, identity: str, gone: set[tuple[str, str]]) -> None:
    gone.add((table.name, identity))
    store = session.store
    for relationship, behaviour in session.catalog.inbound(table.name):
        if relationship.referencing not in store.filled:
            continue
        other = session.catalog.tables[relationship.referencing]
        column = other.columns[relationship.column]
        for dependent in store.pointing_at(other, column, table.name, identity):
            if (other.name, dependent) in gone:
                continue
            if behaviour == "Restrict":
                raise errors.referenced(other.name)
            if behaviour == "Cascade":
                _remove(session, other, dependent, gone)
            else:
                changes = {column.name: None, "versionnumber": store.next_version()}
                if column.many_targets:
                    changes[type_column(column.name)] = None
                store.update(other, dependent, changes)
    if not store.delete(table, identity):
        raise errors.not_found(table.name, identity)
    session.forget(identity)
    if session.behaviour.recycle_bin is not None:
        store.bin(table.name, identity)
    session.rows += 1
