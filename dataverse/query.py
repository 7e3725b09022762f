"""Addresses of the Web API: query options, row addresses, filters. Only ids and schema names may go into them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeVar
from urllib.parse import quote

_GUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SAFE: Final = "$'(),=/:@*"

T = TypeVar("T")


def guid(text: str) -> str:
    """The id as answers carry it (lower case, no braces). ValueError when it is none, without showing the text."""
    folded = text.strip().strip("{}").lower()
    if not _GUID.fullmatch(folded):
        raise ValueError("not a row id")
    return folded


def literal(text: str) -> str:
    """An OData string literal."""
    return "'" + text.replace("'", "''") + "'"


def path(resource: str, **options: str) -> str:
    """``contacts?$select=…&$filter=…``; option names come without the dollar sign, empty options are left out."""
    given = [f"${name}={quote(value, safe=_SAFE)}" for name, value in options.items() if value]
    return resource + ("?" + "&".join(given) if given else "")


def row(set_name: str, row_id: str) -> str:
    """``contacts(<id>)``."""
    return f"{set_name}({guid(row_id)})"


def ids_in(column: str, ids: Iterable[str]) -> str:
    """A filter on a primary id column by the In function, whose values must be quoted, GUIDs too."""
    values = ",".join(f"'{guid(i)}'" for i in ids)
    return f"Microsoft.Dynamics.CRM.In(PropertyName='{column}',PropertyValues=[{values}])"


def any_of(column: str, ids: Iterable[str]) -> str:
    """A filter on a lookup's ``_column_value``, which the In function does not take by that name."""
    return " or ".join(f"{column} eq {guid(i)}" for i in ids)


def groups(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Consecutive slices of at most ``size`` items."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
