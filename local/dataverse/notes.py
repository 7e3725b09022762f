"""Notes with files: the size limit, the blocked extensions, and the size the service works out."""

import base64
import binascii
from typing import Any, Final

from local.dataverse import errors
from local.dataverse.session import Session

_TOO_LARGE: Final = "0x80044a02"
_BLOCKED: Final = "0x80043e09"


def check(session: Session, row: dict[str, Any], identity: str | None = None) -> None:
    """Checks what an annotation is about to hold and sets ``filesize``, ``isdocument`` and ``objecttypecode``."""
    if "objectid__type" in row:
        row["objecttypecode"] = row["objectid__type"]
    if row.get("isdocument", 0) is None:
        raise errors.required_missing("isdocument", "annotation")
    name, body = row.get("filename"), row.get("documentbody")
    if name or body:
        limit, blocked = session.security.file_rules
        extension = _extension(session, name, identity)
        if extension in blocked:
            raise errors.ApiError(
                400,
                _BLOCKED,
                "The attachment is either not a valid type or is too large. It cannot be uploaded or downloaded.",
            )
        if body is not None and len(body) > limit:
            raise errors.ApiError(
                400,
                _TOO_LARGE,
                "The attachment is either not a valid type or is too large. It cannot be uploaded or downloaded.",
            )
    if "documentbody" in row:
        row["filesize"] = decoded_size(body) if body else 0


def _extension(session: Session, name: str | None, identity: str | None) -> str:
    if name is None and identity is not None:
        held = session.store.fetch(session.catalog.tables["annotation"], identity, ("filename",))
        name = held[0] if held else None
    return name.rpartition(".")[2].lower() if name and "." in name else ""


def decoded_size(body: str) -> int:
    """Octets behind a base64 text; 400 when it is none."""
    try:
        return len(base64.b64decode(body, validate=True))
    except (binascii.Error, ValueError):
        raise errors.cannot_convert("annotations", "(documentbody)", "Binary") from None
