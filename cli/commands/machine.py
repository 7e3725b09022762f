"""Commands for this machine: the local system, and the doctor."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from cli import diagnostic, place
from cli.asked import asked
from cli.client import Api
from cli.errors import FAILED, CliError
from cli.output import Out, table
from cli.runs import conclude
from cli.session import JsonFlag, MigrationOption, Session, session
from cli.system import local, local_status

app = typer.Typer()
local_app = typer.Typer(no_args_is_help=True, help="The whole system on this machine.")
app.add_typer(local_app, name="local")


def _forward(*arguments: str | None, as_json: bool) -> None:
    given = [argument for argument in arguments if argument]
    out = Out(as_json)
    done = local(*given, *(["--json"] if out.as_json else []))
    if asked.ndjson and done.stdout:
        out.line(json.loads(done.stdout))
    else:
        sys.stdout.write(done.stdout)
    if done.returncode:
        raise typer.Exit(done.returncode)


@local_app.command()
def up(
    fresh: Annotated[bool, typer.Option("--fresh", help="Empty storage, simulator and durable state first.")] = False,
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay, and end everything on Ctrl-C.")] = False,
    seed: Annotated[Path | None, typer.Option("--seed", help="JSON of users for the simulator.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Start storage, Dataverse simulator and Functions host. Running parts are left as they are."""
    flags = ("--fresh" if fresh else None, "--foreground" if foreground else None)
    _forward("up", *flags, *(("--seed", str(seed)) if seed else ()), as_json=as_json)


@local_app.command()
def down(as_json: JsonFlag = False) -> None:
    """End every part; nothing is left running. What was stored stays."""
    _forward("down", as_json=as_json)


@local_app.command("status")
def status_(as_json: JsonFlag = False) -> None:
    """Say what runs and where. Ends with 1 unless all of it does."""
    _forward("status", as_json=as_json)


@local_app.command()
def restart(part: Annotated[str, typer.Argument(help="azurite, dataverse or host")], as_json: JsonFlag = False) -> None:
    """End one part and start it again."""
    _forward("restart", part, as_json=as_json)


Check = dict[str, Any]


def _check(name: str, ok: bool, detail: str, next: str = "") -> Check:
    return {"check": name, "ok": ok, "detail": detail, "next": "" if ok else next}


def _programs() -> list[Check]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    checks = [_check("python", sys.version_info >= (3, 11), version, "Install Python 3.11 or newer.")]
    venv = (place.REPOSITORY / ".venv").is_dir()
    checks.append(_check("packages", venv, ".venv" if venv else "no .venv", "make setup"))
    node = shutil.which("node")
    found = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip() if node else "not found"
    checks.append(_check("node", bool(node), found, "Install nodejs and npm."))
    package = place.REPOSITORY / "node_modules" / "azurite" / "package.json"
    version = "azurite " + json.loads(package.read_text("utf-8"))["version"] if package.exists() else "not installed"
    checks.append(_check("npm packages", package.exists(), version, "make setup"))
    return checks


def _local_parts() -> list[Check]:
    try:
        parts = local_status()["components"]
    except CliError as error:
        return [_check("local system", False, error.message, error.next)]
    return [
        _check(name, part["state"] == "running", part["state"], f"./carryover local up; its log: {part['log']}")
        for name, part in parts.items()
    ]


def _app_itself() -> list[Check]:
    try:
        api: Api = place.connect()
    except CliError as error:
        return [_check("app", False, error.message, error.next)]
    checks = []
    try:
        health = api.get("/health") or {}
        checks.append(_check("app", True, api.url))
        for name, value in health.items():
            if isinstance(value, bool):
                checks.append(_check(name, value, "yes" if value else "no", "The app's log says why."))
            elif isinstance(value, dict) and "ok" in value:
                checks.append(_check(name, bool(value["ok"]), str(value.get("detail") or value.get("message") or "")))
        migrations = api.get("/migrations")
        known = migrations["migrations"] if isinstance(migrations, dict) else migrations
        checks.append(_check("key", True, f"accepted; {len(known)} migrations"))
    except CliError as error:
        checks.append(_check("key" if checks else "app", False, error.message, error.next))
    finally:
        api.close()
    return checks


def _show(out: Out, checks: list[Check]) -> None:
    for check in checks:
        sign = "[good]✓[/good]" if check["ok"] else "[bad]✗[/bad]"
        out.say(f"{sign} [name]{check['check']:<12}[/name] {escape(check['detail'])}")
        if check["next"]:
            out.say(f"  [quiet]Next:[/quiet] {escape(check['next'])}")


ProbeFlag = Annotated[
    bool,
    typer.Option("--probe", help="Also try the target, on rows made for it and removed again.", show_default=False),
]


@app.command()
def settings(as_json: JsonFlag = False) -> None:
    """Show every setting of the command line and of the app, and where it comes from. Secrets are never shown."""
    with session(as_json) as s:
        own = place.settings()
        _show_settings(s.out, "The command line", own)
        try:
            said = s.api.get("/settings")
        except CliError:
            s.out.document({"command_line": own, "app": None}, own)
            raise
        _show_settings(s.out, "The app", said["settings"])
        s.out.document({"command_line": own, "app": said}, own + said["settings"])


def _show_settings(out: Out, whose: str, settings: list[dict[str, Any]]) -> None:
    out.say(f"[step]{whose}[/step]")
    made = table("setting", "value", "from")
    for one in settings:
        made.add_row(one["name"], escape(_value(one)) or "–", one["origin"])
    out.show(made)


def _value(one: dict[str, Any]) -> str:
    """A setting's value as it would be typed; of a secret that there is one."""
    value = one["value"]
    if one["secret"]:
        return "(secret)" if value else ""
    return str(value).lower() if isinstance(value, bool) else str(value)


@app.command()
def doctor(
    probe: ProbeFlag = False,
    bundle: Annotated[
        Path | None,
        typer.Option(
            "--diagnostic", help="Also write a bundle (zip) for whoever helps you: no values, names, secrets."
        ),
    ] = None,
    migration: MigrationOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Check this machine, the local system and the app. Ends with 1 when something is wrong."""
    with session(as_json, migration) as s:
        checks = _programs() + ([] if place.app_is_given() else _local_parts()) + _app_itself()
        _show(s.out, checks)
        well = all(check["ok"] for check in checks)
        found: dict[str, Any] = {"probes": _probe(s)} if probe and well else {}
        if bundle is not None:
            found["diagnostic"] = {"path": str(bundle), "parts": diagnostic.write(s, checks, bundle)}
            s.out.plain(f"The bundle is in {bundle}. Look into it before you send it.")
        s.out.document({"ok": well, "checks": checks} | found)
        if not well:
            raise typer.Exit(FAILED)


def _probe(s: Session) -> list[str]:
    """What the target did, in words, a line an answer. The migration's target has to be prepared."""
    conclude(s.out, s.id, s.start("probe"))
    report = s.api.get(s.path("reports", "probes.json"))
    said = [str(row["What was seen"]) for row in report["tables"][-1]["rows"]]
    for line in said:
        s.out.say(f"  {escape(line)}")
    return said
