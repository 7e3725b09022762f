"""What a command says: words for people, and for programs one document (``--json``) or one a line (``--ndjson``).

People are spoken to on stdout, or on stderr when stdout belongs to the documents. Colours, bars and redrawn lines are
for terminals; NO_COLOR and pipes get plain lines. Everything fits 80 columns.
"""

import json
import sys
from collections.abc import Iterable
from typing import Any, Final, cast

from rich import box
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table
from rich.theme import Theme

from cli.asked import asked
from cli.errors import CliError

THEME: Final = Theme(
    {
        "good": "green",
        "bad": "bold red",
        "warn": "yellow",
        "quiet": "dim",
        "name": "bold",
        "place": "cyan",
        "step": "bold cyan",
        "bar.complete": "cyan",
        "bar.finished": "green",
        "bar.pulse": "cyan",
    }
)


class Out:
    """The two streams of one command."""

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json or asked.ndjson
        self.people = Console(stderr=self.as_json, theme=THEME, highlight=False, soft_wrap=False)
        self._emitted = False

    @property
    def watched(self) -> bool:
        """Whether a person sees lines being redrawn."""
        return self.people.is_terminal and not self.people.is_dumb_terminal

    @property
    def asks(self) -> bool:
        """Whether somebody is there to answer a question. Questions are put on stderr."""
        return sys.stdin.isatty() and sys.stderr.isatty() and not asked.no_input

    def say(self, text: str = "", style: str | None = None) -> None:
        """A line for people; the text may hold rich markup."""
        self.people.print(text, style=style)

    def done(self, step: str, took: str, told: str = "") -> None:
        """A step that is done: its name, how long it took, and what it told; the text may hold rich markup."""
        line = Table.grid(padding=(0, 1))
        for width, justify in ((1, "left"), (13, "left"), (8, "right"), (None, "left")):
            line.add_column(width=width, justify=cast("JustifyMethod", justify), no_wrap=width is not None)
        line.add_row("[good]✓[/good]", f"[name]{escape(step)}[/name]", f"[quiet]{took}[/quiet]", told)
        self.people.print(line)

    def plain(self, text: str, style: str | None = None) -> None:
        """A line for people whose text comes from elsewhere: nothing in it is markup, nothing is broken mid-word."""
        self.people.print(escape(text), style=style, soft_wrap=True)

    def show(self, renderable: Any) -> None:
        """A table or panel for people."""
        self.people.print(renderable)

    def document(self, document: Any, rows: Iterable[Any] | None = None) -> None:
        """The command's one document, printed only for programs; ``rows``: what it lists, a line each with ``--ndjson``."""
        if asked.ndjson:
            for one in [document] if rows is None else rows:
                self.line(one)
        elif self.as_json and not self._emitted:
            self._emitted = True
            sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n")
            sys.stdout.flush()

    def line(self, document: Any) -> None:
        """A document on the way to the last one, printed only with ``--ndjson``."""
        if asked.ndjson:
            sys.stdout.write(json.dumps(document, ensure_ascii=False, default=str) + "\n")
            sys.stdout.flush()

    def error(self, error: CliError) -> None:
        """What went wrong and what to do, for people and, if nothing was printed yet, for programs."""
        console = Console(stderr=True, theme=THEME, highlight=False)
        console.print(f"[bad]{escape(error.message)}[/bad]", soft_wrap=True)
        if error.next:
            console.print(f"[quiet]Next:[/quiet] {escape(error.next)}", soft_wrap=True)
        body = {"code": error.code, "message": error.message, "next": error.next, "exit": error.exit_code}
        self.document({"error": body})


def table(*columns: str, numbers: tuple[str, ...] = (), gap: int = 2) -> Table:
    """An empty table; the named columns hold numbers, ``gap`` blanks stand between two columns."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, gap - 1, 0, 0))
    for column in columns:
        is_number = column in numbers
        made.add_column(column, justify="right" if is_number else "left", no_wrap=is_number, overflow="fold")
    return made


def count(number: Any) -> str:
    """A count with thousands apart; a dash for none, so that what is there stands out."""
    if not isinstance(number, int | float):
        return "·"
    return f"{number:,}" if number else "·"


def counted(number: int, thing: str) -> str:
    """A number of things: 1 file, 2 files."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def seconds(value: float) -> str:
    """A duration as people say it: 0.4 s, 12 s, 3 min 05 s."""
    if value < 10:
        return f"{value:.1f} s"
    if value < 120:
        return f"{value:.0f} s"
    return f"{int(value) // 60} min {int(value) % 60:02d} s"


def size(octets: int) -> str:
    """A file size as people say it."""
    amount = float(octets)
    for unit in ("bytes", "KB", "MB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GB"


def words(name: str) -> str:
    """An object's or step's name as people read it."""
    return name.replace("_", " ")
