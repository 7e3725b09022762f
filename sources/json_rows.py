"""Rows of JSON files, element by element: an array of objects, an object that wraps one, or one object a line."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TextIO

from sources.errors import BadRow, BadSource
from sources.text import encoding_of

_BLOCK: Final = 1 << 18
_SPACE: Final = re.compile(r"[ \t\r\n]*")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


#: Numbers stay the text they were.
_DECODER: Final = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=_no_constant)


def plain(value: Any) -> Any:
    """A decoded value as staged: booleans as ``true``/``false``, empty text as None, nested values alike."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return value or None


class _Stream:
    """A JSON text read piece by piece; ``line`` is where the next unread character stands."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self.path, self.file, self.text, self.at, self.line = path, file, "", 0, 1

    def more(self) -> bool:
        """Reads another block behind what is left; False at the end of the file."""
        block = self.file.read(max(_BLOCK, len(self.text) - self.at))
        self.line += self.text.count("\n", 0, self.at)
        self.text, self.at = self.text[self.at :] + block, 0
        return bool(block)

    def peek(self) -> str:
        """The next character that is not space, '' at the end."""
        while True:
            self.at = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]  # matches always
            if self.at < len(self.text) or not self.more():
                return self.text[self.at : self.at + 1]

    def take(self, expected: str) -> str:
        """Consumes the next character, which must be one of ``expected``."""
        found = self.peek()
        if not found or found not in expected:
            raise self.bad("is not complete" if not found else f"has something else where one of {expected} belongs")
        self.at += 1
        return found

    def value(self) -> Any:
        """Consumes one whole value, however long."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text, self.at)
            except (ValueError, RecursionError):
                if not self.more():
                    raise self.bad("is not valid JSON from here on") from None
                continue
            if end < len(self.text):
                self.at = end
                return value
            length = end - self.at  # a bare number may go on in the next block
            if not self.more():
                self.at = length
                return value

    def bad(self, reason: str) -> BadRow:
        return BadRow(self.path.name, self.line + self.text.count("\n", 0, self.at), reason)


def _elements(stream: _Stream) -> Iterator[dict[str, Any]]:
    """The objects of an array whose bracket comes next."""
    stream.take("[")
    if stream.peek() == "]":
        stream.take("]")
        return
    while True:
        if stream.peek() != "{":
            raise stream.bad("holds something else than objects in its list")
        yield plain(stream.value())
        if stream.take(",]") == "]":
            return


def json_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a ``.json`` file: ``[{...}, ...]`` or ``{"name": [{...}, ...], "total": 2}``; one object is one row.

    Raises:
        BadRow: broken JSON; the line is where reading stopped.
        BadSource: an object that wraps several lists, of which none can be chosen.
    """
    with path.open(encoding=encoding_of(path), newline="") as file:
        stream = _Stream(path, file)
        start = stream.peek()
        if start == "[":
            yield from _elements(stream)
        elif start == "{":
            yield from _wrapped(path, stream)
        elif start:
            raise stream.bad("is neither a list nor an object")
        if stream.peek():
            raise stream.bad("goes on after its end")


def _wrapped(path: Path, stream: _Stream) -> Iterator[dict[str, Any]]:
    stream.take("{")
    members: dict[str, Any] = {}
    listed = False
    while stream.peek() != "}":
        key = stream.value()
        if not isinstance(key, str):
            raise stream.bad("has a key that is not text")
        stream.take(":")
        if stream.peek() == "[":
            if listed:
                raise BadSource(f"{path.name} holds several lists: save each in a file of its own")
            listed = True
            yield from _elements(stream)
        else:
            members[key] = plain(stream.value())
        if stream.take(",}") == "}":
            break
    else:
        stream.take("}")
    if not listed and members:
        yield members


def ndjson_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a file with one JSON object a line; blank lines do not count.

    Raises:
        BadRow: a line that is not one object.
    """
    with path.open(encoding=encoding_of(path), newline="\n") as file:
        for line, text in enumerate(file, 1):
            if not text.strip():
                continue
            try:
                row = _DECODER.decode(text)
            except (ValueError, RecursionError):
                raise BadRow(path.name, line, "is not valid JSON") from None
            if not isinstance(row, dict):
                raise BadRow(path.name, line, "is not an object")
            yield plain(row)
