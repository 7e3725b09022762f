"""Create and update of one row: the payload checked against the plan, the system columns set, the row stored.

Every function works inside the transaction of its caller.
"""

import sqlite3
import uuid
from typing import Any, Final

from local.dataverse import errors, notes, states
from local.dataverse.model import Relationship, Table
from local.dataverse.plans import BIND, Operation, Plan
from local.dataverse.security import BUSINESS_UNIT_ID
from local.dataverse.session import Session
from local.dataverse.values import guid

_NAMES: Final = ("firstname", "lastname")
_ADDRESS: Final = tuple(
    f"address1_{part}" for part in ("line1", "line2", "line3", "city", "stateorprovince", "postalcode", "country")
)


def create(session: Session, table: Table, body: dict[str, Any], identity: str | None = None) -> str:
    """Adds a row and gives its id. ``identity`` is the id an upsert addressed; else the body's, else a new one."""
    session.security.require(session.caller, "Create", table)
    plan = session.catalog.plan(table.name)
    row = dict(plan.defaults)
    children = _fill(session, plan, plan.create, body, row)
    identity = identity or row.get(table.id_column) or str(uuid.uuid4())
    row[table.id_column] = identity
    if session.behaviour.closed_on_create == "allowed":
        states.take_closed(plan, body, row)
    states.check_create(plan, row, identity)
    _stamp_created(session, plan, row)
    if table.name == "annotation":
        notes.check(session, row)
    for name in plan.needed:
        if row.get(name) is None:
            raise errors.required_missing(name, table.name)
    _derive(table, row, row)
    if session.faults is not None:
        session.faults.before(session, "create", table, identity, row)
    recycled = session.behaviour.recycle_bin
    if recycled is not None and not recycled.create and session.store.in_bin(table.name, identity):
        raise errors.duplicate_id()
    _insert(session, table, row)
    for relationship, items in children:
        create_children(session, relationship, table, identity, items)
    return identity


def update(session: Session, table: Table, identity: str, body: dict[str, Any], version: int | None = None) -> None:
    """Changes a row that exists; 404 when it does not, 412 when ``version`` is not its version."""
    session.security.require(session.caller, "Write", table)
    plan = session.catalog.plan(table.name)
    states_known = bool(plan.states)
    current = session.store.fetch(
        table, identity, ("versionnumber", "statecode", "statuscode") if states_known else ("versionnumber",)
    )
    if current is None:
        raise errors.not_found(table.name, identity)
    if version is not None and current[0] != version:
        raise errors.version_mismatch()
    changes: dict[str, Any] = {}
    children = _fill(session, plan, plan.update, body, changes)
    if children:
        raise errors.bad_payload(table.set_name, "Deep insert is not supported in an update.")
    if states_known:
        states.check_update(session, plan, identity, current[1], changes)
    for name in plan.required:
        if name in changes and changes[name] is None:
            raise errors.required_missing(name, table.name)
    if table.name == "annotation":
        notes.check(session, changes, identity)
    _derive_changed(session, table, identity, changes)
    if session.faults is not None:
        session.faults.before(session, "update", table, identity, changes)
    if plan.stamped:
        changes["modifiedon"] = session.now
        changes["modifiedby"] = session.caller.user
        changes["modifiedonbehalfby"] = session.caller.delegate
    changes["versionnumber"] = session.store.next_version()
    try:
        session.store.update(table, identity, changes)
    except sqlite3.IntegrityError as error:
        raise _duplicate(table, error) from None
    session.rows += 1


def _fill(
    session: Session, plan: Plan, operation: Operation, body: dict[str, Any], row: dict[str, Any]
) -> list[tuple[Relationship, list[Any]]]:
    """Puts the payload into ``row`` as stored values; gives nested collections for a deep insert."""
    readers = operation.readers
    children: list[tuple[Relationship, list[Any]]] = []
    for name, value in body.items():
        read = readers.get(name)
        if read is not None:
            row[name] = read(value)
            continue
        bind = operation.binds.get(name)
        if bind is not None:
            _link(session, plan, name[: -len(BIND)], value, row)
        elif name not in operation.ignored:
            _other(session, plan, operation, name, value, row, children)
    return children


