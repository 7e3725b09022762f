"""Bringing the reports of a migration to this machine, where only this user reads them."""

from pathlib import Path
from typing import Any, Final

from cli.client import Api
from cli.errors import misuse
from cli.place import state_folder

FORMATS: Final = ("html", "csv", "json")


def reports_folder(migration: str) -> Path:
    """Where a migration's reports are put when no other folder is named."""
    return state_folder() / "reports" / migration


def listed(api: Api, migration: str) -> list[dict[str, Any]]:
    """The reports that exist: name, formats, when made."""
    answer = api.get(f"/migrations/{migration}/reports")
    return list(answer["reports"] if isinstance(answer, dict) else answer)


def fetch(
    api: Api, migration: str, folder: Path, name: str | None = None, format: str | None = None
) -> dict[str, Path]:
    """Downloads one report or all of them, in one format or in all; returns the place of each by name.

    The place is that of the form people read. Raises misuse for a report that does not exist (yet).
    """
    places: dict[str, Path] = {}
    known = listed(api, migration)
    wanted = [report for report in known if name in (None, report["name"])]
    if name and not wanted:
        names = ", ".join(report["name"] for report in known) or "none yet"
        raise misuse(f"There is no report called {name}.", f"Reports of {migration}: {names}")
    for report in wanted:
        formats = [one for one in FORMATS if one in report.get("formats", FORMATS) and format in (None, one)]
        if not formats:
            raise misuse(f"The report {report['name']} does not come as {format}.", f"Formats: {', '.join(FORMATS)}")
        for one in formats:
            target = folder / f"{report['name']}.{one}"
            api.download(f"/migrations/{migration}/reports/{report['name']}.{one}", target)
            places.setdefault(report["name"], target)
    return places
