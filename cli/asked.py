"""The options of every command, written once: how it answers a program, and whether it may ask a person."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer


@dataclass
class Asked:
    """What the command that runs was given of them; a process runs one command."""

    ndjson: bool = False
    no_input: bool = False

    def clear(self) -> None:
        """As before a command was read."""
        self.ndjson = self.no_input = False


asked: Final = Asked()


def _keep(parameter: typer.CallbackParam, given: bool) -> None:
    if given:
        setattr(asked, str(parameter.name), True)


def _options(
    ndjson: Annotated[
        bool,
        typer.Option(
            "--ndjson",
            help="JSON, a document a line: a run as it moves on, a list row by row.",
            callback=_keep,
            expose_value=False,
            show_default=False,
        ),
    ] = False,
    no_input: Annotated[
        bool,
        typer.Option(
            "--no-input",
            help="Never ask: end with 2, and name the option that answers.",
            callback=_keep,
            expose_value=False,
            show_default=False,
        ),
    ] = False,
) -> None:
    """Carries the options; never called."""


def _made() -> list[Any]:
    carrier = typer.Typer(add_completion=False)
    carrier.command()(_options)
    command: Any = typer.main.get_command(carrier)
    return list(command.params)


#: The options as a command has them.
OPTIONS: Final = _made()


def everywhere(command: Any) -> Any:
    """The command, with the options on all that can be run of it and below it."""
    if command.callback is not None:
        command.params += OPTIONS
    for one in getattr(command, "commands", {}).values():
        everywhere(one)
    return command
