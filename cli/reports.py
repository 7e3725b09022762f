"""Bringing the reports of a migration to this machine, where only this user reads them."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from cli import place
from cli.client import Api
from cli.errors import misuse
from cli.place import state_folder

#: What patients' values may be seen for: the names of ``services.reveal``.
Purpose = Literal["sample", "map", "exception", "conflict", "documents", "billing", "records"]
RevealOption = Annotated[
    Purpose | None,
    typer.Option("--reveal", help="Show patients' values, which are masked; says what for, and is noted by name."),
]

FORMATS: Final = ("html", "pdf", "csv", "json")
#: What the claims export is called among the reports: files for the billing system, in a folder of their own.
CLAIMS: Final = "claims"


def reports_folder(migration: str) -> Path:
    """Where a migration's reports are put when no other folder is named."""
    return state_folder() / "reports" / migration


def revealing(purpose: Purpose | None) -> dict[str, str]:
    """The parameters that ask for values unmasked, by name and with the purpose; none without one."""
    return {"reveal": purpose, "by": place.operator()} if purpose else {}


def listed(api: Api, migration: str) -> list[dict[str, Any]]:
    """The reports that exist: name, formats, when made."""
    answer = api.get(f"/migrations/{migration}/reports")
    return list(answer["reports"] if isinstance(answer, dict) else answer)


def fetch(
    api: Api,
    migration: str,
    folder: Path,
    name: str | None = None,
    format: str | None = None,
    reveal: dict[str, str] | None = None,
) -> dict[str, Path]:
    """Downloads one report or all of them, in one format or in all; returns the place of each by name.

    Patients' values are masked unless ``reveal`` (of ``revealing``) says what for; the claims export, which is all values,
    comes only then. The place is that of the form people read. Raises misuse for a report that does not exist (yet).
    """
    places: dict[str, Path] = {}
    known = listed(api, migration)
    claims = api.get(f"/migrations/{migration}/claims")["claims"]
    names = [report["name"] for report in known] + [CLAIMS] * bool(claims)
    if name == CLAIMS and claims and not reveal:
        raise misuse("The claims export is all values of patients.", "Say what for: --reveal billing")
    if name and name not in names:
        raise misuse(f"There is no report called {name}.", f"Reports of {migration}: {', '.join(names) or 'none yet'}")
    for report in (one for one in known if name in (None, one["name"])):
        formats = [one for one in FORMATS if one in report["formats"] and format in (None, one)]
        if name and not formats:
            raise misuse(f"The report {name} does not come as {format}.", f"Formats: {', '.join(report['formats'])}")
        for one in formats:
            target = folder / f"{report['name']}.{one}"
            api.download(f"/migrations/{migration}/reports/{report['name']}.{one}", target, **(reveal or {}))
            places.setdefault(report["name"], target)
    if claims and name in (None, CLAIMS):
        places |= fetch_claims(api, migration, folder, reveal) if reveal else {}
    return places


def fetch_claims(api: Api, migration: str, folder: Path, reveal: dict[str, str]) -> dict[str, Path]:
    """Downloads the latest claims export whole, each file as it is; returns the place of the claims themselves, if any."""
    files = api.get(f"/migrations/{migration}/claims")["claims"]
    for name in (one["name"] for one in files if one["run"] == files[0]["run"]):
        path = f"/migrations/{migration}/claims/{files[0]['run']}/{name}"
        api.download(path, folder / CLAIMS / name, **reveal)
    return {CLAIMS: folder / CLAIMS / "claims.csv"} if files else {}
