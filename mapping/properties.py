"""Custom properties of a patient: each non-empty value is counted, and lands, is refused, or is left out on purpose."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, Final

from mapping.model import Route
from mapping.objects import ObjectName
from mapping.record import Issue, MappedRecord
from mapping.schema import SchemaTable
from mapping.steps import BadMap, Step, step_of, transform_value
from mapping.transforms import Refused
from mapping.transforms.texts import from_json_text

PREFIX: Final = "properties."
#: The transform of a property whose values become rows of a table of their own (``mapping.derived``).
ROWS: Final = "rows"  #: Arguments of the text that several values of a property become; by them a map knows that there are several.
JOINED: Final[dict[str, Any]] = {"separator": "; "}

Record = dict[str, Any]


@dataclass(slots=True)
class PropertyPlan:
    """What the map does with each property by name."""

    steps: dict[str, list[Step]] = field(default_factory=dict)
    ignored: set[str] = field(default_factory=set)


def plan_properties(object: ObjectName, route: Route, table: SchemaTable, zone: tzinfo) -> PropertyPlan:
    """The plan for the fields of a route whose source is ``properties.<name>``; raises BadMap."""
    plan = PropertyPlan()
    for one in route.fields:
        if not one.source.startswith(PREFIX):
            continue
        name = one.source.removeprefix(PREFIX)
        if one.transform == ROWS and one.status != "ignored":
            plan.steps.setdefault(name, []).append(step_of(object, one, None, zone))
            continue
        if one.status == "ignored" or one.column is None:
            plan.ignored.add(name)
            continue
        column = table.columns.get(one.column)
        if column is None:
            raise BadMap(object, one.source, f"{table.plain} has no column {one.column}")
        plan.steps.setdefault(name, []).append(step_of(object, one, column, zone))
    return plan


def properties_of(record: Record) -> Iterator[tuple[str, Any]]:
    """Names and values of a patient's properties that are not empty."""
    properties = from_json_text(record.get("properties"))
    if isinstance(properties, dict):
        for name, value in properties.items():
            if value not in (None, "", [], {}) and not (isinstance(value, str) and not value.strip()):
                yield name, value


def name_properties(record: Record, mapped: MappedRecord) -> None:
    """Names the properties of a record that is not mapped: they share its disposition."""
    if "properties" in record:
        mapped.properties = [name for name, _ in properties_of(record)]


def map_properties(plan: PropertyPlan, record: Record, mapped: MappedRecord) -> None:
    """Writes the properties into the payload; names all of them, and counts those refused and left out on purpose."""
    if "properties" not in record:
        return
    for name, value in properties_of(record):
        mapped.properties.append(name)
        steps = plan.steps.get(name)
        if steps is None:
            if name in plan.ignored:
                mapped.properties_ignored += 1
                continue
            mapped.properties_refused += 1
            message = "The map says nothing of this property."
            mapped.issues.append(Issue(PREFIX + name, None, "unmapped_property", message))
            continue
        refused_once = False
        for step in steps:
            try:
                result = transform_value(step, [value] if step.transform.several else value)
            except Refused as refused:
                refused_once = True
                mapped.issues.append(Issue(step.source, step.plain, refused.code, refused.message))
                continue
            logical = step.fast[3]
            if result is not None and logical not in mapped.payload:
                mapped.payload[logical] = result
        mapped.properties_refused += refused_once
