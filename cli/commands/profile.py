"""The profile that a migration's source is read by: shown, written to a file, put back changed, and which dataset it
makes which object of."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from cli import place
from cli.errors import misuse
from cli.output import counted, table, words
from cli.session import ByOption, JsonFlag, MigrationOption, session

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


@profile_app.command("datasets")
def profile_datasets(migration: MigrationOption = None, as_json: JsonFlag = False) -> None:
    """List the datasets: their size, what they feed and why, and what was picked."""
    with session(as_json, migration) as s:
        shown = s.api.get(s.path("profile"))
        made = table(
            "dataset", "rows", "columns", "feeds", "why", "sure", "picked", numbers=("rows", "columns", "sure")
        )
        for one in shown["datasets"]:
            taken, picked = one["taken"] or {}, one["picked"] or {}
            cells = (
                one["name"],
                f"{one['rows']:,}",
                f"{one['columns']:,}",
                ", ".join(map(words, one["feeds"])) or "none",
                taken.get("why", "") if one["feeds"] else one["why"],
                f"{taken['confidence']:.0%}" if taken else "",
                f"{words(picked['object'] or 'none')}, by {picked['by']}" if picked else "",
            )
            made.add_row(*map(escape, cells))
        s.out.show(made)
        if shown["outdated"]:
            s.out.plain("What was picked counts when the source is read again: ./carryover scope")
        s.out.document({"datasets": shown["datasets"], "outdated": shown["outdated"]})


@profile_app.command("assign")
def profile_assign(
    dataset: Annotated[str, typer.Argument(help="A dataset, as profile datasets lists it.")],
    feeds: Annotated[
        str,
        typer.Argument(
            metavar="OBJECT", help="One of the twelve objects; none: it feeds nothing; proposed: the proposal decides."
        ),
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why it feeds nothing.", show_default=False)] = "",
    migration: MigrationOption = None,
    by: ByOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Pick the object that a dataset of an unknown system feeds. The next scope proposes the profile and the map by it."""
    with session(as_json, migration) as s:
        choice = {"object": feeds, "reason": reason}
        answer = s.api.patch(
            s.path("profile", "datasets"), {"by": by or place.operator(), "datasets": {dataset: choice}}
        )
        s.out.say(f"[good]✓[/good] {counted(len(answer['changes']), 'dataset')} will feed something else.")
        for one in answer["changes"]:
            was, will = (", ".join(map(words, one[key])) or "none" for key in ("before", "after"))
            s.out.plain(f"  {one['dataset']}: {was} → {will}")
        s.out.say("[quiet]Next:[/quiet] [name]scope[/name]  [quiet]Read the source by it.[/quiet]")
        s.out.document(answer)
