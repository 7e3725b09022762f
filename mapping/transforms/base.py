"""What a transform is: a pure function of one source value, in the context of one field of the map."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any, Final

from mapping.model import ColumnType
from mapping.schema import SchemaColumn


class Refused(Exception):
    """The value does not fit. ``code`` is for programs, ``message`` for people; neither holds the value."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


class BadArgs(ValueError):
    """The map gives a transform arguments it cannot work with; the text says which and why."""


@dataclass(slots=True)
class Ctx:
    """All that a transform may look at besides the value: made once per field of the map."""

    args: Mapping[str, Any] = field(default_factory=dict)
    column: SchemaColumn | None = None  #: where the result goes; None for state
    values: Mapping[str, str | None] | None = None  #: the field's value map
    zone: tzinfo = UTC  #: zone of source times that carry none
    state: Any = None  #: what ``Transform.prepare`` worked out beforehand


Fn = Callable[[Any, Ctx], Any]

#: What of a value its result does not hold, in words for people; for every value that ``Fn`` does not refuse.
Losses = Callable[[Any, Ctx], frozenset[str]]

NOTHING: Final[frozenset[str]] = frozenset()
#: The result says nothing of the value that could be read back.
ALL: Final = frozenset({"the value itself"})
#: The result says what the value has in common with others of the source.
WHICH: Final = frozenset({"which of several values"})


def loses_all(value: Any, ctx: Ctx) -> frozenset[str]:
    """Losses of a transform whose result is not made of the value, or not to be read back."""
    return ALL


@dataclass(frozen=True, slots=True)
class Transform:
    """An entry of the registry.

    ``fn(value, ctx)`` returns the column's value in Web API JSON form, None for "no value", or raises Refused.
    It is not called for empty values unless ``reads_empty``. With ``several`` it is given a list: the field's own
    source value first, then those of ``args.fields``.
    """

    name: str
    doc: str
    fn: Fn
    gives: frozenset[ColumnType]  #: types of columns it can fill; empty = any
    args: Mapping[str, str] = field(default_factory=dict)  #: argument -> what it means
    prepare: Callable[[Ctx], Any] | None = None  #: result becomes ``ctx.state``; raises BadArgs
    reads_empty: bool = False
    several: bool = False
    loses: Losses | None = None  #: None: the value can always be made again from the result


TEXTS: Final[frozenset[ColumnType]] = frozenset({"text", "memo"})

#: Not storable or not displayable: C0 and C1 controls but tab, line feed and carriage return; lone surrogates.
_INVALID: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def as_text(value: Any) -> str:
    """The value as trimmed text. Numbers and booleans of JSON sources in their JSON form; lists and objects refused."""
    if isinstance(value, str):
        return value.strip()
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise Refused("not_text", "The value is a list or an object where one text was expected.")


def or_nothing(value: Any) -> str:
    """The value as trimmed text, nothing where it is a list or an object."""
    return "" if isinstance(value, list | dict) else as_text(value)


def fit(text: str, column: SchemaColumn | None) -> str | None:
    """The text when the column can hold it unchanged, None when it is empty.

    Length is counted in UTF-16 units, as Dataverse counts it.
    """
    if not text:
        return None
    if not text.isprintable() and _INVALID.search(text):
        raise Refused("invalid_characters", "The text holds control characters that cannot be stored.")
    limit = column.max_length if column is not None else None
    if limit is not None and len(text) * 2 > limit:
        units = len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
        if units > limit:
            raise Refused("too_long", f"The text has {units} characters; the column holds {limit}.")
    return text
