"""The list of migrations, the settings, and one migration: where it stands, what is needed from whom, what became of the records."""

from typing import Final

import azure.functions as func
from pydantic import ValidationError

from console.shell import road, shell, undo_words
from console.visit import Visit
from ledger import migrations
from ledger.states import Run
from services import overview
from services.access import StepError
from services.overview import NewMigration
from services.papers import run_error
from settings import listed, settings

#: Disposition -> class of its colour, and its title.
DISPOSITIONS: Final = (
    ("migrated", "c1", "Migrated"),
    ("unchanged", "c2", "Unchanged"),
    ("exported", "c3", "Exported"),
    ("excepted", "c4", "Excepted"),
    ("excluded", "c5", "Excluded"),
)


async def list_page(visit: Visit) -> func.HttpResponse:
    """All migrations, newest first, and a form for another."""
    found = []
    for one in reversed(await migrations.list_all(visit.store)):
        following = migrations.next_steps(one)
        found.append((one, following[0] if following else None, undo_words(one)))
    return visit.page("migrations.html", found=found, profiles=overview.profiles())


async def create(visit: Visit) -> func.HttpResponse:
    """Create a migration."""
    given = {name: value[0].strip() for name, value in visit.forms().items() if name in NewMigration.model_fields}
    try:
        asked = NewMigration.model_validate({name: value or None for name, value in given.items()})
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, one["loc"])) for one in error.errors())
        raise StepError("bad_request", f"That does not fit: {fields}.", "Correct it, then send it again.") from None
    made = await overview.create(visit.store, asked)
    return visit.go(f"/console/m/{made.id}")


async def settings_page(visit: Visit) -> func.HttpResponse:
    """What the app runs with, and where each setting comes from."""
    return visit.page("settings.html", settings=listed(settings()))


async def overview_page(visit: Visit) -> func.HttpResponse:
    """One migration."""
    context = await shell(visit, "")
    one = await visit.migration()
    halted = _halted(await migrations.list_runs(visit.store, one.id))
    dispositions = [
        (name, {"read": counts.get("read", 0), "parts": [(tone, counts.get(key, 0)) for key, tone, _ in DISPOSITIONS]})
        for name, counts in context["m"]["objects"].items()
    ]
    return visit.page(
        "overview.html",
        **context,
        road=road(one),
        halted=halted,
        error=await run_error(visit.store, halted) if halted else None,
        others=migrations.next_steps(one)[1:],
        dispositions=dispositions,
        legend=[(tone, title) for _, tone, title in DISPOSITIONS],
        most=max((counts["read"] for _, counts in dispositions), default=0) or 1,
    )


def _halted(runs: list[Run]) -> Run | None:
    """The latest run, when it did not come to its end: what is next waits for somebody to read why."""
    latest = [run for run in runs if run.parent is None][-1:]
    return next((run for run in latest if run.state in ("failed", "paused", "stopped")), None)


ROUTES: Final = (
    ("GET", "", "read", list_page),
    ("POST", "create", "operate", create),
    ("GET", "settings", "operate", settings_page),
    ("GET", "m/{id}", "read", overview_page),
)
