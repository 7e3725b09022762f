"""Commands that take a migration from its creation to the full run."""

from pathlib import Path
from typing import Annotated, Literal, cast, get_args

import typer
from rich.markup import escape

from cli import flow, place
from cli.errors import misuse, refused
from cli.output import counted, size, words
from cli.phi import PHI_DECISIONS, phi_decisions
from cli.session import (
    ByOption,
    JsonFlag,
    MigrationOption,
    PauseOption,
    Session,
    TargetOption,
    YesFlag,
    session,
)
from cli.shown import show_document, show_report
from cli.upload import upload as bring

Policy = Literal["suppress", "redact", "include"]
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
    as_json: JsonFlag = False,
) -> None:
    """Create a migration."""
    with session(as_json) as s:
        made = flow.create(s, system=system, profile=profile, plan=plan, seats=seats, renewal=renewal)
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
    """Read the source, count and profile it, and propose a map."""
    with session(as_json, migration) as s:
        s.step("scope")


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
    yes: YesFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Confirm the map. No record moves before that.

    --yes takes suppress when no policy is named, and migrates delicate fields about which nothing is said.
    """
    with session(as_json, migration) as s:
        shown = s.api.get(s.path("map"))
        asks = s.out.asks and not yes
        if controlled is None:
            if asks:
                controlled = _ask_policy(s)
            elif yes:
                controlled = "suppress"
            else:
                raise misuse("Choose what happens to controlled substances.", "--controlled suppress|redact|include")
        decided = _phi_decisions(s, phi or [], shown.get("undecided", []), asks=asks, yes=yes)
        who = by or place.operator()
        if asks and not typer.confirm(f"Confirm the map {shown['hash'][:12]} as {who}?", err=True):
            raise refused("Not confirmed.", "./carryover map show")
        # Decisions are a part of the map: what they change makes the hash that is confirmed.
        answer = {"by": who, "hash": shown["hash"], "controlled": controlled, "phi": decided}
        made = s.api.post(s.path("confirm"), answer)
        s.out.say(f"[good]✓[/good] Confirmed by [name]{escape(who)}[/name]; controlled substances: {controlled}.")
        s.hint()
        s.out.document(
            {"migration": s.id, "by": who, "hash": made["map_hash"], "controlled": controlled, "phi": decided}
        )


def _phi_decisions(
    s: Session, given: list[str], undecided: list[dict[str, str]], *, asks: bool, yes: bool
) -> dict[str, str]:
    """Decisions about delicate health information, by class or field. Raises misuse while one is missing."""
    decided = phi_decisions(given)
    open_classes: dict[str, list[str]] = {}
    for field in undecided:
        name = f"{field['object']}.{field['field']}"
        if name not in decided and field["phi"] not in decided:
            open_classes.setdefault(field["phi"], []).append(name)
    for kind, names in open_classes.items():
        # By the fields' names: what was decided about others of the class before is not asked anew.
        if yes:
            decided |= dict.fromkeys(names, "migrate")
        elif asks:
            s.out.say(f"[name]{words(kind)}[/name]: {escape(', '.join(names))}")
            decided |= dict.fromkeys(names, _ask(PHI_DECISIONS))
        else:
            raise misuse(
                f"Decide what happens to {words(kind)}: {', '.join(names)}.", f"--phi {kind}=migrate|redact|leave_out"
            )
    return decided


def _ask_policy(s: Session) -> Policy:
    s.out.say("Controlled substances (DEA schedules):")
    s.out.say("  [name]suppress[/name]  the prescription is left out, with its reason")
    s.out.say("  [name]redact[/name]    it lands without drug, code, dose and schedule")
    s.out.say("  [name]include[/name]   it is migrated like any other")
    return cast("Policy", _ask(get_args(Policy)))


def _ask(options: tuple[str, ...]) -> str:
    """One of the options, typed by a person."""
    while (typed := str(typer.prompt(f"Which ({', '.join(options)})", err=True)).strip().lower()) not in options:
        pass
    return typed


@app.command()
def prepare(migration: MigrationOption = None, as_json: JsonFlag = False) -> None:
    """Make the solution, import it, and check the target: columns, keys, privileges, limits, owners."""
    with session(as_json, migration) as s:
        s.step("prepare")


@app.command()
def owners(
    fallback: Annotated[
        str | None,
        typer.Option("--fallback", metavar="E-MAIL", help="Who owns what nobody else can; team:NAME for a team."),
    ] = None,
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
        show_document(s.out, document)
        s.out.document(document)


@app.command()
def sample(migration: MigrationOption = None, as_json: JsonFlag = False) -> None:
    """Migrate a sample, read it back, undo it, prove it undone, and migrate it again."""
    with session(as_json, migration) as s:
        s.step("sample")


@app.command()
def diff(migration: MigrationOption = None, as_json: JsonFlag = False) -> None:
    """Show the sample's field-level diff: source value, transform, column, value read back, verdict."""
    with session(as_json, migration) as s:
        document = s.api.get(s.path("reports", "diff.json"))
        show_report(s.out, document)
        s.out.document(document)


@app.command("sign-off")
def sign_off(
    migration: MigrationOption = None, by: ByOption = None, yes: YesFlag = False, as_json: JsonFlag = False
) -> None:
    """Sign the latest sample."""
    with session(as_json, migration) as s:
        found = s.migration()
        who = by or place.operator()
        if s.out.asks and not yes and not typer.confirm(f"Sign the sample as {who}?", err=True):
            raise refused("Not signed.", "./carryover diff")
        answer = flow.sign(s, found, who)
        s.out.say(f"[good]✓[/good] Signed by [name]{escape(who)}[/name].")
        s.hint()
        s.out.document(answer or {"migration": s.id, "by": who})


@app.command()
def plan(migration: MigrationOption = None, as_json: JsonFlag = False) -> None:
    """Say what a run would create, change and leave, and how long it would take. Nothing is written."""
    with session(as_json, migration) as s:
        s.step("plan")


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
