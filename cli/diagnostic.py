"""The bundle for whoever helps: versions, settings, states, counts and codes of errors, in one zip.

It is built up from what is named here, never cut down from what the app says: no message, no name of a person, clinic or
target, no value of a record, no secret. What is named goes in only when it has the shape of an id, a code, a time or a number.
"""

import json
import platform
import re
import subprocess
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from cli import place
from cli.errors import CliError
from cli.session import Session

_MIGRATION: Final = (
    "id",
    "state",
    "plan",
    "map_hash",
    "map_version",
    "confirmed_hash",
    "epoch",
    "active_run",
    "written",
)
_RUN: Final = ("id", "kind", "state", "parent", "started", "ended", "undone_by")

#: Of an id, a state, a code, a hash, a time: no blank, no @, no path.
_SHAPE: Final = re.compile(r"[A-Za-z0-9_.:+-]{1,64}")


def write(s: Session, checks: Sequence[dict[str, Any]], file: Path) -> list[str]:
    """Writes the bundle, readable by this user only, and returns the names of its parts.

    ``checks``: what the doctor found. What the app does not answer stands there as the code of its error.
    """
    parts: dict[str, Any] = {
        "doctor.json": [{"check": _shaped(one["check"].replace(" ", "-")), "ok": one["ok"]} for one in checks],
        "versions.json": _versions(),
        "settings.json": [_setting(one) for one in place.settings()],
        "app.json": _answered(lambda: _app(s)),
        "migrations.json": _answered(lambda: [_migration(s, one) for one in s.migrations()]),
    }
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, document in parts.items():
            bundle.writestr(name, json.dumps(document, indent=2))
    return list(parts)


def _answered(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except CliError as error:
        return {"error": error.code}


def _versions() -> dict[str, str]:
    found = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=place.REPOSITORY, capture_output=True, text=True, check=False
    )
    return {"commit": found.stdout.strip(), "python": platform.python_version(), "platform": platform.platform()}


def _setting(one: dict[str, Any]) -> dict[str, Any]:
    """A setting whose text, an address or a person's, is not told, only whether there is one."""
    value = one["value"]
    told = value if isinstance(value, int | float) else "set" if value else "not set"
    return _kept(one, ("name", "origin")) | {"value": told}


def _app(s: Session) -> dict[str, Any]:
    said = s.api.get("/settings")
    return {
        "python": _shaped(said["python"]),
        "packages": _kept(said["packages"], said["packages"]),
        "settings": [_setting(one) for one in said["settings"]],
    }


def _migration(s: Session, one: dict[str, Any]) -> dict[str, Any]:
    home = f"/migrations/{one['id']}"
    runs = [_run(s, home, run) for run in one["runs"]]
    return _kept(one, _MIGRATION) | {
        "runs": runs,
        "objects": _counts(one.get("objects")),
        "exceptions": _answered(lambda: _exceptions(s, home)),
    }


def _run(s: Session, home: str, run: dict[str, Any]) -> dict[str, Any]:
    kept = _kept(run, _RUN)
    if run["state"] in ("done", "running"):
        return kept
    error = _answered(lambda: s.api.get(f"{home}/runs/{run['id']}"))["error"] or {}
    return kept | {"error": _shaped(error.get("code") if isinstance(error, dict) else error)}


def _exceptions(s: Session, home: str) -> dict[str, Any]:
    """The latest run's exceptions, as many as one page holds, counted by object and code."""
    found = s.api.get(f"{home}/exceptions")
    codes = Counter(f"{_shaped(one['object'])}.{_shaped(one['code'])}" for one in found["exceptions"])
    return {"total": found["total"], "counted": codes.total(), "codes": dict(codes)}


def _kept(document: dict[str, Any], names: Any) -> dict[str, Any]:
    return {name: _shaped(document.get(name)) for name in names}


def _shaped(value: Any) -> Any:
    """The value, when it is a number or has the shape of a name that the program makes."""
    if value is None or isinstance(value, int | float) or (isinstance(value, str) and _SHAPE.fullmatch(value)):
        return value
    return "(left out)"


def _counts(value: Any) -> Any:
    """The numbers of a document, at any depth."""
    if isinstance(value, dict):
        return {_shaped(name): _counts(inner) for name, inner in value.items()}
    return value if isinstance(value, int | float) else None
