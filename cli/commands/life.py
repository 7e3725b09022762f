"""Commands that take a migration from its creation to the full run."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.markup import escape

from cli import flow, place
from cli.answers import Policy, accept_left, ask_policy, phi_decisions, reasons_of
from cli.errors import misuse, refused
from cli.output import counted, size
from cli.session import (
    ByOption,
    FailOnWarning,
    JsonFlag,
    MigrationOption,
    PauseOption,
    TargetOption,
    YesFlag,
    session,
)
from cli.shown import rows_of, show_drift, show_owners, show_report, show_warnings
from cli.upload import upload as bring

PlanName = Literal["sales_professional", "sales_enterprise"]
SourcePath = Annotated[Path, typer.Argument(metavar="PATH", help="The export: a folder, a zip, or one file.")]

app = typer.Typer()
source_app = typer.Typer(no_args_is_help=True, help="The source a migration reads.")
app.add_typer(source_app, name="source")


@app.command()
def create(
    system: Annotated[str, typer.Option("--system", help="A name for the clinic's system, one per clinic.")],
    profile: Annotated[
        str | None, typer.Option("--profile", help="A known profile, or none; else it is recognised.")
    ] = None,
    plan: Annotated[PlanName | None, typer.Option("--plan", help="The target's licence plan.")] = None,
    seats: Annotated[int | None, typer.Option("--seats", min=1, help="Users that the plan is paid for.")] = None,
    renewal: Annotated[str | None, typer.Option("--renewal", help="When the contract renews: 2027-01-31.")] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(
            "--time-zone", help="Of source times that carry none: America/New_York.", show_default="the profile's"
        ),
    ] = None,
    currency: Annotated[
        str | None, typer.Option("--currency", help="Of amounts that name none.", show_default="USD")
    ] = None,
    prefix: Annotated[
        str | None,
        typer.Option("--prefix", help="What every custom name in the target begins with.", show_default="cms"),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Create a migration."""
    with session(as_json) as s:
        given = {"seats": seats, "renewal": renewal, "time_zone": time_zone, "currency": currency, "prefix": prefix}
        made = flow.create(s, system=system, profile=profile, plan=plan, **given)
        s.out.say(f"[good]✓[/good] Created [name]{made['id']}[/name] for {escape(system)}.")
        s.out.say("[quiet]Next:[/quiet] [name]upload[/name] PATH  [quiet]Bring the export.[/quiet]")
        s.out.document(made)


def _upload(path: Path, migration: str | None, as_json: bool, *, replace: bool) -> None:
    with session(as_json, migration) as s:
        done = bring(s.api, s.out, s.id, path, replace=replace)
        there = f", {done['unchanged']:,} there already" if done["unchanged"] else ""
        s.out.say(f"[good]✓[/good] {counted(done['files'], 'file')}, {size(done['bytes'])}{there}.")
        if done["left_out"]:
            s.out.say(f"[warn]{done['left_out']:,} hidden files or links were left out.[/warn]")
        if replace and s.migration()["state"] in flow.BEFORE_MIGRATED:
            words = "Read it, and see what changed since the source before."
            s.out.say(f"[quiet]Next:[/quiet] [name]scope[/name]  [quiet]{words}[/quiet]")
        else:
            s.hint()
        s.out.document(done)


@app.command()
def upload(path: SourcePath, migration: MigrationOption = None, as_json: JsonFlag = False) -> None:
    """Add a folder, a zip or a file to the source. An interrupted upload goes on where it stopped."""
    _upload(path, migration, as_json, replace=False)


@source_app.command("set")
def source_set(path: SourcePath, migration: MigrationOption = None, as_json: JsonFlag = False) -> None:
    """Make this folder, zip or file the whole source: what was uploaded before and is not in it is removed."""
    _upload(path, migration, as_json, replace=True)


@app.command()
def scope(migration: MigrationOption = None, as_json: JsonFlag = False) -> None:
    """Read the source, count and profile it, propose a map, and say what is warned of and what changed since the source
    before."""
    with session(as_json, migration) as s:
        run = s.start("scope")
        if run["state"] == "done":
            report = s.api.get(s.path("reports", "scope.json"))
            show_drift(s.out, report)
            applying = (one for one in rows_of(report, "Warnings") if one["State"] == "applies")
            show_warnings(s.out, ((one["Warning"], one["What"], "") for one in applying))
        s.ended(run)


