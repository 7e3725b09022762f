"""What a text file is written in: its encoding and, for delimited text, its delimiter."""

import codecs
from pathlib import Path
from typing import Final

from sources.errors import BadSource

_BLOCK: Final = 1 << 20
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def encoding_of(path: Path, limit: int | None = None) -> str:
    """The Python codec that reads the file: by its byte order mark, else UTF-8 when it is valid, else Windows-1252.

    Latin-1 stands in for bytes that Windows-1252 leaves undefined, so that every other file can be read. ``limit``
    looks at that many bytes only (enough for a header). The file is read in blocks.

    Raises:
        BadSource: the file holds NUL bytes: it is no text, or text of an unmarked two-byte encoding.
    """
    with path.open("rb") as file:
        head = file.read(4)
        for mark, name in _MARKS:
            if head.startswith(mark):
                return name
        file.seek(0)
        decoders = {name: codecs.getincrementaldecoder(name)() for name in ("utf-8", "cp1252")}
        left = limit
        while block := file.read(_BLOCK if left is None else min(_BLOCK, left)):
            if b"\0" in block:
                raise BadSource(f"{path.name} is not text: it holds NUL bytes")
            if left is not None:
                left -= len(block)
            _feed(decoders, block)
        if limit is None:  # a character cut off at the end only counts when this is the end
            _feed(decoders, b"", last=True)
    return next(iter(decoders), "latin-1")


def _feed(decoders: dict[str, codecs.IncrementalDecoder], block: bytes, *, last: bool = False) -> None:
    """Drops the decoders that cannot read on."""
    for name, decoder in list(decoders.items()):
        try:
            decoder.decode(block, last)
        except UnicodeDecodeError:
            del decoders[name]


def delimiter_of(first_line: str) -> str:
    """Comma, semicolon, tab or bar: the one that occurs most outside quotes in the header line; comma in a tie."""
    outside = "".join(first_line.split('"')[::2])
    return max(",;\t|", key=outside.count)
