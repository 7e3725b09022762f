"""One field of the map, ready to be read: its transform with arguments, column, zone and value map worked out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from mapping.model import FieldMap
from mapping.objects import ObjectName
from mapping.schema import SchemaColumn
from mapping.transforms import REGISTRY, BadArgs, Ctx, Refused, Transform
from mapping.transforms.base import ALL, NOTHING, Fn, as_text


class BadMap(ValueError):
    """The map cannot be compiled; says the object, the field and why."""

    def __init__(self, object: str, field: str, why: str) -> None:
        super().__init__(f"{object}{'.' + field if field else ''}: {why}")
        self.object = object
        self.field = field
        self.why = why


@dataclass(slots=True)
class Step:
    """A field to read and write."""

    source: str
    plain: str | None  #: plain column name
    transform: Transform
    ctx: Ctx
    others: tuple[str, ...]  #: further source fields
    none: frozenset[str]  #: source texts that mean no value
    required: bool
    fast: tuple[str, Fn, Ctx, str, bool]  #: source, fn, ctx, logical column, whether the value is read as it stands


def step_of(object: ObjectName, field: FieldMap, column: SchemaColumn | None, zone: tzinfo) -> Step:
    """Prepares one field. Raises BadMap for an unknown transform or arguments it cannot work with."""
    if field.review == "redact":
        needed = {"required": True} if field.args.get("required") else {}
        field = field.model_copy(update={"transform": "redacted", "args": needed, "values": None})
    transform = REGISTRY.get(field.transform)
    if transform is None:
        raise BadMap(object, field.source, f"there is no transform {field.transform}")
    args = field.args
    if "zone" in args:
        try:
            zone = ZoneInfo(str(args["zone"]))
        except (KeyError, ValueError):
            raise BadMap(object, field.source, "zone is not an IANA time zone") from None
    ctx = Ctx(args=args, column=column, values=field.values, zone=zone)
    try:
        ctx.state = transform.prepare(ctx) if transform.prepare else None
    except (BadArgs, TypeError, ValueError) as error:
        raise BadMap(object, field.source, str(error)) from None
    none = frozenset(str(text) for text in args.get("none", ()))
    required = bool(args.get("required"))
    # The short way is for the many fields that are one value through one function.
    plain_read = not (transform.several or transform.reads_empty or none or required)
    fast = (field.source, transform.fn, ctx, column.logical if column else "", plain_read)
    others = tuple(args.get("fields", ())) if transform.several else ()
    return Step(field.source, column.plain if column else None, transform, ctx, others, none, required, fast)


def read_step(step: Step, record: dict[str, Any]) -> Any:
    """The column's value from a record, None for no value; raises Refused."""
    if step.transform.several:
        return step.transform.fn(_values(step, record), step.ctx)
    return transform_value(step, record.get(step.source))


def _values(step: Step, record: dict[str, Any]) -> list[Any]:
    """What a transform of several fields is given."""
    return [record.get(source) for source in (step.source, *step.others)]


def transform_value(step: Step, value: Any) -> Any:
    """One value through a step; raises Refused."""
    if _means_nothing(step, value):
        value = None
    if (value is None or value == "") and not step.transform.reads_empty:
        return None
    return step.transform.fn(value, step.ctx)


def _means_nothing(step: Step, value: Any) -> bool:
    return bool(step.none) and value is not None and not isinstance(value, list | dict) and as_text(value) in step.none


def losses(step: Step, record: dict[str, Any]) -> frozenset[str]:
    """What of a field's value is not in its column, in words; nothing of a value that is empty or means nothing.

    For values that are not refused.
    """
    lost, value = step.transform.loses, record.get(step.source)
    if lost is None or value in (None, "", []) or str(value).isspace() or _means_nothing(step, value):
        return NOTHING
    return lost(_values(step, record) if step.transform.several else value, step.ctx)


def lost_by_all(each: Iterable[frozenset[str]]) -> frozenset[str]:
    """What of one source field is in none of the columns that it goes to."""
    some = [one for one in each if one != ALL]
    return frozenset.intersection(*some) if some else ALL


__all__ = ["BadMap", "Refused", "Step", "losses", "lost_by_all", "read_step", "step_of", "transform_value"]
