"""Commands that take every step in a row: migrate, and the demo."""

import re
from pathlib import Path
from typing import Annotated

import typer

from cli import demo as show
from cli import flow, place
from cli.answers import Policy
from cli.commands.life import PlanName
from cli.errors import misuse
from cli.session import ByOption, JsonFlag, MigrationOption, TrialPauseOption, session
from cli.shown import exit_code, show_objects, show_places, show_seconds
from cli.system import local_status, run_local

app = typer.Typer()


@app.command()
def migrate(
    source: Annotated[Path, typer.Option("--source", help="The export: a folder, a zip, or one file.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Give every confirmation and signature.")] = False,
    profile: Annotated[
        str | None, typer.Option("--profile", help="A known profile, or none; else it is recognised.")
    ] = None,
    controlled: Annotated[
        Policy, typer.Option("--controlled", help="What happens to controlled substances.")
    ] = "suppress",
    system: Annotated[
        str | None, typer.Option("--system", help="A name for the clinic's system.", show_default="the source's name")
    ] = None,
    plan: Annotated[PlanName | None, typer.Option("--plan", help="The target's licence plan.")] = None,
    target: Annotated[str | None, typer.Option("--target", help="The target's name, for an app elsewhere.")] = None,
    pause_percent: TrialPauseOption = 100,
    rollback: Annotated[bool, typer.Option("--rollback", help="Take everything back at the end.")] = False,
    migration: MigrationOption = None,
    by: ByOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take every step in a row without asking: for trials and tests.

    Starts the local system when it is down and no CARRYOVER_APP_URL is set. Started again, it goes on where it
    stopped; a source that has changed since is read again. --yes also answers a run that would pause because much
    is excepted, unless --pause-percent says otherwise.
    """
    name = system or system_name(source)
    with session(as_json, migration) as s:
        if not yes:
            raise misuse("This confirms the map and signs the sample in your name.", "Say so with --yes.")
        if not source.exists():
            raise misuse(f"There is no folder or file {source}.", "Name the export's folder, a zip of it, or one file.")
        with flow.resumable(s, f"./carryover migrate --source {source} --system {name} --yes"):
            if not place.app_is_given() and not local_status()["running"]:
                s.out.say("[quiet]Starting the local system.[/quiet]")
                run_local("up")
            if migration is None:
                s.choose(flow.find_or_create(s, system=name, profile=profile, plan=plan))
            job = flow.Flow(s, by=by or place.operator(), controlled=controlled, target=target, pause=pause_percent)
            job.go(changed=job.upload(source))
            summary = job.summary()
            show_objects(s.out, summary)
            if rollback:
                job.rollback()
            summary = job.finish(summary)
            show_seconds(s.out, summary["seconds"])
            show_places(s.out, summary["reports"])
            s.out.document(summary)
        if code := exit_code(summary):
            raise typer.Exit(code)


def system_name(source: Path) -> str:
    """A system's name from a path's: small letters, digits and dashes, at most 40, a letter first."""
    stem = source.resolve().name if source.is_dir() else source.stem
    name = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")
    return (name if name[:1].isalpha() else f"clinic-{name}")[:40].strip("-")


@app.command()
def demo(
    patients: Annotated[int, typer.Option("--patients", min=1, help="How many patients the sample clinic has.")] = 500,
    keep: Annotated[bool, typer.Option("--keep", help="Stop before the rollback and leave everything up.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Migrate the sample clinic, verify it, and take it all back. The local system is emptied first."""
    with session(as_json) as s:
        show.run(s, patients=patients, keep=keep)
