"""From JSON to what is stored, column by column: the service's type, length and range rules.

``reader(table, column)`` makes a function once per column; the function takes the JSON value of a payload and gives
what SQLite stores (text, integer, real or None) or raises ``ApiError``. Dates are stored as ISO text in UTC, so that
text order is time order; booleans as 0 and 1; ids in lower case.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from local.dataverse import errors
from local.dataverse.model import Column, Table

Reader = Callable[[Any], Any]

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_GUID: Final = re.compile(r"\{?([0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})\}?")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d)?(\.\d+)?(Z|[+-]\d\d:\d\d)?")
_MOST_SELECTED: Final = 150
_EDM: Final = {"Integer": "Int32", "BigInt": "Int64", "Money": "Decimal", "Decimal": "Decimal", "Double": "Double"}
_RANGE_CODE: Final = {"Integer": "0x8004432f", "BigInt": "0x8004432f"}
_DECIMAL_RANGE_CODE: Final = "0x80044330"
_INT32: Final = (-2147483648, 2147483647)


def guid(text: Any) -> str | None:
    """The id in lower case, or None when the text is no GUID."""
    found = _GUID.fullmatch(text) if isinstance(text, str) else None
    return found[1].lower() if found else None


def reader(table: Table, column: Column) -> Reader:
    """The function that checks and converts one column's JSON values."""
    kind = column.type
    if kind in ("String", "Memo", "EntityName"):
        return _text(table, column)
    if kind == "Boolean":
        return _boolean(table, column)
    if kind in ("Picklist", "State", "Status"):
        return _option(table, column)
    if kind == "MultiSelectPicklist":
        return _options(table, column)
    if kind in ("Integer", "BigInt"):
        return _integer(table, column)
    if kind in ("Decimal", "Double", "Money"):
        return _decimal(table, column)
    if kind == "DateTime":
        return _date(table, column) if column.date_only else _moment(table, column)
    if kind == "Uniqueidentifier":
        return _identifier(table, column)
    raise ValueError(f"no reader for {table.name}.{column.name} of type {kind}")


def _text(table: Table, column: Column) -> Reader:
    limit = column.max_length or 4000
    set_name, name = table.set_name, column.name

    def read(value: Any) -> Any:
        if value is None or value == "":
            return None
        if type(value) is not str:
            raise errors.cannot_convert(set_name, _shown(value), "String")
        # Lengths count UTF-16 units; only text near the limit can differ from Python's count.
        if len(value) > limit or (2 * len(value) > limit and len(value.encode("utf-16-le")) > 2 * limit):
            raise errors.too_long(name, table.name, limit)
        if _CONTROL.search(value):
            raise errors.control_character(name)
        return value

    return read


def _boolean(table: Table, column: Column) -> Reader:
    set_name = table.set_name

    def read(value: Any) -> Any:
        if value is True:
            return 1
        if value is False:
            return 0
        if value is None:
            return None
        raise errors.cannot_convert(set_name, _shown(value), "Boolean")

    return read


def _option(table: Table, column: Column) -> Reader:
    allowed = frozenset(o.value for o in column.options)
    accepted = ",".join(str(o.value) for o in column.options)

    def read(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not int:
            raise errors.cannot_convert(table.set_name, _shown(value), "Int32")
        if value not in allowed:
            raise errors.bad_option(column.name, table.name, accepted)
        return value

    return read


def _options(table: Table, column: Column) -> Reader:
    allowed = frozenset(o.value for o in column.options)
    accepted = ",".join(str(o.value) for o in column.options)

    def read(value: Any) -> Any:
        if value is None or value == "":
            return None
        if type(value) is not str:
            raise errors.cannot_convert(table.set_name, _shown(value), "String")
        try:
            chosen = list(dict.fromkeys(int(part) for part in value.split(",")))
        except ValueError:
            raise errors.bad_option(column.name, table.name, accepted) from None
        if len(chosen) > _MOST_SELECTED or not allowed.issuperset(chosen):
            raise errors.bad_option(column.name, table.name, accepted)
        return ",".join(map(str, chosen))

    return read


def _integer(table: Table, column: Column) -> Reader:
    low, high = _INT32 if column.type == "Integer" else (-(2**63), 2**63 - 1)
    low = low if column.minimum is None else int(column.minimum)
    high = high if column.maximum is None else int(column.maximum)
    edm, code = _EDM[column.type], _RANGE_CODE[column.type]

    def read(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not int:
            raise errors.cannot_convert(table.set_name, _shown(value), edm)
        if not low <= value <= high:
            raise errors.out_of_range(code, column.name, table.name, low, high)
        return value

    return read


def _decimal(table: Table, column: Column) -> Reader:
    limit = 922_337_203_685_477.0 if column.type == "Money" else 100_000_000_000.0
    low = -limit if column.minimum is None else column.minimum
    high = limit if column.maximum is None else column.maximum
    precision = 10 if column.precision is None else column.precision
    edm = _EDM[column.type]

    def read(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not float and type(value) is not int:
            raise errors.cannot_convert(table.set_name, _shown(value), edm)
        if not low <= value <= high:
            raise errors.out_of_range(_DECIMAL_RANGE_CODE, column.name, table.name, low, high)
        return round(float(value), precision)

    return read


def _date(table: Table, column: Column) -> Reader:
    def read(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not str or not _DATE.fullmatch(value):
            raise errors.cannot_convert(table.set_name, _shown(value), "Date")
        try:
            datetime.fromisoformat(value)
        except ValueError:
            raise errors.cannot_convert(table.set_name, _shown(value), "Date") from None
        if value < "1753":
            raise errors.date_too_early(value)
        return value

    return read


def _moment(table: Table, column: Column) -> Reader:
    def read(value: Any) -> Any:
        if value is None:
            return None
        moment = parse_moment(value)
        if moment is None:
            raise errors.cannot_convert(table.set_name, _shown(value), "DateTimeOffset")
        if moment < "1753":
            raise errors.date_too_early(moment)
        return moment

    return read


def parse_moment(value: Any) -> str | None:
    """``2024-05-01T10:00:00.5+02:00`` as ``2024-05-01T08:00:00Z``; no offset means UTC. None when it is no moment."""
    found = _MOMENT.fullmatch(value) if type(value) is str else None
    if found is None:
        return None
    minutes, seconds, _, zone = found.groups()
    text = minutes + (seconds or ":00")
    try:
        if zone is None or zone == "Z":
            datetime.fromisoformat(text)
            return text + "Z"
        moment = datetime.fromisoformat(text + zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _identifier(table: Table, column: Column) -> Reader:
    def read(value: Any) -> Any:
        if value is None:
            return None
        identity = guid(value)
        if identity is None:
            raise errors.cannot_convert(table.set_name, _shown(value), "Guid")
        return identity

    return read


def _shown(value: Any) -> str:
    """A literal as an error quotes it: cut, so that a wrong document does not come back whole."""
    return str(value)[:60]
