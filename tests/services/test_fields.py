"""A decision about a field that is undone leaves the field as it was proposed."""

from typing import Any

import pytest

from ledger.migrations import Migration
from ledger.storage import Storage
from mapping.model import FieldMap
from services import fields
from services.fields import FieldEdit
from tests.support.maps import field_of


async def edit(store: Storage, id: str, action: Any, **more: Any) -> FieldMap:
    """The first name after Ada did that to it."""
    await fields.edit(store, id, "Ada", [FieldEdit(field="patient.0.1", source="first", action=action, **more)])
    return await field_of(store, id, "patient", "first")


@pytest.mark.parametrize(
    ("action", "more"),
    [
        ("confirm", {}),
        ("ignore", {"reason": "nobody asked"}),
        ("change", {"column": "nickname"}),
        ("review", {"review": "leave_out"}),
    ],
)
async def test_the_field_is_as_it_was_proposed(store: Storage, mapped: Migration, action: str, more: Any) -> None:
    proposed = await field_of(store, mapped.id, "patient", "first")
    assert await edit(store, mapped.id, action, **more) != proposed
    assert await edit(store, mapped.id, "reopen") == proposed


async def test_the_first_of_several_decisions_is_undone_with_the_others(store: Storage, mapped: Migration) -> None:
    proposed = await field_of(store, mapped.id, "patient", "first")
    for _ in range(2):
        await edit(store, mapped.id, "change", column="nickname")
        await edit(store, mapped.id, "comment", comment="as on the form")
        await edit(store, mapped.id, "ignore", reason="nobody asked")
        undone = await edit(store, mapped.id, "reopen")
        assert undone == proposed.model_copy(update={"comment": "as on the form"})
