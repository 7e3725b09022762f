"""The demo: the sample clinic, migrated, changed, migrated again, read back, and taken out of the target."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx
from rich import box
from rich.markup import escape
from rich.panel import Panel

from cli import flow, place
from cli.errors import CliError, interrupted
from cli.output import count, table
from cli.session import Session
from cli.shown import Summary, show_datasets, show_objects, show_places, show_seconds
from cli.system import run_local

SYSTEM: Final = "sample-clinic"
OPERATOR: Final = "demo"

Counts = Mapping[str, int]


def run(session: Session, *, patients: int, keep: bool) -> None:
    """Runs the demo and writes ``demo.json`` beside the local state. Ends everything it started, unless ``keep``.

    Raises CliError when a step fails, or when the target is not as it was before.
    """
    out = session.out
    # The demo has a target of its own: whatever else the environment or local.settings.json names stays untouched.
    os.environ.pop("CARRYOVER_APP_URL", None)
    os.environ["DATAVERSE_URL"] = ""
    kept = "everything stays up before the rollback" if keep else "rolled back and ended at the end"
    out.show(
        Panel(f"[name]Carryover[/name]  sample clinic, {patients:,} patients; {kept}", box=box.ROUNDED, expand=False)
    )
    try:
        summary = _demo(session, patients, keep)
    except BaseException as error:
        run_local("down")
        if isinstance(error, KeyboardInterrupt) or (isinstance(error, CliError) and error.code == "interrupted"):
            raise interrupted("Interrupted; the local system is down.", "Start over: make demo") from None
        out.plain(f"The local system's logs: {place.state_folder() / 'logs'}", style="quiet")
        raise
    if keep:
        _addresses(session)
    else:
        run_local("down")
    session.out.document(summary)


def _demo(session: Session, patients: int, keep: bool) -> Summary:
    out, clinic = session.out, place.state_folder() / "clinic"
    job = flow.Flow(session, by=OPERATOR, controlled="suppress", pause=100)

    with job.timed("sample clinic"):
        _write_clinic(clinic / "export", patients, 1, users=clinic / "users.json")
        _write_clinic(clinic / "export-day-2", patients, 2)
    job.tick("sample clinic", f"{patients:,} patients, on two days")
    with job.timed("local up"):
        local = run_local("up", "--fresh", "--seed", str(clinic / "users.json"))
    job.tick("local up", ", ".join(local["components"]))

    before = target_counts(local["dataverse_url"])
    session.choose(flow.create(session, system=SYSTEM, profile=None, plan=None)["id"])
    job.upload(clinic / "export")
    job.go(changed=False)
    summary = job.summary()
    show_objects(out, summary)
    show_datasets(out, summary)
    out.say("A day later, records have changed, come and gone:")
    job.go(changed=job.upload(clinic / "export-day-2"))
    summary["delta"] = job.summary()["objects"]
    loaded = target_counts(local["dataverse_url"])
    if not keep:
        job.rollback()
        left = target_counts(local["dataverse_url"])
        _show_target(session, before, loaded, left)
        _prove_empty(before, left)
        out.say("[good]✓[/good] The target is as it was before.\n")
    summary = job.finish(summary)
    show_seconds(out, summary["seconds"])
    show_places(out, summary["reports"])
    written = place.state_folder() / "demo.json"
    written.write_text(json.dumps(summary, indent=2, ensure_ascii=False, default=str), "utf-8")
    out.plain(f"\nThe figures as JSON: {written}", style="quiet")
    return summary


def _write_clinic(folder: Path, patients: int, day: int, users: Path | None = None) -> None:
    """The sample clinic is a program of its own, as a clinic's system is."""
    command = [sys.executable, "-P", "-m", "local.clinic", "--patients", str(patients), "--seed", "1"]
    command += ["--day", str(day), "--out", str(folder)]
    if users is not None:
        command += ["--users", str(users)]
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join(part for part in (str(place.REPOSITORY), os.environ.get("PYTHONPATH")) if part)
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CliError(f"The sample clinic could not be written.\n{done.stderr.strip()}", code="clinic")


def target_counts(url: str) -> dict[str, int]:
    """Rows of every table of the simulator."""
    try:
        reply = httpx.get(f"{url}/_sim/counts", timeout=30, trust_env=False)
        reply.raise_for_status()
        return {str(name): int(rows) for name, rows in reply.json().items()}
    except httpx.HTTPError as error:
        raise CliError(
            f"The rows of {url} cannot be counted: it is not the simulator.",
            code="no_simulator",
            next="The demo runs on the simulator alone.",
        ) from error


def _show_target(session: Session, before: Counts, loaded: Counts, left: Counts) -> None:
    made = table(
        "rows in the target", "before", "migrated", "rolled back", numbers=("before", "migrated", "rolled back")
    )
    for name in loaded:
        if loaded[name] != before.get(name, 0) or left.get(name, 0) != before.get(name, 0):
            made.add_row(escape(name), *(count(rows.get(name, 0)) for rows in (before, loaded, left)))
    session.out.show(made)


def _prove_empty(before: Counts, left: Counts) -> None:
    more = {name: rows - before.get(name, 0) for name, rows in left.items() if rows != before.get(name, 0)}
    if more:
        told = ", ".join(f"{name} {difference:+,}" for name, difference in more.items())
        raise CliError(
            f"The target is not as it was before: {told}.", code="not_empty", next="See the rollback report."
        )


def _addresses(session: Session) -> None:
    local: dict[str, Any] = run_local("status")
    out = session.out
    out.say("\n[good]Everything is up.[/good]")
    out.plain(f"  API        {local['app_url']}/api")
    out.plain(f"  Dataverse  {local['dataverse_url']}")
    out.plain(f"  key        {local['keys']}")
    out.say(f"[quiet]Next:[/quiet] ./carryover status   ./carryover rollback -m {session.id}   ./carryover local down")
