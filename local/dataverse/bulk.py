"""CreateMultiple, UpdateMultiple and UpsertMultiple: one transaction, and an error that names no target."""

from typing import Any, Final

from local.dataverse import errors, rows
from local.dataverse.http import Request, Response, no_content, ok
from local.dataverse.keys import parse_key
from local.dataverse.model import Table
from local.dataverse.session import Session

_TYPE: Final = "Microsoft.Dynamics.CRM."
_MESSAGES: Final = frozenset({"CreateMultiple", "UpdateMultiple", "UpsertMultiple"})


def bulk(session: Session, request: Request, table: Table, message: str) -> Response:
    """One of the bulk messages on a standard table."""
    if message == "DeleteMultiple":
        raise errors.ApiError(501, "0x80040203", "DeleteMultiple has not yet been implemented.")
    if message not in _MESSAGES:
        raise errors.no_segment(_TYPE + message)
    behaviour = session.behaviour
    if not table.bulk or table.name in behaviour.no_bulk:
        raise errors.no_bulk(message, table.name)
    targets = _targets(request, table)
    if message == "CreateMultiple":
        if behaviour.bulk_ids != "honoured":
            targets = [_without_id(table, target, behaviour.bulk_ids) for target in targets]
        identities = [rows.create(session, table, target) for target in targets]
        context = f"{request.base}$metadata#{_TYPE}CreateMultipleResponse"
        return ok({"@odata.context": context, "Ids": identities})
    if message == "UpdateMultiple":
        _update(session, table, targets)
    else:
        _upsert(session, table, targets)
    return no_content()


def _targets(request: Request, table: Table) -> list[dict[str, Any]]:
    targets = request.json().get("Targets")
    if not isinstance(targets, list) or not targets:
        raise errors.bad_payload(table.set_name, "The parameter 'Targets' must be a collection with at least one item.")
    expected = _TYPE + table.name
    for target in targets:
        kind = target.get("@odata.type") if isinstance(target, dict) else None
        if kind is None or kind.lstrip("#") != expected:
            raise errors.bad_payload(
                table.set_name, f"Every item of 'Targets' must name its type: '@odata.type' must be '{expected}'."
            )
    return targets


def _without_id(table: Table, target: dict[str, Any], policy: str) -> dict[str, Any]:
    """A target in an environment that does not honour ids which the client chose."""
    if table.id_column not in target:
        return target
    if policy == "refused":
        raise errors.bulk_id(table.name)
    return {name: value for name, value in target.items() if name != table.id_column}


def _identity(session: Session, table: Table, target: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """The id of the row a target means, and the key values it was addressed by."""
    address = target.get("@odata.id")
    if address is None:
        return rows.body_id(table, target), {}
    text = str(address).rpartition("/")[2]
    name, _, key = text.partition("(")
    if name != table.set_name or not key.endswith(")"):
        raise errors.bad_payload(table.set_name, "The '@odata.id' of a target does not name a row of the table.")
    parsed = parse_key(session.catalog, table, key[:-1])
    if isinstance(parsed, str):
        return parsed, {}
    return session.store.find_key(table, parsed[1]), parsed[1]


def _update(session: Session, table: Table, targets: list[dict[str, Any]]) -> None:
    """Of several targets for one row the first counts; the others are dropped without a word."""
    done: set[str] = set()
    for target in targets:
        identity, keys = _identity(session, table, target)
        if identity is None:
            raise (
                errors.key_not_found(table.name)
                if keys
                else errors.bad_payload(table.set_name, f"A target has no '{table.id_column}'.")
            )
        if identity not in done:
            done.add(identity)
            rows.update(session, table, identity, target)


def _upsert(session: Session, table: Table, targets: list[dict[str, Any]]) -> None:
    done: set[str] = set()
    for target in targets:
        identity, keys = _identity(session, table, target)
        if identity is not None and identity in done:
            raise errors.duplicate_id()
        if identity is not None and session.store.exists(table, identity):
            body = {name: value for name, value in target.items() if name not in keys}
            rows.update(session, table, identity, body)
        else:
            if keys and not keys.keys().isdisjoint(target):
                # The real service fails like this when a key column is in both address and body of a new row.
                raise errors.ApiError(400, "0x80040216", "An unexpected error occurred.")
            identity = rows.create(session, table, rows.with_key_values(session, table, keys, target), identity)
        done.add(identity)
