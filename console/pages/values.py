"""The values of choices that no option answers: all of the map together, each to be given its answer."""

from typing import Any, Final

import azure.functions as func

from console import masks
from console.shell import shell
from console.visit import Visit
from ledger.gates import gate
from mapping.catalog import build_schema
from services import fields, values
from services.access import StepError
from services.fields import FieldEdit
from services.overview import current_map
from services.values import Found, Unanswered

#: An answer of the form that is no option: the field stays empty.
_EMPTY: Final = "(leave empty)"


async def values_page(visit: Visit) -> func.HttpResponse:
    """Object, field, value, how many records, and what becomes of it."""
    context = await shell(visit, "map")
    migration = await visit.migration()
    if migration.map_version == 0:
        return visit.page("map_none.html", **context)
    found = await _found(visit)
    return visit.page(
        "map_values.html",
        **context,
        rows=[
            (one, masks.stands_for(visit, one.key, one.value), masks.shown(visit, one.value)) for one in found.values
        ],
        said=values.summed(found)["said"],
        empty=_EMPTY,
        revealed=masks.revealed(visit),
        purpose="map",
        change=gate(migration, "map") is None and visit.person.may_operate,
    )


async def answer(visit: Visit) -> func.HttpResponse:
    """Give values the answers that were chosen: one change for each field. What is changed is confirmed."""
    known = {(one.key, masks.stands_for(visit, one.key, one.value)): one for one in (await _found(visit)).values}
    given = visit.forms()
    asked: dict[str, tuple[Unanswered, dict[str, str | None]]] = {}
    for key, value, label in zip(*(given.get(name, []) for name in ("field", "value", "label")), strict=True):
        if not label:
            continue
        if (one := known.get((key, value))) is None:
            raise StepError("map_changed", "A value has its answer already, or is gone.", "Load the page again.")
        asked.setdefault(key, (one, {}))[1][one.value] = None if label == _EMPTY else label
    if not asked:
        raise StepError("nothing_chosen", "No answer was chosen.", "Choose one for a value.")
    edits = [_change(one, answers) for one, answers in asked.values()]
    await fields.edit(visit.store, visit.args["id"], visit.person.name, edits)
    return visit.go(f"{visit.home}/map/values")


async def _found(visit: Visit) -> Found:
    migration = await visit.migration()
    clinic_map = await current_map(visit.store, migration)
    return await values.unanswered(visit.store, migration, clinic_map, build_schema(clinic_map))


def _change(one: Unanswered, answers: dict[str, str | None]) -> FieldEdit:
    merged: dict[str, Any] = (one.field.values or {}) | answers
    return FieldEdit(field=one.key, source=one.field.source, action="change", values=merged)


ROUTES: Final = (
    ("GET", "m/{id}/map/values", "read", values_page),
    ("POST", "m/{id}/map/values", "operate", answer),
)
