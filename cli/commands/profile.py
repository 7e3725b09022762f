"""The profile that a migration's source is read by: shown, written to a file, and put back changed."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from cli.errors import misuse
from cli.session import JsonFlag, MigrationOption, session

app = typer.Typer()
profile_app = typer.Typer(no_args_is_help=True, help="The profile that the source is read by: show it, or put one.")
app.add_typer(profile_app, name="profile")


@profile_app.command("show")
def profile_show(
    migration: MigrationOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the profile to a file, as YAML.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the profile, or write it to a file to work on."""
    with session(as_json, migration) as s:
        shown = s.api.get(s.path("profile"))
        if out is not None:
            out.write_text(shown["yaml"], "utf-8")
            s.out.plain(f"The profile is in {out}.")
        else:
            s.out.plain(shown["yaml"])
        s.out.document(shown)


@profile_app.command("put")
def profile_put(
    file: Annotated[Path, typer.Argument(help="The profile, YAML.", exists=True, dir_okay=False)],
    migration: MigrationOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Put a profile of the migration's own. The next scope reads the source by it, and proposes a map anew."""
    with session(as_json, migration) as s:
        try:
            text = file.read_text("utf-8")
        except UnicodeDecodeError as error:
            raise misuse(f"{file} is no text.", "./carryover profile show --out profile.yaml") from error
        answer = s.api.put(s.path("profile"), {"yaml": text}) or {}
        s.out.say(f"[good]✓[/good] The profile in {escape(str(file))} is put.")
        s.out.say("[quiet]Next:[/quiet] [name]scope[/name]  [quiet]Read the source by it.[/quiet]")
        s.out.document(answer)
