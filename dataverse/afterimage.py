"""Is what the target holds what we sent? Compares a body of the Web API with the row read back.

Used where an answer was lost or a version did not match: our own after-image means that the write was ours.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from mapping.schema import SchemaTable


def read_names(table: SchemaTable, body: Mapping[str, Any]) -> dict[str, str]:
    """For each property of a body, the property that carries it when the row is read. KeyError on an unknown one."""
    columns = {c.logical: c for c in table.columns.values()}
    navigation = {nav: c for c in table.columns.values() for nav in c.nav.values()}
    names: dict[str, str] = {}
    for name in body:
        if name == "@odata.type":
            continue
        if name.endswith("@odata.bind"):
            nav = name.removesuffix("@odata.bind")
            names[name] = navigation[nav].read_name if nav in navigation else f"_{nav.lower()}_value"
        else:
            names[name] = columns[name].read_name if name in columns else name
    return names


def holds(table: SchemaTable, row: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Whether every property of the body has the value it names in the row."""
    return all(same(_sent(name, body[name]), row.get(read)) for name, read in read_names(table, body).items())


def same(one: Any, other: Any) -> bool:
    """Equal as Dataverse sees it: instants regardless of notation, numbers of value, empty text and null alike."""
    if one in (None, "") or other in (None, ""):
        return one in (None, "") and other in (None, "")
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float | Decimal) or isinstance(other, int | float | Decimal):
        try:
            return Decimal(str(one)) == Decimal(str(other))
        except InvalidOperation:
            return False
    if one == other:
        return True
    first, second = _instant(one), _instant(other)
    if first is not None and first == second:
        return True
    return isinstance(one, str) and isinstance(other, str) and _lines(one) == _lines(other)


def _sent(name: str, value: Any) -> Any:
    if name.endswith("@odata.bind") and isinstance(value, str):
        return value.rstrip(")").rpartition("(")[2].lower()
    return value


def _instant(value: Any) -> datetime | None:
    if not isinstance(value, str) or len(value) < 16 or value[10] not in "T ":
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).replace(microsecond=0)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").rstrip()