def _link(session: Session, plan: Plan, nav: str, value: Any, row: dict[str, Any]) -> None:
    bind = plan.navs[nav]
    table = plan.table
    kind, identity = (None, None) if value is None else session.resolve(table, bind, value)
    if bind.column == "ownerid":
        if identity is None or kind is None:
            raise errors.required_missing("ownerid", table.name)
        policy = session.behaviour.disabled_owner(table.name)
        kind, identity = session.security.owner(session.caller, kind, identity, table, policy)
        row["owninguser"] = identity if kind == "systemuser" else None
        row["owningteam"] = identity if kind == "team" else None
    elif value is None and row.get(bind.column) is not None:
        return  # another property of the same lookup has just set it
    row[bind.column] = identity
    if bind.typed is not None:
        row[bind.typed] = kind


def _other(
    session: Session, plan: Plan, operation: Operation, name: str, value: Any, row: dict[str, Any],
    children: list[tuple[Relationship, list[Any]]],
) -> None:  # fmt: skip
    """Annotations, nulled and nested navigation properties; anything else is an error."""
    table = plan.table
    if name.endswith(BIND):
        if name[: -len(BIND)] in plan.collections and isinstance(value, list):
            raise errors.bad_payload(table.set_name, "Binding a collection is not supported; use the lookup's side.")
        raise errors.undeclared_bind(table.set_name, name[: -len(BIND)])
    if "@" in name:
        base = name.partition("@")[0]
        if base and base not in plan.read_names and base not in plan.navs:
            raise errors.undeclared_bind(table.set_name, base)
        return
    bind = plan.navs.get(name)
    if bind is not None:
        if name + BIND in operation.ignored:
            return
        if value is None:
            _link(session, plan, name, None, row)
        elif isinstance(value, dict) and operation is plan.create:
            target = session.catalog.tables[bind.targets[0]]
            identity = create(session, target, value)
            _link(session, plan, name, f"{target.set_name}({identity})", row)
        else:
            raise errors.cannot_convert(table.set_name, value, "EntityReference")
        return
    relationship = plan.collections.get(name)
    if relationship is not None and isinstance(value, list):
        children.append((relationship, value))
        return
    if name in plan.read_names:  # _x_value, or a column of a kind that no operation takes
        raise errors.bad_payload(
            table.set_name,
            "CRM do not support direct update of Entity Reference properties, Use Navigation properties instead.",
        )
    raise errors.undeclared(table.set_name, name, table.name)


def create_children(
    session: Session, relationship: Relationship, parent: Table, identity: str, items: list[Any]
) -> None:
    table = session.catalog.tables[relationship.referencing]
    for item in items:
        if not isinstance(item, dict):
            raise errors.cannot_convert(parent.set_name, item, "EntityType")
        create(session, table, {**item, f"{relationship.nav}{BIND}": f"/{parent.set_name}({identity})"})


def _stamp_created(session: Session, plan: Plan, row: dict[str, Any]) -> None:
    now, caller = session.now, session.caller
    row["versionnumber"] = session.store.next_version()
    if not plan.stamped:
        return
    backdated = row.get("overriddencreatedon")
    if backdated is not None:
        # The source's moment becomes createdon; the moment of the import is kept in its place.
        session.security.require_named(caller, "prvOverrideCreatedOnCreatedBy")
        row["createdon"], row["overriddencreatedon"] = backdated, now
    else:
        row["createdon"] = now
    row["modifiedon"] = now
    row["createdby"] = row["modifiedby"] = caller.user
    if caller.delegate is not None:
        row["createdonbehalfby"] = row["modifiedonbehalfby"] = caller.delegate
    if plan.owned:
        if "ownerid" not in row:
            row["ownerid"], row["ownerid__type"], row["owninguser"] = caller.user, "systemuser", caller.user
        row["owningbusinessunit"] = BUSINESS_UNIT_ID


