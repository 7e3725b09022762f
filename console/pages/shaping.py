"""What shapes the whole map: decisions about health information, choices, match rules; and who shaped it, by version."""

from typing import Final, cast, get_args

import azure.functions as func

from console.shell import shell
from console.visit import Visit
from mapping.compare import Difference
from mapping.model import PhiDecision
from mapping.review import CLASSES, review
from services import matching, options, phi, versions
from services.access import StepError
from services.overview import current_map


async def decide_phi(visit: Visit) -> func.HttpResponse:
    """Decide about the classes of health information for which something else was chosen than stands."""
    stands = {one.kind: one.decision for one in review(await current_map(visit.store, await visit.migration()))}
    wanted: dict[str, PhiDecision] = {
        kind: cast("PhiDecision", made)
        for kind in CLASSES
        if (made := visit.form(f"phi.{kind}")) in get_args(PhiDecision) and made != stands.get(kind)
    }
    if not wanted:
        raise StepError(
            "nothing_chosen", "Nothing was chosen that is not so already.", "Choose a decision for a class."
        )
    await phi.decide(visit.store, visit.args["id"], visit.person.name, wanted)
    return visit.go(f"{visit.home}/map#phi")


async def choose(visit: Visit) -> func.HttpResponse:
    """Answer the choices for which something else was chosen than stands."""
    stands = {
        one["name"]: one["current"] for one in options.listed(await current_map(visit.store, await visit.migration()))
    }
    wanted = {name: made for name, now in stands.items() if (made := visit.form(f"option.{name}")) and made != now}
    if not wanted:
        raise StepError("nothing_chosen", "Nothing was chosen that is not so already.", "Choose another answer.")
    await options.answer(visit.store, visit.args["id"], visit.person.name, wanted)
    return visit.go(f"{visit.home}/map#choices")


async def match(visit: Visit) -> func.HttpResponse:
    """Add a match rule of an object, take one away, or say whose adopted rows are."""
    clinic_map = await current_map(visit.store, await visit.migration())
    name = visit.form("object")
    found = next((one for key, one in clinic_map.objects.items() if key == name), None)
    if found is None:
        raise StepError("not_found", "There is no such object in the map.", "Load the map again.")
    rules, owner = [*found.match], found.match_owner
    if drop := visit.form("drop"):
        rules = [rule for place, rule in enumerate(rules) if str(place) != drop]
    elif visit.form("owner") in ("keep", "set"):
        owner = "keep" if visit.form("owner") == "keep" else "set"
    else:
        columns = [column for column in visit.forms().get("column", []) if column]
        if not columns:
            raise StepError("no_column", "Say by which column.", "Choose at least one column.")
        rules.append(columns)
    await matching.put(visit.store, visit.args["id"], visit.person.name, name, rules, owner)
    return visit.go(f"{visit.home}/map#adoption")


async def history_page(visit: Visit) -> func.HttpResponse:
    """Every version of the map with its author, and what differs between two of them."""
    found = await versions.versions(visit.store, visit.args["id"])
    newer = _number(visit.query("to")) or (found[0].version if found else 0)
    older, differences = 0, list[Difference]()
    if newer:
        older, differences = await versions.differences(
            visit.store,
            visit.args["id"],
            newer,
            _number(visit.query("from")) or None,
            values=visit.person.may_see_values,
        )
    context = {"versions": found, "newer": newer, "older": older, "differences": differences}
    return visit.page("map_history.html", **await shell(visit, "map"), **context)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


ROUTES: Final = (
    ("POST", "m/{id}/map/phi", "work", decide_phi),
    ("POST", "m/{id}/map/options", "operate", choose),
    ("POST", "m/{id}/map/match", "operate", match),
    ("GET", "m/{id}/map/history", "read", history_page),
)
