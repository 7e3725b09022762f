"""Watching a run: bars when a person looks on, plain lines otherwise, and the exit code its end means."""

import time
from collections.abc import Iterator
from typing import Any, Final

from rich.console import RenderableType
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.text import Text

from cli.client import Api
from cli.errors import DONE, WITH_EXCEPTIONS, CliError, interrupted
from cli.output import Out, seconds, words

#: Seconds between two looks at a run: soon at first, since many runs are short, then once a second.
FIRST_LOOK: Final = 0.15
LAST_LOOK: Final = 1.0
GROWTH: Final = 1.25

#: Seconds between two plain lines about a run that nobody watches.
QUIET: Final = 5.0

Run = dict[str, Any]


class _Counts(ProgressColumn):
    """``1,234/2,345`` and, when there are some, how many were excepted."""

    def render(self, task: Task) -> Text:
        if not task.total and not task.completed:
            return Text()
        shown = Text(f"{int(task.completed):,}" + (f"/{int(task.total):,}" if task.total else ""))
        if excepted := task.fields.get("excepted"):
            shown.append(f"  {excepted:,} excepted", style="warn")
        return shown


class _BarsAndWords(Progress):
    """Bars, and a line below them for as long as there is something to say."""

    below = ""

    def get_renderables(self) -> Iterator[RenderableType]:
        yield from super().get_renderables()
        if self.below:
            yield Text(self.below, style="warn")


class _Bars:
    """One bar an object, under a line with the step's name; what holds the run back is below."""

    def __init__(self, out: Out, title: str) -> None:
        self.progress = _BarsAndWords(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=26),
            _Counts(),
            console=out.people,
            transient=True,
        )
        self._title = self.progress.add_task(f"[step]{escape(title)}[/step]", total=None)
        self._tasks: dict[str, Any] = {}

    def update(self, run: Run) -> None:
        self.progress.start()  # not before somebody minds that it is stopped: it hides the cursor
        for name, counted in (run.get("progress") or {}).items():
            if name not in self._tasks:
                self._tasks[name] = self.progress.add_task(escape(words(name)), total=None, excepted=0)
            self.progress.update(
                self._tasks[name],
                completed=counted.get("done", 0),
                total=counted.get("total") or None,
                excepted=counted.get("excepted", 0),
            )
        if self._tasks:
            self.progress.update(self._title, visible=False)
        self.progress.below = (run.get("held_back") or {}).get("words", "")
        self.progress.refresh()

    def close(self) -> None:
        self.progress.stop()


class _Lines:
    """A line when an object is through, one when the run is held back, and one now and then while the rest moves on."""

    def __init__(self, out: Out, title: str) -> None:
        self.out, self.title = out, title
        self._finished: set[str] = set()
        self._told = 0
        self._held = ""  #: until when it was said to be held back
        self._spoke = time.monotonic()

    def update(self, run: Run) -> None:
        progress = run.get("progress") or {}
        for name, counted in progress.items():
            done, total = counted.get("done", 0), counted.get("total") or 0
            if total and done >= total and name not in self._finished:
                self._finished.add(name)
                excepted = f", {counted['excepted']:,} excepted" if counted.get("excepted") else ""
                self._line(f"  {words(name)}: {done:,}{excepted}")
        held = run.get("held_back") or {}
        if held and held["until"] != self._held:
            self._held = held["until"]
            self._line(f"  {held['words']}")
        records = sum(counted.get("done", 0) for counted in progress.values())
        if records > self._told and time.monotonic() - self._spoke > QUIET:
            self._line(f"  {self.title}: {records:,} records so far")
            self._told = records

    def _line(self, text: str) -> None:
        self._spoke = time.monotonic()
        self.out.plain(text)

    def close(self) -> None:
        pass


def _standing(run: Run) -> Run:
    """The run without what only counts the seconds, which is no news."""
    held = run.get("held_back")
    return run | {"seconds": 0, "held_back": held and held | {"words": ""}}


def follow(api: Api, out: Out, migration: str, run_id: str) -> Run:
    """Watches a run until it ends in any state and returns its document, which is a line with each change (--ndjson).

    Raises what the client raises, and an interruption (130) that says how to go on when Ctrl-C comes: the run itself
    goes on in the app.
    """
    kind = run_id.rsplit("-", 1)[0]
    shown = _Bars(out, words(kind)) if out.watched else _Lines(out, words(kind))
    pause, waiting = FIRST_LOOK, ""
    told: Run = {}
    try:
        while True:
            run: Run = api.patiently(
                f"/migrations/{migration}/runs/{run_id}",
                lambda: out.say("[warn]The app does not answer; waiting for it.[/warn]"),
            )
            shown.update(run)
            if (standing := _standing(run)) != told:
                told = standing
                out.line(run)
            if (wait := run.get("waiting_until")) and wait != waiting:
                waiting = wait
                out.say(f"[warn]The day's requests are used up; the run goes on by itself at {wait[:16]} UTC.[/warn]")
            if run["state"] != "running":
                return run
            time.sleep(pause)
            pause = min(LAST_LOOK, pause * GROWTH)
    except KeyboardInterrupt:
        raise interrupted(
            f"Stopped watching; {run_id} goes on in the app.",
            f"Watch it again: ./carryover status --watch -m {migration}. End it: ./carryover stop -m {migration}",
        ) from None
    finally:
        shown.close()


def excepted(run: Run) -> int:
    """How many records of the run were excepted: its final counts where it has them, else its progress."""
    counted = run.get("counts") or {}
    if not any("excepted" in one for one in counted.values()):
        counted = run.get("progress") or {}
    return sum(int(one.get("excepted") or 0) for one in counted.values())


def conclude(out: Out, migration: str, run: Run) -> int:
    """Says how a run ended and returns the exit code.

    Raises CliError for a run that failed (1) and for one that paused or was stopped and can go on (130).
    """
    kind, state = words(str(run.get("kind", run["id"]))), run["state"]
    took = seconds(float(run.get("seconds") or 0))
    error = run.get("error") or {}
    message = str(error.get("message") or run.get("message") or "")
    following = str(error.get("next") or "")
    if state == "failed":
        why = message or "the app's log says why"
        raise CliError(f"{kind}: {why}", code=str(error.get("code") or "run_failed"), next=following)
    if state in ("paused", "stopped"):
        following = following or f"./carryover exceptions -m {migration}, ./carryover status -m {migration}"
        told = message if message.lower().startswith(state) else f"{state}: {message}".removesuffix(": ")
        raise interrupted(f"{kind}: {told}", following, code=state)
    left = excepted(run)
    told = escape(message)
    if left and "excepted" not in message:
        told = f"{told} [warn]{left:,} excepted.[/warn]".strip()
    out.done(kind, took, told)
    return WITH_EXCEPTIONS if left else DONE
