"""What the tests of transforms share: calling one by name, with a column when it needs one."""

from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Any

import pytest

from mapping.model import ColumnType
from mapping.schema import SchemaColumn
from mapping.transforms import REGISTRY, Ctx, Refused


def column(
    type: ColumnType = "text",
    *,
    max_length: int | None = None,
    precision: int | None = None,
    options: dict[str, int] | None = None,
) -> SchemaColumn:
    return SchemaColumn(
        plain="Column", logical="cms_column", schema_name="cms_Column", type=type, label="Column", custom=True,
        max_length=max_length, precision=precision, options=options or {},
    )  # fmt: skip


def run(
    name: str,
    value: Any,
    /,
    *,
    into: SchemaColumn | None = None,
    values: Mapping[str, str | None] | None = None,
    zone: tzinfo = UTC,
    **args: Any,
) -> Any:
    """The transform's answer for one value."""
    transform = REGISTRY[name]
    ctx = Ctx(args=args, column=into, values=values, zone=zone)
    if transform.prepare:
        ctx.state = transform.prepare(ctx)
    return transform.fn(value, ctx)


def refusal(name: str, value: Any, **more: Any) -> str:
    """The code a value is refused with; also that the message does not give the value away."""
    with pytest.raises(Refused) as caught:
        run(name, value, **more)
    if isinstance(value, str) and len(value) > 3:
        assert value not in caught.value.message
    return caught.value.code
