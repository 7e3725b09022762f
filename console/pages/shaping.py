"""What shapes the whole map: the decisions about health information."""

from typing import Final, cast, get_args

import azure.functions as func

from console.visit import Visit
from mapping.model import PhiDecision
from mapping.review import CLASSES, review
from services import phi
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


ROUTES: Final = (("POST", "m/{id}/map/phi", "work", decide_phi),)
