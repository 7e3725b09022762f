"""The command line's front: gathers the commands, and turns every end into one of the exit codes."""

import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any

import typer
from typer.exceptions import TyperException

from cli.asked import asked, everywhere
from cli.commands import after, life, machine, map, profile, sample, whole
from cli.errors import EXIT_CODES, INTERRUPTED, MISUSE, CliError, misuse
from cli.output import Out

HELP = (
    "Moves a clinic's records into Dynamics 365 Sales: mapped, confirmed, loaded exactly once, read back, reversible."
)
EPILOG = "Exit codes: " + ", ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items()) + "."

app = typer.Typer(help=HELP, epilog=EPILOG, no_args_is_help=True, pretty_exceptions_enable=False)
PANELS = {
    "Step by step": life.app,
    "The map": map.app,
    "The sample": sample.app,
    "The source's profile": profile.app,
    "While it runs, and after": after.app,
    "All at once": whole.app,
    "This machine": machine.app,
}
for panel, part in PANELS.items():
    for command in part.registered_commands:
        command.rich_help_panel = panel
    for group in part.registered_groups:
        group.rich_help_panel = panel
    app.registered_commands += part.registered_commands
    app.registered_groups += part.registered_groups

#: The whole program, as it is typed.
program: Any = everywhere(typer.main.get_command(app))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    asked.clear()
    try:
        code = program.main(given, prog_name="carryover", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except TyperException as error:
        # Misuse that the parser sees. A group without a command has shown its help already and has no words.
        if words := error.format_message().strip():
            typed = getattr(getattr(error, "ctx", None), "command_path", "carryover")
            _said(given).error(misuse(words, f"./{typed} --help"))
        return MISUSE
    except CliError as error:
        _said(given).error(error)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        print("Interrupted. See where things stand: ./carryover status", file=sys.stderr)
        return INTERRUPTED


def _said(given: Sequence[str]) -> Out:
    """The output of a command that did not come as far as to read its options."""
    asked.ndjson |= "--ndjson" in given
    return Out("--json" in given)


def run() -> None:
    """The program: a TERM is treated as Ctrl-C, so that what was started is ended."""
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(main())


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
