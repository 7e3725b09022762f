"""Which app the command line talks to, with which key, and what it remembers between two commands."""

import getpass
import json
import os
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from cli.client import Api
from cli.errors import CliError

REPOSITORY: Final = Path(__file__).resolve().parent.parent

_SECRET: Final = ("CARRYOVER_APP_KEY", "CARRYOVER_APP_TOKEN")


def state_folder() -> Path:
    """Where the local system and the command line keep their files."""
    return Path(os.environ.get("CARRYOVER_LOCAL_DIR") or REPOSITORY / ".local").resolve()


def app_is_given() -> bool:
    """Whether the environment names an app; else it is the local one."""
    return bool(os.environ.get("CARRYOVER_APP_URL"))


def app_url() -> str:
    """The app's address: CARRYOVER_APP_URL, else that of the local system. Raises CliError when there is neither."""
    if given := os.environ.get("CARRYOVER_APP_URL"):
        return given
    url = _read(state_folder() / "local.json").get("app_url")
    if not url:
        raise CliError(
            "The local system is not running, and CARRYOVER_APP_URL is not set.",
            code="not_running",
            next="./carryover local up",
        )
    return str(url)


def is_trial() -> bool:
    """Whether what is written goes no further than this machine. Of an app that is only an address nobody knows it."""
    if app_is_given() or not _is_here(app_url()):
        return False
    target = _read(state_folder() / "local.json").get("dataverse_url")
    return not target or _is_here(str(target))


def _is_here(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def app_key() -> str:
    """CARRYOVER_APP_KEY, else the local system's key; never the local key for an app elsewhere."""
    if given := os.environ.get("CARRYOVER_APP_KEY"):
        return given
    if app_is_given():
        return ""
    return str(_read(state_folder() / "keys.json").get("default", ""))


def connect() -> Api:
    """The app, ready to be asked."""
    return Api(app_url(), app_key(), os.environ.get("CARRYOVER_APP_TOKEN", ""))


def operator() -> str:
    """Who confirms and signs when no name is given: CARRYOVER_OPERATOR, else the user of this machine."""
    try:
        return os.environ.get("CARRYOVER_OPERATOR") or getpass.getuser()
    except (OSError, KeyError):
        return "operator"


def settings() -> list[dict[str, Any]]:
    """The command line's own settings: name, value and where it comes from; of a secret only whether there is one.

    They come from the environment, a file of the state's folder, the machine's user, or the default.
    """
    url = os.environ.get("CARRYOVER_APP_URL") or _read(state_folder() / "local.json").get("app_url") or ""
    told: dict[str, tuple[Any, str]] = {
        "CARRYOVER_APP_URL": (url, "local.json"),
        "CARRYOVER_APP_KEY": (bool(app_key()), "keys.json"),
        "CARRYOVER_APP_TOKEN": (bool(os.environ.get("CARRYOVER_APP_TOKEN")), "default"),
        "CARRYOVER_MIGRATION": (os.environ.get("CARRYOVER_MIGRATION") or remembered(url) or "", "cli.json"),
        "CARRYOVER_OPERATOR": (operator(), "user"),
        "CARRYOVER_LOCAL_DIR": (str(state_folder()), "default"),
    }
    return [
        {
            "name": name,
            "value": value,
            "origin": "environment" if os.environ.get(name) else origin if value else "default",
            "secret": name in _SECRET,
        }
        for name, (value, origin) in told.items()
    ]


def remember(url: str, migration: str) -> None:
    """Makes this the migration that commands mean when none is named."""
    state_folder().mkdir(parents=True, exist_ok=True)
    (state_folder() / "cli.json").write_text(json.dumps({"app_url": url, "migration": migration}), "utf-8")


def remembered(url: str) -> str | None:
    """The migration of this app that was created or used last."""
    kept = _read(state_folder() / "cli.json")
    return str(kept["migration"]) if kept.get("app_url") == url and kept.get("migration") else None


def _read(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
