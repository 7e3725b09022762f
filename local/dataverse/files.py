"""File columns: their content is sent and fetched by itself, in one piece or in chunks."""

import re
import uuid
from typing import Final
from urllib.parse import quote, unquote

from local.dataverse import errors
from local.dataverse.errors import ApiError
from local.dataverse.http import Request, Response, no_content
from local.dataverse.model import Column, Table
from local.dataverse.session import Session

_CHUNK: Final = 4 * 1024 * 1024
_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_REFUSED: Final = "The attachment is either not a valid type or is too large. It cannot be uploaded or downloaded."


def is_file(table: Table, name: str) -> bool:
    column = table.columns.get(name)
    return column is not None and column.type == "File"


def file_request(session: Session, request: Request, table: Table, identity: str, column: Column) -> Response:
    """``/accounts(id)/new_document`` with the content as body, and ``…/$value`` without one."""
    if request.method == "GET":
        return _download(session, table, identity, column)
    session.security.require(session.caller, "Write", table)
    if request.method == "DELETE":
        session.store.update(table, identity, {column.name: None, f"{column.name}_name": None})
        return no_content()
    if request.method not in ("PATCH", "PUT"):
        raise errors.not_allowed(request.method)
    name = unquote(request.headers.get("x-ms-file-name") or request.query.get("x-ms-file-name", ""))
    if request.headers.get("x-ms-transfer-mode", "").lower() == "chunked":
        return _begin(session, request, name)
    token = request.query.get("sessiontoken")
    if token is None:
        _keep(session, table, identity, column, name, request.body)
        return no_content()
    return _continue(session, request, table, identity, column, token)


def _begin(session: Session, request: Request, name: str) -> Response:
    token = uuid.uuid4().hex
    session.store.transfers[token] = (name, bytearray())
    location = f"{request.base}{request.path}?x-ms-file-name={quote(name)}&sessiontoken={token}"
    return Response(200, {"Location": location, "x-ms-chunk-size": str(_CHUNK), "Accept-Ranges": "bytes"})


def _continue(
    session: Session, request: Request, table: Table, identity: str, column: Column, token: str
) -> Response:  # fmt: skip
    transfer = session.store.transfers.get(token)
    found = _RANGE.fullmatch(request.headers.get("content-range", ""))
    if transfer is None or found is None:
        raise ApiError(400, "0x80040203", "The session token or the Content-Range of the chunk is not valid.")
    name, data = transfer
    first, last, total = (int(part) for part in found.groups())
    if first != len(data) or last - first + 1 != len(request.body):
        raise ApiError(416, "0x80040203", "The chunk does not follow the one before it.")
    data += request.body
    if last + 1 < total:
        return Response(206)
    del session.store.transfers[token]
    _keep(session, table, identity, column, name, bytes(data))
    return no_content()


def _keep(session: Session, table: Table, identity: str, column: Column, name: str, data: bytes) -> None:
    """Stores a file and points the row at it. 400 when it is too large or of a blocked kind."""
    if not name:
        raise ApiError(400, "0x80040203", "The header x-ms-file-name is required.")
    _, blocked = session.security.file_rules
    if "." in name and name.rpartition(".")[2].lower() in blocked:
        raise ApiError(400, "0x80043e09", _REFUSED)
    if len(data) > (column.max_length or 0) * 1024:
        raise ApiError(400, "0x80044a02", _REFUSED)
    file_id = str(uuid.uuid4())
    session.store.put_file(file_id, data)
    session.store.update(
        table, identity,
        {column.name: file_id, f"{column.name}_name": name, "modifiedon": session.now,
         "modifiedby": session.caller.user, "versionnumber": session.store.next_version()},
    )  # fmt: skip
    session.rows += 1


def _download(session: Session, table: Table, identity: str, column: Column) -> Response:
    session.security.require(session.caller, "Read", table)
    held = session.store.fetch(table, identity, (column.name, f"{column.name}_name"))
    data = session.store.file(held[0]) if held and held[0] else None
    if held is None or data is None:
        return no_content()
    headers = {"Content-Type": "application/octet-stream", "x-ms-file-name": quote(str(held[1])),
               "x-ms-file-size": str(len(data))}  # fmt: skip
    return Response(200, headers, data)
