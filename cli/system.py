"""The local system, as a program of its own: the command line starts it and never reaches into it."""

import json
import os
import subprocess
import sys
from typing import Any

from cli.errors import CliError
from cli.place import REPOSITORY


def local(*arguments: str, quiet: bool = False) -> subprocess.CompletedProcess[str]:
    """Runs ``python -m local``; its words for people go where ours go, its document comes back in ``stdout``."""
    command = [sys.executable, "-P", "-m", "local", *arguments]
    path = os.pathsep.join(part for part in (str(REPOSITORY), os.environ.get("PYTHONPATH")) if part)
    return subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if quiet else None,
        text=True,
        check=False,
    )


def run_local(*arguments: str) -> dict[str, Any]:
    """Runs ``python -m local … --json`` and returns its document. Raises CliError when it failed."""
    done = local(*arguments, "--json", quiet=True)
    try:
        document: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        document = {}
    if done.returncode == 0:
        return document
    error = document.get("error") or {}
    raise CliError(
        error.get("message") or done.stderr.strip() or f"python -m local {arguments[0]} ended with {done.returncode}.",
        code="local",
        next=error.get("next") or "./carryover local status",
    )


def local_status() -> dict[str, Any]:
    """What of the local system runs, and its addresses."""
    done = local("status", "--json", quiet=True)
    try:
        document: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise CliError(done.stderr.strip() or "The local system's state cannot be read.", code="local") from None
    if error := document.get("error"):
        raise CliError(error["message"], code="local", next=error["next"])
    return document
