"""How the source is read: which dataset feeds which object, and the profile that says so, to be changed."""

from typing import Final

import azure.functions as func

from console.shell import shell
from console.visit import Visit
from ledger.gates import gate
from services import profiles
from services.access import StepError


async def profile_page(visit: Visit) -> func.HttpResponse:
    """The datasets with what they feed, and the profile's text."""
    context = await shell(visit, "source")
    try:
        shown = await profiles.show(visit.store, visit.args["id"])
    except StepError:
        shown = {"name": "", "own": False, "yaml": "", "datasets": []}
    refusal = gate(await visit.migration(), "scope")
    return visit.page("profile.html", **context, profile=shown, refusal=refusal)


async def put_profile(visit: Visit) -> func.HttpResponse:
    """Keep a changed profile; the source is read by it when it is read again."""
    await profiles.put(visit.store, visit.args["id"], visit.form("yaml").replace("\r\n", "\n") + "\n")
    return visit.go(f"{visit.home}/source")


ROUTES: Final = (
    ("GET", "m/{id}/profile", "read", profile_page),
    ("POST", "m/{id}/profile", "operate", put_profile),
)
