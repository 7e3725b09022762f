"""The map for those who may not see patients' values: what its value maps say of the source is masked where it is health
information. What is stored, and its hash, stay as they are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import yaml

from mapping.compare import Difference
from mapping.model import ClinicMap
from reports.masking import mask

#: What a masked document names its masked fields by. No map and no profile has such a part, so that neither can be put.
MARK: Final = "masked"
#: How a difference in a value map is called: this, and the value of the source.
_VALUES: Final = "values "


def document(clinic_map: ClinicMap, *, values: bool) -> dict[str, Any]:
    """The map as a document; without ``values`` it names the fields that are masked, if any."""
    plain = clinic_map.model_dump(mode="json")
    hidden = [] if values else _hide(plain["objects"])
    return plain | ({MARK: hidden} if hidden else {})


def profile(text: str) -> str:
    """A profile's text with the value maps that it proposes masked."""
    plain = yaml.safe_load(text)
    hidden = _hide(plain.get("map", {}))
    return yaml.safe_dump(plain | {MARK: hidden}, sort_keys=False, allow_unicode=True, width=120) if hidden else text


def differences(found: Iterable[Difference], maps: Sequence[ClinicMap]) -> list[Difference]:
    """Differences with the source values of those value maps masked that are health information in one of the maps."""
    hidden = {
        (name, route.table, field.source)
        for clinic_map in maps
        for name, one in clinic_map.objects.items()
        for route in one.routes
        for field in route.fields
        if field.phi != "none"
    }
    return [
        replace(one, what=f"{_VALUES}{mask(one.what.removeprefix(_VALUES))}")
        if one.what.startswith(_VALUES) and (one.object, one.table, one.field) in hidden
        else one
        for one in found
    ]


def _hide(objects: Mapping[str, Any]) -> list[str]:
    """Masks value maps where they stand; the names of their fields."""
    hidden = []
    for name, one in objects.items():
        for route in one["routes"]:
            for field in route["fields"]:
                if field.get("phi", "none") != "none" and field.get("values"):
                    field["values"] = _masked(field["values"])
                    hidden.append(f"{name}.{field['source']}")
    return list(dict.fromkeys(hidden))


def _masked(values: Mapping[str, str | None]) -> dict[str, str | None]:
    """The lines in their order; values of one shape are told apart by a number."""
    made: dict[str, str | None] = {}
    for value, label in values.items():
        shape = mask(value)
        same = sum(1 for other in made if other == shape or other.startswith(f"{shape} #"))
        made[f"{shape} #{same + 1}" if same else shape] = label
    return made
