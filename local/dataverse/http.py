"""A request and its answer, free of any web framework, so that the parts of a $batch are the same as requests alone."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

import orjson

from local.dataverse.errors import ApiError, bad_payload, no_segment
from local.dataverse.security import Caller

ROOT: Final = "/api/data/v9.2/"
_ROOTS: Final = re.compile(r"^(?:https?://[^/]+)?/?api/data/v9\.\d/")
_SEGMENT: Final = re.compile(r"([$@\w.]+)(?:\((.*)\))?", re.DOTALL)
#: One preference: up to a comma that no quotes hide.
_PREFERENCE: Final = re.compile(r'(?:[^,"]|"[^"]*")+')
JSON: Final = "application/json; odata.metadata=minimal"


@dataclass(slots=True)
class Request:
    """``path`` is relative to the service root and still percent-encoded; header names are lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes
    base: str  #: "http://127.0.0.1:7080/api/data/v9.2/"
    caller: Caller
    references: dict[str, str] = field(default_factory=dict)  #: Content-ID -> URL, inside a changeset

    def json(self) -> dict[str, Any]:
        """The body as an object; the service's 400 when it is none."""
        try:
            document = orjson.loads(self.body) if self.body else {}
        except orjson.JSONDecodeError:
            raise bad_payload("", "An unexpected character or end of input was found in the JSON payload.") from None
        if not isinstance(document, dict):
            raise bad_payload("", "A JSON object was expected.")
        return document

    def prefers(self, token: str) -> str | None:
        """The value of a Prefer token, "" when it has none, None when it is absent."""
        for part in _PREFERENCE.findall(self.headers.get("prefer", "")):
            name, _, value = part.strip().partition("=")
            if name.strip().lower() == token:
                return str(value).strip().strip('"')
        return None

    def segments(self) -> list[tuple[str, str | None]]:
        """The path as (name, what is between the brackets or None)."""
        result: list[tuple[str, str | None]] = []
        for raw in self.path.strip("/").split("/"):
            text = unquote(raw)
            found = _SEGMENT.fullmatch(text)
            if found is None:
                raise no_segment(text)
            result.append((found[1], found[2]))
        return result


@dataclass(slots=True)
class Response:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def ok(document: Any, **headers: str) -> Response:
    """200 with a JSON body."""
    return Response(200, {"Content-Type": JSON, **headers}, orjson.dumps(document))


def no_content(headers: dict[str, str] | None = None) -> Response:
    return Response(204, headers or {})


def failure(error: ApiError) -> Response:
    return Response(error.status, {"Content-Type": JSON, **error.headers}, error.payload())


def split_url(url: str) -> tuple[str, dict[str, str]]:
    """An absolute or relative request URL as (path below the service root, query options decoded)."""
    path, _, query = url.partition("?")
    return _ROOTS.sub("", path).lstrip("/"), parse_query(query)


def parse_query(query: str) -> dict[str, str]:
    """``$filter=a%20eq%201&@p1='x'`` as a dict. A plus is a space, as in any query string."""
    options: dict[str, str] = {}
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            options[unquote(name)] = unquote(value.replace("+", " "))
    return options