def _insert(session: Session, table: Table, row: dict[str, Any]) -> None:
    try:
        session.store.insert(table.name, row)
    except sqlite3.IntegrityError as error:
        raise _duplicate(table, error) from None
    session.rows += 1


def _duplicate(table: Table, error: sqlite3.IntegrityError) -> errors.ApiError:
    columns = [part.strip().partition(".")[2] for part in str(error).partition(":")[2].split(",")]
    if columns == [table.id_column]:
        return errors.duplicate_id()
    key = next((k for k in table.keys if set(k.columns) == set(columns)), None)
    return errors.duplicate_key(key.schema if key else "?", ", ".join(columns))


def _derive(table: Table, given: dict[str, Any], row: dict[str, Any]) -> None:
    """Columns the service composes from others: a contact's full name, the one-piece address."""
    if table.name == "contact" and any(name in given for name in _NAMES):
        row["fullname"] = " ".join(part for part in (row.get("firstname"), row.get("lastname")) if part) or None
    if "address1_composite" in table.columns and any(name in given for name in _ADDRESS):
        row["address1_composite"] = _address([row.get(name) for name in _ADDRESS])


def _derive_changed(session: Session, table: Table, identity: str, changes: dict[str, Any]) -> None:
    if table.name not in ("contact", "account"):
        return
    wanted = (_NAMES if table.name == "contact" else ()) + _ADDRESS
    if not any(name in changes for name in wanted):
        return
    held = session.store.fetch(table, identity, wanted)
    merged = {**dict(zip(wanted, held or (), strict=False)), **changes}
    _derive(table, changes, merged)
    for name in ("fullname", "address1_composite"):
        if name in merged:
            changes[name] = merged[name]


def _address(parts: list[Any]) -> str | None:
    line1, line2, line3, city, state, postal, country = parts
    place = " ".join(part for part in (state, postal) if part)
    town = ", ".join(part for part in (city, place) if part)
    return "\r\n".join(part for part in (line1, line2, line3, town, country) if part) or None


def body_id(table: Table, body: dict[str, Any]) -> str | None:
    """The primary id in a payload, or None; a text that is no GUID is refused."""
    value = body.get(table.id_column)
    if value is None:
        return None
    identity = guid(value)
    if identity is None:
        raise errors.cannot_convert(table.set_name, value, "Guid")
    return identity


def with_key_values(session: Session, table: Table, values: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """A payload completed by the key values of the address; the payload's own win."""
    addressed: dict[str, Any] = {}
    plan = session.catalog.plan(table.name)
    for name, value in values.items():
        if table.columns[name].is_lookup:
            bind = next(b for b in plan.binds if b.column == name)
            target = session.catalog.tables[bind.targets[0]]
            addressed[bind.nav + BIND] = f"/{target.set_name}({value})"
        elif table.columns[name].type == "Boolean":
            addressed[name] = bool(value)
        else:
            addressed[name] = value
    return {**addressed, **body}


def insert_system(session: Session, name: str, identity: str, values: dict[str, Any]) -> None:
    """Puts a row of the service's own tables, new or over the one with that id; values are stored ones."""
    table = session.catalog.tables[name]
    plan = session.catalog.plan(name)
    row: dict[str, Any] = {table.id_column: identity, **plan.defaults, **values}
    for column in ("createdon", "modifiedon"):
        if column in table.columns:
            row.setdefault(column, session.now)
    row["versionnumber"] = session.store.next_version()
    if session.store.exists(table, identity):
        session.store.update(table, identity, row)
    else:
        session.store.insert(name, row)
