"""One field of the map, ready to be read: its transform with arguments, column, zone and value map worked out."""

from dataclasses import dataclass
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from mapping.model import FieldMap
from mapping.objects import ObjectName
from mapping.schema import SchemaColumn
from mapping.transforms import REGISTRY, BadArgs, Ctx, Refused, Transform
from mapping.transforms.base import Fn, as_text


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
    value = record.get(step.source)
    if step.transform.several:
        return step.transform.fn([value, *(record.get(other) for other in step.others)], step.ctx)
    return transform_value(step, value)


def transform_value(step: Step, value: Any) -> Any:
    """One value through a step; raises Refused."""
    if step.none and value is not None and not isinstance(value, list | dict) and as_text(value) in step.none:
        value = None
    if (value is None or value == "") and not step.transform.reads_empty:
        return None
    return step.transform.fn(value, step.ctx)


__all__ = ["BadMap", "Refused", "Step", "read_step", "step_of", "transform_value"]
