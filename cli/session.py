"""What every command that speaks to the app needs: its output, the app, and the migration that is meant."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Annotated, Any

import typer

from cli import place
from cli.client import Api
from cli.errors import INTERRUPTED, MISUSE, CliError, interrupted, misuse
from cli.output import Out
from cli.runs import Run, conclude, follow

JsonFlag = Annotated[
    bool, typer.Option("--json", help="One JSON document on stdout; words for people go to stderr.", show_default=False)
]
MigrationOption = Annotated[
    str | None,
    typer.Option(
        "--migration",
        "-m",
        envvar="CARRYOVER_MIGRATION",
        help="The migration's id; without it, the one used last.",
        show_default=False,
    ),
]
ByOption = Annotated[
    str | None, typer.Option("--by", help="Your name, as the record will show it.", show_default="the user")
]
PauseOption = Annotated[
    float | None,
    typer.Option(
        "--pause-percent", min=0, max=100, help="Pause when more of an object is excepted.", show_default="the app's"
    ),
]
#: The same where every step is taken in a row: a trial runs through unless it is told otherwise.
TrialPauseOption = Annotated[
    float, typer.Option("--pause-percent", min=0, max=100, help="Pause when more of an object is excepted.")
]
TargetOption = Annotated[
    str | None, typer.Option("--target", help="The target's name, typed by you.", show_default=False)
]
FailOnWarning = Annotated[
    bool, typer.Option("--fail-on-warning", help="End with 3 when something is warned of.", show_default=False)
]
YesFlag = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.", show_default=False)]


class Session:
    """One command's work with the app."""

    def __init__(self, out: Out, migration: str | None) -> None:
        self.out = out
        self._named = migration

    @cached_property
    def api(self) -> Api:
        """The app; raises CliError when none is known."""
        return place.connect()

    @cached_property
    def id(self) -> str:
        """The migration that is meant: the one named, else the one used last, else the only one there is."""
        chosen = self._named or place.remembered(self.api.url)
        if not chosen:
            known = [one["id"] for one in self.migrations()]
            if not known:
                raise misuse("There is no migration yet.", "./carryover create --system NAME")
            if len(known) > 1:
                raise misuse("Which migration is meant?", f"Name one with -m: {', '.join(known)}")
            chosen = known[0]
        place.remember(self.api.url, chosen)
        return chosen

    def choose(self, migration: str) -> None:
        """Makes this the migration that is meant, here and in the commands that follow."""
        self._named = migration
        self.__dict__.pop("id", None)
        place.remember(self.api.url, migration)

    def migrations(self) -> list[dict[str, Any]]:
        """All migrations of the app."""
        answer = self.api.get("/migrations")
        return list(answer["migrations"] if isinstance(answer, dict) else answer)

    def path(self, *parts: str) -> str:
        """An address below the migration's."""
        return "/".join(("/migrations", self.id, *parts))

    def migration(self) -> dict[str, Any]:
        """The migration's document."""
        answer: dict[str, Any] = self.api.get(self.path())
        return answer

    def start(self, step: str, options: dict[str, Any] | None = None) -> Run:
        """Starts a step, watches its run to the end and returns the run's document. Raises ApiError for a shut gate."""
        started = self.api.post(self.path("steps", step), {"by": place.operator()} | (options or {}))
        return follow(self.api, self.out, self.id, str(started["run"]))

    def step(self, step: str, options: dict[str, Any] | None = None) -> None:
        """Starts a step, watches it, says how it ended; ends the command with 4 when records were excepted."""
        run = self.start(step, options)
        self.ended(run)

    def typed_target(self, given: str | None) -> str:
        """The target's name, typed by a person now or with the command. Raises misuse when nobody is there to type."""
        if given is not None:
            return given
        if not self.out.asks:
            raise misuse("Name the target that is to be written to.", "--target NAME (shown by ./carryover status)")
        return str(typer.prompt("Type the target's name to go on", err=True))

    def agreed(self, question: str, yes: bool, no: CliError) -> None:
        """A yes to the question: given with the command, else by a person. Raises ``no``, or misuse when nobody is there."""
        if yes:
            return
        if not self.out.asks:
            raise misuse(f"{question} Nobody is here to be asked.", "Say so with --yes.")
        if not typer.confirm(question, err=True):
            raise no

    def ended(self, run: Run, rows: Iterable[Any] = ()) -> None:
        """Says how a run ended and prints its document; ends the command with the code the run's end means.

        ``rows``: lines beside those that the run gave as it moved on.
        """
        self.out.document(run, rows)
        code = conclude(self.out, self.id, run)
        self.hint()
        if code:
            raise typer.Exit(code)

    def hint(self) -> None:
        """Says what can be done next, in the app's own words."""
        for following in self.migration().get("next") or []:
            self.out.say(
                f"[quiet]Next:[/quiet] [name]{following['step']}[/name]  [quiet]{following.get('why', '')}[/quiet]"
            )


@contextmanager
def session(as_json: bool, migration: str | None = None) -> Iterator[Session]:
    """The frame of a command: errors become words, a document and an exit code."""
    out = Out(as_json)
    opened = Session(out, migration)
    try:
        yield opened
    except CliError as error:
        out.error(error)
        raise typer.Exit(error.exit_code) from None
    except OSError as error:
        if not error.filename:
            raise
        out.error(misuse(f"{error.filename}: {str(error.strerror).lower()}.", "Name another file or folder."))
        raise typer.Exit(MISUSE) from None
    except (KeyboardInterrupt, typer.Abort):
        out.error(interrupted("Interrupted.", "See where things stand: ./carryover status"))
        raise typer.Exit(INTERRUPTED) from None
    finally:
        if "api" in opened.__dict__:
            opened.api.close()
