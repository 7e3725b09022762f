"""Counts what the shaped records hold: values of choices, and per clinic its custom patient properties.

Results are plain models that merge, so that each bucket is counted on its own and nothing waits for the whole.
"""

import gzip
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field

from mapping.model import ColumnType
from sources.patterns import ValueType, is_code, merge_types, type_of

#: Different values that are counted one by one; beyond, only that there are more.
MAX_VALUES: Final = 200

#: Longest text that is counted as a value of a list to choose from.
MAX_OPTION: Final = 100

#: A list to choose from: at most this many values, each used this often on average.
_OPTIONS, _USES = 50, 3


K = TypeVar("K", bound=str)


class _Counted(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ValueCounts(_Counted):
    """The values of one field. ``options`` is None once there are too many different ones to list."""

    values: int = 0  #: non-empty ones
    nulls: int = 0
    max_length: int = 0
    decimals: int = 0  #: most places after the point
    types: dict[ValueType, int] = Field(default_factory=dict)
    options: dict[str, int] | None = Field(default_factory=dict)

    def add(self, text: str) -> None:
        """Counts one non-empty value."""
        self.values += 1
        self.max_length = max(self.max_length, len(text))
        kind = type_of(text)
        self.types[kind] = self.types.get(kind, 0) + 1
        if kind == "decimal":
            self.decimals = max(self.decimals, len(text.strip().rpartition(".")[2]) if "." in text else 0)
        if self.options is not None:
            self.options[text] = self.options.get(text, 0) + 1
            if len(text) > MAX_OPTION or len(self.options) > MAX_VALUES:
                self.options = None

    def merge(self, other: "ValueCounts") -> None:
        """Adds what was counted elsewhere."""
        self.values += other.values
        self.nulls += other.nulls
        self.max_length = max(self.max_length, other.max_length)
        self.decimals = max(self.decimals, other.decimals)
        _add_counts(self.types, other.types)
        if self.options is None or other.options is None:
            self.options = None
        else:
            _add_counts(self.options, other.options)
            if len(self.options) > MAX_VALUES:
                self.options = None

    @property
    def value_type(self) -> ValueType | None:
        """The narrowest type that holds every value; None when there is no value."""
        return merge_types(self.types)


def _add_counts(mine: dict[K, int], theirs: dict[K, int]) -> None:
    for key, count in theirs.items():
        mine[key] = mine.get(key, 0) + count


class PropertyProfile(ValueCounts):
    """One custom patient property. ``values`` counts single values, ``patients`` who has any."""

    name: str
    patients: int = 0
    multi: bool = False  #: somebody has several

    def merge(self, other: ValueCounts) -> None:
        super().merge(other)
        if isinstance(other, PropertyProfile):
            self.patients += other.patients
            self.multi = self.multi or other.multi

    @property
    def type(self) -> ColumnType:
        """The column type to propose: from the values, or a choice when few values recur."""
        if self.multi:
            return "choices" if self._recurs else "memo"
        kind = self.value_type or "text"
        if kind == "integer" and is_code(self.name):
            return "text"  # the next clinic's codes begin with a zero
        return "choice" if kind == "text" and self._recurs else kind

    @property
    def _recurs(self) -> bool:
        return self.options is not None and len(self.options) <= _OPTIONS and self.values >= _USES * len(self.options)


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rb") as file:
        for line in file:
            yield orjson.loads(line)


def property_inventory(path: Path) -> dict[str, PropertyProfile]:
    """Counts the custom properties in a shaped patient file, by property name; excluded patients do not count."""
    result: dict[str, PropertyProfile] = {}
    for record in _records(path):
        if record.get("_excluded"):
            continue
        for name, value in (record.get("properties") or {}).items():
            texts = [one for one in (value if isinstance(value, list) else [value]) if one]
            if not texts:
                continue
            one = result.setdefault(name, PropertyProfile(name=name))
            one.patients += 1
            one.multi = one.multi or len(texts) > 1
            for text in texts:
                one.add(text if isinstance(text, str) else orjson.dumps(text).decode())
    return result


def merge_properties(parts: Iterable[dict[str, PropertyProfile]]) -> dict[str, PropertyProfile]:
    """The inventory of several buckets."""
    result: dict[str, PropertyProfile] = {}
    for part in parts:
        for name, counted in part.items():
            result.setdefault(name, PropertyProfile(name=name)).merge(counted)
    return result


def field_values(path: Path, fields: Sequence[str]) -> dict[str, ValueCounts]:
    """Counts the values of some fields of a shaped file: where the options of open choices come from."""
    result = {name: ValueCounts() for name in fields}
    for record in _records(path):
        if record.get("_excluded"):
            continue
        for name, counts in result.items():
            value = record.get(name)
            texts = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str) and one]
            for text in texts:
                counts.add(text)
            counts.nulls += not texts
    return result
