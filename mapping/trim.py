"""What staged records keep once the map is confirmed: the fields that the map uses. Of others, only that there was a value."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from mapping.model import ClinicMap, ObjectMap
from mapping.objects import DERIVED, LOAD_ORDER
from mapping.properties import PREFIX, ROWS
from mapping.transforms import REGISTRY

Record = dict[str, Any]

#: Stands for a value that is not kept: a custom property that is left out still counts as one.
MARK: Final = "•"

#: Fields that are used beside the map: the file of a document.
_ALWAYS: Final = frozenset({"path"})


def used_fields(clinic_map: ClinicMap) -> dict[str, list[str]]:
    """The source fields that each object's map uses, sorted; of objects that never become rows all are used."""
    used: dict[str, set[str]] = {}
    for name, one in clinic_map.objects.items():
        if name in LOAD_ORDER:
            # Derived rows are made from the records of their parent.
            used.setdefault(DERIVED[name].of if name in DERIVED else name, set()).update(_used(one))
    return {name: sorted(fields) for name, fields in used.items()}


def covers(kept: Mapping[str, Sequence[str]], clinic_map: ClinicMap) -> bool:
    """Whether records that kept these fields hold all that the map uses."""
    return all(name in kept and set(fields) <= set(kept[name]) for name, fields in used_fields(clinic_map).items())


def trimmer(kept: Sequence[str]) -> Callable[[Record], Record]:
    """A function that trims a shaped record to these fields; it may be given a trimmed record again."""
    fields = _ALWAYS.union(kept)

    def trim(record: Record) -> Record:
        return {
            key: value if key.startswith("_") or key in fields else _trimmed(key, value)
            for key, value in record.items()
        }

    def _trimmed(key: str, value: Any) -> Any:
        if key == "properties" and isinstance(value, dict):
            return {name: one if PREFIX + name in fields else _mark(one) for name, one in value.items()}
        return _mark(value)

    return trim


def _mark(value: Any) -> Any:
    return MARK if value not in (None, "", [], {}) else value


def _used(one: ObjectMap) -> set[str]:
    used: set[str] = set()
    for route in one.routes:
        if route.when:
            used.add(route.when.field)
        for field in route.fields:
            if field.status != "ignored" and (field.column or field.transform in ("state", ROWS)):
                used.add(field.source)
                transform = REGISTRY.get(field.transform)
                if transform and transform.several:
                    used.update(str(other) for other in field.args.get("fields", ()))
    return used
