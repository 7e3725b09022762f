"""A note's file in blocks: begin, blocks of up to 4 MB, commit. What is not committed is lost with the process."""

import base64
import binascii
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from local.dataverse import errors, rows
from local.dataverse.errors import ApiError
from local.dataverse.http import Request, Response, no_content, ok
from local.dataverse.session import Session

if TYPE_CHECKING:
    from local.dataverse.environment import Environment

_LARGEST_BLOCK: Final = 4 * 1024 * 1024


@dataclass(slots=True)
class Upload:
    blocks: dict[str, bytes] = field(default_factory=dict)


def begin(environment: "Environment", session: Session, request: Request) -> Response:
    """InitializeAnnotationBlocksUpload {Target} → {FileContinuationToken}."""
    _target(session, request.json())
    token = uuid.uuid4().hex
    environment.uploads[token] = Upload()
    context = f"{request.base}$metadata#Microsoft.Dynamics.CRM.InitializeAnnotationBlocksUploadResponse"
    return ok({"@odata.context": context, "FileContinuationToken": token})


def block(environment: "Environment", _: Session, request: Request) -> Response:
    """UploadBlock {BlockId, BlockData, FileContinuationToken}; a block sent twice counts once."""
    body = request.json()
    upload = _upload(environment, body)
    try:
        data = base64.b64decode(str(body.get("BlockData")), validate=True)
    except (binascii.Error, ValueError):
        raise errors.cannot_convert("", "(BlockData)", "Binary") from None
    if len(data) > _LARGEST_BLOCK:
        raise ApiError(400, "0x80044a02", "A block must not be larger than 4 MB.")
    upload.blocks[str(body.get("BlockId"))] = data
    return no_content()


def commit(environment: "Environment", session: Session, request: Request) -> Response:
    """CommitAnnotationBlocksUpload {Target, BlockList, FileContinuationToken} → {AnnotationId, FileSizeInBytes}."""
    body = request.json()
    upload = _upload(environment, body)
    target = _target(session, body)
    listed = body.get("BlockList")
    if not isinstance(listed, list) or any(name not in upload.blocks for name in listed):
        raise ApiError(400, "0x80040203", "BlockList names a block that was not uploaded.")
    data = b"".join(upload.blocks[name] for name in listed)
    table = session.catalog.tables["annotation"]
    payload = {**target, "documentbody": base64.b64encode(data).decode(), "isdocument": True}
    identity = rows.body_id(table, target)
    if identity is not None and session.store.exists(table, identity):
        rows.update(session, table, identity, payload)
    else:
        identity = rows.create(session, table, payload, identity)
    del environment.uploads[body["FileContinuationToken"]]
    context = f"{request.base}$metadata#Microsoft.Dynamics.CRM.CommitAnnotationBlocksUploadResponse"
    return ok({"@odata.context": context, "AnnotationId": identity, "FileSizeInBytes": len(data)})


def _target(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    target = body.get("Target")
    if not isinstance(target, dict) or target.get("@odata.type") != "Microsoft.Dynamics.CRM.annotation":
        raise errors.bad_payload("annotations", "The parameter 'Target' must be an annotation.")
    regarding = next((name for name in target if name.startswith("objectid_")), None)
    if regarding is not None and session.behaviour.note_blocks == "refused":
        raise errors.undeclared_bind("annotations", regarding.partition("@")[0])
    return target


def _upload(environment: "Environment", body: dict[str, Any]) -> Upload:
    upload = environment.uploads.get(str(body.get("FileContinuationToken")))
    if upload is None:
        raise ApiError(400, "0x80040203", "The FileContinuationToken is not valid.")
    return upload
