"""Exports of the sample clinic for the tests of the whole road."""

import csv
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.system import PYTHON, ROOT

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Export:
    """An export's folder, the target's users that go with it, and what a faithful migration must count."""

    folder: Path
    users: Path
    manifest: dict[str, Any]

    def rows(self, name: str) -> list[Row]:
        """The rows of one CSV of the export."""
        with (self.folder / name).open(newline="", encoding="utf-8-sig") as file:
            return list(csv.DictReader(file))

    def locations(self) -> list[dict[str, Any]]:
        """The locations of the export."""
        return list(json.loads((self.folder / "locations.json").read_text("utf-8"))["data"])

    def change(self, name: str, change: Callable[[list[Row]], list[Row] | None]) -> None:
        """Rewrites one CSV of the export: ``change`` edits its rows in place or returns others."""
        path = self.folder / name
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns, rows = list(reader.fieldnames or []), list(reader)
        changed = change(rows)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows if changed is None else changed)


def make_export(place: Path, patients: int, *, seed: int = 1, day: int = 1) -> Export:
    """The export of that many patients; ``place`` gets the folder and, beside it, users and manifest."""
    place.mkdir(parents=True, exist_ok=True)
    folder, users, manifest = place / "clinic", place / "users.json", place / "manifest.json"
    command = [PYTHON, "-m", "local.clinic", "--patients", str(patients), "--seed", str(seed), "--day", str(day)]
    command += ["--out", str(folder), "--users", str(users), "--manifest", str(manifest)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return Export(folder, users, json.loads(manifest.read_text()))
