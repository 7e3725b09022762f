"""A sample of bounded size: every n-th row of a dataset, evenly over all its files, nested objects laid flat."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from sources.patterns import SECRET

#: Rows of a dataset that are profiled; a larger one gives between this many and twice as many.
LIMIT: Final = 10_000
#: Rows of a dataset that are read at all.
MAX_READ: Final = 2_000_000
#: Longest text that is looked at.
MAX_TEXT: Final = 4_000
#: What a cell of JSON holds.
Nested = Literal["list", "objects", "object"]  #: a list of texts, a list with objects in it, an object
_DEPTH: Final = 3
_FLUSH: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Sample:
    """The sample as NDJSON: ``r`` is the row's number, ``c0``… its cells. Rows off the last stride are to be skipped."""

    path: Path
    columns: list[str]
    top: list[str]  #: columns as the files have them: ``address`` where there is ``address.city``
    longest: dict[str, int]  #: of columns with texts over MAX_TEXT
    nested: dict[str, Nested]  #: columns with JSON cells: list or object
    rows: int
    stride: int
    whole: bool
    longest_line: int  #: bytes


def flat(row: dict[str, Any], prefix: str = "", depth: int = _DEPTH) -> Iterator[tuple[str, Any]]:
    """The cells of a row; objects inside give a cell for each member, by path (``address.city``)."""
    for name, value in row.items():
        if isinstance(value, dict) and depth:
            yield from flat(value, f"{prefix}{name}.", depth - 1)
        elif value is not None:
            yield f"{prefix}{name}", value


def _kind(value: Any, before: Nested | None) -> Nested:
    if isinstance(value, dict):
        return "object"
    return "objects" if before == "objects" or any(isinstance(one, dict) for one in value) else "list"


def take_sample(rows: Iterable[dict[str, Any]], path: Path, limit: int = LIMIT, most: int = MAX_READ) -> Sample:
    """Writes a sample of the rows to ``path``.

    Keeps every n-th row and doubles n whenever twice ``limit`` rows are kept: the file stays within a few times
    ``limit`` rows whatever the number of rows, and the same rows give the same sample.
    """
    places: dict[str, int] = {}
    longest: dict[str, int] = {}
    nested: dict[str, Nested] = {}
    number, kept, stride, whole, longest_line = 0, 0, 1, True, 0
    header: Any = None
    top: dict[str, None] = {}
    buffer = bytearray()
    with path.open("wb") as file:
        for row in rows:
            if number >= most:
                whole = False
                break
            if number % stride == 0:
                line: dict[str, Any] = {"r": number}
                if row.keys() != header:  # rows of a table share it: compared, not walked, from the second on
                    header = row.keys()
                    top |= dict.fromkeys(header)
                    fresh = (name for name in row if name not in places and not SECRET.search(name))
                    places |= {name: len(places) + at for at, name in enumerate(fresh)}
                for name, value in flat(row):
                    if SECRET.search(name):
                        continue
                    if not isinstance(value, str):
                        nested[name] = _kind(value, nested.get(name))
                        value = orjson.dumps(value).decode()
                    if len(value) > MAX_TEXT:
                        longest[name] = max(longest.get(name, 0), len(value))
                        value = value[:MAX_TEXT]
                    line[f"c{places.setdefault(name, len(places))}"] = value
                text = orjson.dumps(line)
                longest_line = max(longest_line, len(text))
                buffer += text
                buffer += b"\n"
                kept += 1
                if kept == 2 * limit:
                    stride, kept = 2 * stride, limit
                if len(buffer) > _FLUSH:
                    file.write(buffer)
                    buffer.clear()
            number += 1
        file.write(buffer)
    return Sample(path, list(places), list(top), longest, nested, number, stride, whole, longest_line)