@app.command()
def confirm(
    migration: MigrationOption = None,
    by: ByOption = None,
    controlled: Annotated[
        Policy | None,
        typer.Option("--controlled", help="Controlled substances: leave out, land without the drug, or migrate."),
    ] = None,
    phi: Annotated[
        list[str] | None,
        typer.Option(
            "--phi",
            metavar="WHAT=DECISION",
            help="A class (ssn) or a field (patient.ssn): migrate, redact or leave_out.",
        ),
    ] = None,
    out_of_scope: Annotated[
        list[str] | None,
        typer.Option("--out-of-scope", metavar="DATASET=REASON", help="Why a dataset that feeds nothing stays out."),
    ] = None,
    yes: YesFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Confirm the map. No record moves before that.

    --yes takes suppress when no policy is named, migrates delicate fields about which nothing is said, gives datasets
    that feed nothing a standard reason, and leaves behind, as proposed, what a proposal found no column for.
    """
    with session(as_json, migration) as s:
        shown = s.api.get(s.path("map"))
        asks = s.out.asks and not yes
        if controlled is None:
            if asks:
                controlled = ask_policy(s)
            elif yes:
                controlled = "suppress"
            else:
                raise misuse("Choose what happens to controlled substances.", "--controlled suppress|redact|include")
        decided = phi_decisions(s, phi or [], shown.get("undecided", []), asks=asks, yes=yes)
        reasons = reasons_of(s, out_of_scope or [], shown.get("unmarked", []), asks=asks, yes=yes)
        who = by or place.operator()
        agreed = accept_left(s, who, shown, asks=asks, yes=yes)
        if said := shown["values"]["said"]:
            s.out.say(f"{escape(said)} [quiet]./carryover map values lists them.[/quiet]")
        if asks and not typer.confirm(f"Confirm the map {agreed[:12]} as {who}?", err=True):
            raise refused("Not confirmed.", "./carryover map show")
        # Decisions are a part of the map: what they change makes the hash that is confirmed.
        answer = {"by": who, "hash": agreed, "controlled": controlled, "phi": decided, "out_of_scope": reasons}
        made = s.api.post(s.path("confirm"), answer)
        s.out.say(f"[good]✓[/good] Confirmed by [name]{escape(who)}[/name]; controlled substances: {controlled}.")
        s.hint()
        s.out.document({"migration": s.id} | answer | {"hash": made["map_hash"]})


@app.command()
def prepare(
    fail_on_warning: FailOnWarning = False, migration: MigrationOption = None, as_json: JsonFlag = False
) -> None:
    """Make the solution, import it, and check the target: columns, keys, privileges, limits, owners."""
    with session(as_json, migration) as s:
        run = s.start("prepare")
        warned: list[dict[str, Any]] = []
        if run["state"] == "done":
            found = rows_of(s.api.get(s.path("reports", "preflight.json")), "Findings")
            warned = [one for one in found if one["Severity"] == "warning"]
            show_warnings(s.out, ((one["Code"], one["What"], one["What to do"]) for one in warned))
        s.ended(run)
        if warned and fail_on_warning:
            raise refused(
                f"The check of the target gave {counted(len(warned), 'warning')}.", "./carryover report preflight"
            )


@app.command()
def owners(
    fallback: Annotated[
        str | None,
        typer.Option("--fallback", metavar="E-MAIL", help="Who owns what nobody else can; team:NAME for a team."),
    ] = None,
    fail_on_warning: FailOnWarning = False,
    migration: MigrationOption = None,
    by: ByOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show for each staff member and practitioner which user was found, and what was decided; or name the fallback owner,
    from the next preparation on."""
    with session(as_json, migration) as s:
        if fallback is not None:
            made = s.api.post(s.path("owners"), {"by": by or place.operator(), "fallback": fallback})
            s.out.say(f"[good]✓[/good] What nobody else owns is {escape(fallback)}'s, from the next preparation on.")
            s.hint()
            s.out.document(made)
            return
        document = s.api.get(s.path("owners"))
        show_owners(s.out, document)
        s.out.document(document)
        unmatched = [one for one in document["owners"] + document["practitioners"] if one["match"] != "found"]
        losing = sum(one["rows"] > 0 for one in unmatched) + len(document["strangers"])
        if losing and fail_on_warning:
            raise refused(f"Of those who own rows, {losing:,} are no users of the target.", "./carryover report owners")


@app.command()
def plan(
    fail_on_changes: Annotated[
        bool, typer.Option("--fail-on-changes", help="End with 3 when a run would write anything.", show_default=False)
    ] = False,
    migration: MigrationOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what a run would create, change and leave, and how long it would take. Nothing is written."""
    with session(as_json, migration) as s:
        run = s.start("plan")
        objects: list[dict[str, Any]] = []
        if run["state"] == "done":
            forecast = s.api.get(s.path("reports", "forecast.json"))
            show_report(s.out, forecast)
            run["objects"] = objects = rows_of(forecast, "By object")
        s.ended(run, objects)
        changes = sum(one["Create"] + one["Adopt"] + one["Change"] for one in objects)
        if changes and fail_on_changes:
            raise refused(f"A run would write {counted(changes, 'record')}.", "./carryover report forecast")


@app.command("run")
def run_all(
    migration: MigrationOption = None,
    target: TargetOption = None,
    pause_percent: PauseOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Migrate every record. The target's name is typed, so that nobody writes to another by mistake."""
    with session(as_json, migration) as s:
        s.step("run", {"target": s.typed_target(target)} | flow.paused_at(pause_percent))
