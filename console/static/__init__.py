"""The console's own files: style sheet, scripts. Nothing comes from another host."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

import azure.functions as func

_FOLDER: Final = Path(__file__).parent
_KINDS: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOREVER: Final = "public, max-age=31536000, immutable"


def address(name: str) -> str:
    """The address of a file, with a mark of its content: a new version is fetched, an old one never again."""
    return f"/console/static/{mark(name)}/{name}"


@cache
def mark(name: str) -> str:
    """Twelve hex digits of the file's SHA-256."""
    return hashlib.sha256((_FOLDER / name).read_bytes()).hexdigest()[:12]


def file(path: str) -> func.HttpResponse | None:
    """The answer for ``static/<mark>/<name>``; None when it is no file of ours."""
    parts = path.split("/")
    if len(parts) != 3 or parts[0] != "static":
        return None
    content = _read(parts[2])
    if content is None:
        return None
    kind = _KINDS[Path(parts[2]).suffix]
    cached = _FOREVER if parts[1] == mark(parts[2]) else "no-cache"
    return func.HttpResponse(content, mimetype=kind, headers={"Cache-Control": cached})


@cache
def _read(name: str) -> bytes | None:
    found = {one.name: one for one in _FOLDER.iterdir() if one.suffix in _KINDS}
    return found[name].read_bytes() if name in found else None
