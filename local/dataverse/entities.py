"""Requests on tables and rows: which of them does what, with the conditional headers of the PATCH table."""

import base64
import re
from typing import Any, Final

from local.dataverse import cascade, errors, fetchxml, query, rows, sql
from local.dataverse.bulk import bulk
from local.dataverse.files import file_request, is_file
from local.dataverse.http import JSON, Request, Response, no_content, ok
from local.dataverse.keys import parse_key
from local.dataverse.model import Key, Table
from local.dataverse.plans import BIND
from local.dataverse.session import Session

_BULK: Final = "Microsoft.Dynamics.CRM."
#: What lists the privileges of a row of these tables.
_PRIVILEGES: Final = {"systemuser": "RetrieveUserPrivileges", "team": "RetrieveTeamPrivileges"}
_ETAG: Final = re.compile(r'(?:W/)?"?(\d+)"?')


def table_request(session: Session, request: Request, table: Table, rest: list[tuple[str, str | None]]) -> Response:
    """``/contacts``, ``/contacts/$count`` and the bulk messages."""
    if not rest:
        if request.method == "GET":
            if "$apply" in request.query:
                return ok(query.aggregate(session, request, table))
            if "sql" in request.query:
                return ok(sql.run(session, request))
            if "fetchXml" in request.query:
                return ok(fetchxml.run(session, request, table))
            return ok(query.many(session, request, table))
        if request.method == "POST":
            return _create(session, request, table)
        raise errors.not_allowed(request.method)
    name = rest[0][0]
    if name == "$count" and request.method == "GET":
        number = min(query.count(session, request, table), query.PAGE)
        return Response(200, {"Content-Type": "text/plain"}, str(number).encode())
    if name.startswith(_BULK) and request.method == "POST":
        return bulk(session, request, table, name.removeprefix(_BULK))
    raise errors.no_segment(name)


def row_request(
    session: Session, request: Request, table: Table, key: str, rest: list[tuple[str, str | None]]
) -> Response:
    """``/contacts(id)`` and what hangs on it."""
    parsed = parse_key(session.catalog, table, key)
    identity = parsed if isinstance(parsed, str) else session.store.find_key(table, parsed[1])
    if rest:
        if identity is None:
            raise errors.key_not_found(table.name)
        return _property(session, request, table, identity, rest)
    if request.method == "PATCH":
        return _patch(session, request, table, parsed, identity)
    if identity is None:
        raise errors.key_not_found(table.name)
    if request.method == "GET":
        return _get(session, request, table, identity)
    if request.method == "DELETE":
        cascade.delete(session, table, identity, _version(request))
        return no_content()
    raise errors.not_allowed(request.method)


def _get(session: Session, request: Request, table: Table, identity: str) -> Response:
    document = query.one(session, request, table, identity)
    etag = document["@odata.etag"]
    if request.headers.get("if-none-match", "").strip() == etag:
        return Response(304)
    return ok(document, ETag=etag)


def _create(session: Session, request: Request, table: Table) -> Response:
    identity = rows.create(session, table, request.json())
    return _written(session, request, table, identity, f"{table.set_name}({identity})", 201)


def _written(session: Session, request: Request, table: Table, identity: str, path: str, status: int) -> Response:
    """204 with the row's URL, or the row itself when the client prefers it."""
    if request.prefers("return") == "representation":
        asked = {name: value for name, value in request.query.items() if name == "$select"}
        nested = Request("GET", path, asked, request.headers, b"", request.base, request.caller)
        document = query.one(session, nested, table, identity)
        headers = {"Content-Type": JSON, "ETag": document["@odata.etag"], "Preference-Applied": "return=representation"}
        answer = ok(document)
        return Response(status, headers, answer.body)
    url = request.base + path
    return no_content({"OData-Version": "4.0", "OData-EntityId": url, "Location": url})


def _version(request: Request) -> int | None:
    """The version an If-Match asks for; None without one, or for ``*``."""
    text = request.headers.get("if-match", "").strip()
    if not text or text == "*":
        return None
    found = _ETAG.fullmatch(text)
    if found is None:
        raise errors.bad_query("The If-Match header is not a valid entity tag.")
    return int(found[1])


