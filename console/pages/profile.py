"""How the source is read: which dataset feeds which object, to be picked, and the profile that says so, to be changed."""

from typing import Any, Final

import azure.functions as func

from console.shell import shell
from console.visit import Visit
from ledger.gates import gate
from mapping.objects import OBJECTS
from services import picks, profiles
from services.access import StepError
from services.picks import NOTHING, PROPOSED, Choice


async def profile_page(visit: Visit) -> func.HttpResponse:
    """The datasets with what they feed, and the profile's text."""
    context = await shell(visit, "source")
    one = await visit.migration()
    try:
        shown = await profiles.show(visit.store, one.id, values=visit.person.may_see_values)
    except StepError:
        shown = {"name": "", "own": False, "yaml": "", "datasets": [], "outdated": False}
    return visit.page(
        "profile.html",
        **context,
        profile=shown,
        refusal=gate(one, "scope"),
        fixed=await picks.refusal(visit.store, one),
        choices=[PROPOSED, *OBJECTS, NOTHING],
        chosen={each["name"]: _chosen(each["picked"]) for each in shown["datasets"]},
    )


def _chosen(picked: dict[str, Any] | None) -> str:
    """What stands in the form for a dataset."""
    return PROPOSED if picked is None else picked["object"] or NOTHING


async def put_profile(visit: Visit) -> func.HttpResponse:
    """Keep a changed profile; the source is read by it when it is read again."""
    await profiles.put(visit.store, visit.args["id"], visit.form("yaml").replace("\r\n", "\n") + "\n")
    return visit.go(f"{visit.home}/source")


async def pick_objects(visit: Visit) -> func.HttpResponse:
    """Keep the choices that are not so already; the source is read by them when it is read again."""
    shown = await profiles.show(visit.store, visit.args["id"])
    wanted: dict[str, Choice] = {}
    for one in shown["datasets"]:
        made = Choice(object=visit.form(f"object.{one['name']}"), reason=visit.form(f"reason.{one['name']}"))
        said = one["picked"]["reason"] if one["picked"] else ""
        if made.object not in ("", _chosen(one["picked"])) or (made.object == NOTHING and made.reason != said):
            wanted[one["name"]] = made
    if not wanted:
        raise StepError(
            "nothing_chosen", "Nothing was chosen that is not so already.", "Choose an object for a dataset."
        )
    await picks.pick(visit.store, visit.args["id"], visit.person.name, wanted)
    return visit.go(f"{visit.home}/profile")


ROUTES: Final = (
    ("GET", "m/{id}/profile", "read", profile_page),
    ("POST", "m/{id}/profile", "operate", put_profile),
    ("POST", "m/{id}/profile/datasets", "operate", pick_objects),
)
