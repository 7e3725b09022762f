"""Migrations: created, listed, and shown as people and programs see them."""

from datetime import date
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from activities import jobs
from activities.errors import StepError
from activities.prepare import fallback_name
from activities.tally import FIGURES, dataset_accounts
from ledger import manifest, migrations
from ledger.migrations import Migration, Run
from ledger.states import STEP_OF, UNDOING, WRITING
from ledger.storage import Storage
from mapping.model import ClinicMap
from mapping.objects import OBJECTS
from mapping.validate import frame_problems
from services import papers, reports
from sources.profile import known_profiles


class NewMigration(BaseModel):
    """What a migration is created with. ``system`` is one name per clinic: it is part of every SourceKey."""

    model_config = ConfigDict(extra="forbid")

    system: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,39}$")
    profile: str | None = None
    plan: Literal["sales_professional", "sales_enterprise"] | None = None
    seats: int | None = Field(default=None, ge=1)  #: users that the plan is paid for
    renewal: date | None = None  #: when the contract renews
    prefix: str | None = None  #: of the publisher: every custom name in the target begins with it
    time_zone: str | None = None  #: IANA zone of source times that carry none
    currency: str | None = None  #: of amounts that name none


#: What a map is made with when nobody says otherwise; a profile may know the zone of its system.
_FRAME: Final = {name: ClinicMap.model_fields[name].default for name in ("prefix", "time_zone", "currency")}


async def create(store: Storage, asked: NewMigration) -> Migration:
    """Create a migration.

    Raises StepError: a value that no map can be made with; a system whose migration is open, or was closed with rows in
    the target.
    """
    given = asked.model_dump(mode="json", exclude_none=True)
    wrong = frame_problems(**(_FRAME | {name: given[name] for name in _FRAME if name in given}))
    if wrong:
        raise StepError("bad_request", " ".join(wrong), "Correct it, then create the migration again.")
    options = {name: given[name] for name in (*_FRAME, "seats", "renewal") if name in given}
    try:
        return await migrations.create(store, asked.system, profile=asked.profile, plan=asked.plan, options=options)
    except migrations.SystemTaken as taken:
        raise _taken(taken.holder) from None


def _taken(holder: Migration) -> StepError:
    """Why a system's name cannot be given to another migration."""
    if holder.state != "closed":
        words = f"Migration {holder.id} of system {holder.system!r} is open; a system has one at a time."
        return StepError("system_open", words, "Go on with that migration, or close it.")
    words = (
        f"Migration {holder.id} of system {holder.system!r} is closed, and its rows are final: another one of that name "
        "would write to the same rows."
    )
    return StepError("system_closed", words, f"Choose another name for the system, for example {holder.system}-2.")


def fallback_owner(one: Migration) -> str:
    """Who owns what nobody else can: an e-mail, ``team:<name>``, or nobody ("")."""
    return fallback_name(one)


async def set_fallback_owner(store: Storage, id: str, name: str, by: str) -> None:
    """Name the fallback owner of this migration, from the next preparation on. Raises StepError, GateClosed."""
    if "@" not in name.strip("@") and not name.removeprefix("team:").strip():
        raise StepError("bad_request", "That is no owner.", "Give an e-mail address, or team: and a team's name.")

    def change(one: Migration) -> None:
        refusal = migrations.gate(one, "map")
        if refusal:
            raise migrations.GateClosed(refusal)
        one.options = one.options | {"fallback_owner": name}

    changed = await migrations.change(store, id, change)
    entry = manifest.ManifestEntry(kind="fallback-owner", by=by, map_hash=changed.map_hash or "")
    await manifest.append(store, id, entry)


def profiles() -> list[tuple[str, str]]:
    """The systems that are known: name and title."""
    return [(one.name, one.title) for one in known_profiles()]


async def shown(store: Storage, one: Migration) -> dict[str, Any]:
    """A migration as people and programs see it."""
    limits = await jobs.optional_document(store, one.id, "limits.json", {})
    runs = await migrations.list_runs(store, one.id)
    document = one.model_dump(mode="json", exclude={"begun", "options"})
    return {
        **document,
        "target_name": limits.get("target_name", ""),
        "undo_until": "the migration is closed" if one.written and one.state != "closed" else None,
        "next": [{"step": step.step, "why": step.why} for step in migrations.next_steps(one)],
        "runs": [run_line(run) for run in runs],
        "objects": await jobs.optional_document(store, one.id, "tally.json", {}),
    }


def run_line(run: Run) -> dict[str, Any]:
    """A run in a line."""
    return {
        "id": run.id,
        "kind": run.kind,
        "state": run.state,
        "parent": run.parent,
        "by": run.by,
        "started": run.started,
        "ended": run.ended,
        "message": run.message,
        "undone_by": run.undone_by,
    }


async def current_map(store: Storage, one: Migration) -> ClinicMap:
    """The latest version of the map. Raises StepError when there is none."""
    return await jobs.current_map(store, one)


async def summary(store: Storage, id: str) -> dict[str, Any]:
    """The document that ``make demo`` and ``migrate --json`` print."""
    one = await migrations.load(store, id)
    empty = {name: dict.fromkeys(FIGURES, 0) for name in OBJECTS}
    runs = [run for run in await migrations.list_runs(store, one.id) if run.parent is None]
    base = f"/api/migrations/{one.id}"
    places = {name: f"{base}/reports/{name}.html" for name in await reports.names(store, one.id)}
    claims = {"claims": f"{base}/claims"} if await papers.claims(store, one.id) else {}
    return {
        "migration": one.id,
        "state": one.state,
        "objects": await jobs.optional_document(store, one.id, "tally.json", empty),
        "rollback": await _taken_back(store, runs),
        "datasets": await dataset_accounts(store, one.id, one.snapshot),
        "reports": places | claims,
        "seconds": _seconds(runs),
    }


async def _taken_back(store: Storage, runs: list[Run]) -> dict[str, int] | None:
    """What the latest rollback took back; None when there was none, or something was written since."""
    last = next((run for run in reversed(runs) if run.kind in WRITING | UNDOING), None)
    if last is None or last.kind != "rollback" or last.state != "done":
        return None
    return dict(await jobs.document(store, last.migration, f"undone-{last.id}.json"))


def _seconds(runs: list[Run]) -> dict[str, float]:
    """How long the runs of each step took that have ended, by the names of the steps, and all of them."""
    taken: dict[str, float] = {}
    for run in runs:
        if run.ended:
            step = STEP_OF[run.kind]
            taken[step] = round(taken.get(step, 0.0) + (run.ended - run.started).total_seconds(), 3)
    return taken | {"total": round(sum(taken.values()), 3)}