def _patch(
    session: Session, request: Request, table: Table, parsed: str | tuple[Key, dict[str, Any]], identity: str | None
) -> Response:
    """The upsert table: update, create, 404 or 412 by what exists and what the headers ask."""
    body = request.json()
    must_exist = "if-match" in request.headers
    must_miss = request.headers.get("if-none-match", "").strip() == "*"
    exists = identity is not None and session.store.exists(table, identity)
    path = f"{table.set_name}({identity})" if isinstance(parsed, str) else request.path
    if exists and identity is not None:
        if must_miss:
            raise errors.duplicate_id()
        if not isinstance(parsed, str):
            body = {name: value for name, value in body.items() if name not in parsed[1]}
        rows.update(session, table, identity, body, _version(request))
        return _written(session, request, table, identity, path, 200)
    if must_exist:
        raise errors.not_found(table.name, identity or "(alternate key)")
    if isinstance(parsed, str):
        created = rows.create(session, table, body, parsed)
    else:
        created = rows.create(session, table, rows.with_key_values(session, table, parsed[1], body))
    return _written(session, request, table, created, path, 201)


def _property(
    session: Session, request: Request, table: Table, identity: str, rest: list[tuple[str, str | None]]
) -> Response:
    name = rest[0][0]
    plan = session.catalog.plan(table.name)
    if not session.store.exists(table, identity):
        raise errors.not_found(table.name, identity)
    if name.startswith(_BULK) and table.name in _PRIVILEGES:
        return _privileges(session, request, table, identity, name.removeprefix(_BULK))
    if name in plan.navs or name in plan.collections:
        return _navigation(session, request, table, identity, rest)
    if is_file(table, name):
        return file_request(session, request, table, identity, table.columns[name])
    if name not in plan.read_names:
        raise errors.no_segment(name)
    if request.method == "PUT":
        rows.update(session, table, identity, {name: request.json().get("value")})
        return no_content()
    if request.method == "DELETE":
        rows.update(session, table, identity, {name: None})
        return no_content()
    if request.method != "GET":
        raise errors.not_allowed(request.method)
    session.security.require(session.caller, "Read", table)
    value = plan.reading([name]).row(_fetch(session, table, identity, plan.reading([name]).columns))[name]
    if value is None:
        return no_content()
    if len(rest) > 1 and rest[1][0] == "$value":
        if table.name == "annotation" and name == "documentbody":
            return Response(200, {"Content-Type": "application/octet-stream"}, base64.b64decode(value))
        return Response(200, {"Content-Type": "text/plain"}, str(value).encode())
    return ok({"@odata.context": f"{request.base}$metadata#{table.set_name}({identity})/{name}", "value": value})


def _fetch(session: Session, table: Table, identity: str, columns: str) -> tuple[Any, ...]:
    text = f'SELECT {columns} FROM "{table.name}" t WHERE t."{table.id_column}" = ?'
    found: tuple[Any, ...] = session.store.db.execute(text, (identity,)).fetchone()
    return found


def _navigation(
    session: Session, request: Request, table: Table, identity: str, rest: list[tuple[str, str | None]]
) -> Response:
    """``/contacts(id)/parentcustomerid_account``, its ``$ref``, and collections."""
    plan = session.catalog.plan(table.name)
    name = rest[0][0]
    reference = len(rest) > 1 and rest[1][0] == "$ref"
    if name in plan.navs:
        if reference and request.method == "DELETE":
            rows.update(session, table, identity, {name + BIND: None})
            return no_content()
        if reference and request.method == "PUT":
            rows.update(session, table, identity, {name + BIND: request.json().get("@odata.id")})
            return no_content()
        kind, target = query.related(session, plan, name, identity)
        if kind is None or target is None:
            return no_content()
        return _get(session, request, kind, target)
    relationship = plan.collections[name]
    other = session.catalog.tables[relationship.referencing]
    if request.method == "PUT" and other.name == "activityparty":
        for held in session.store.pointing_at(other, other.columns["activityid"], table.name, identity):
            session.store.delete(other, held)
        rows.create_children(session, relationship, table, identity, request.json().get("value", []))
        return no_content()
    if request.method != "GET":
        raise errors.not_allowed(request.method)
    fixed, params = query.collection_filter(other, relationship.column, table.name, identity)
    return ok(query.many(session, request, other, fixed, params))


def _privileges(session: Session, request: Request, table: Table, identity: str, function: str) -> Response:
    if function != _PRIVILEGES[table.name] or request.method != "GET":
        raise errors.no_segment(_BULK + function)
    names = session.security.privileges(identity)
    return ok(
        {
            "@odata.context": f"{request.base}$metadata#Microsoft.Dynamics.CRM.{function}Response",
            "RolePrivileges": [session.security.role_privilege(name) for name in names],
        }
    )
