"""Writes the whole export, patient by patient."""

import json
import shutil
from pathlib import Path

from local.clinic.billing import add_billing
from local.clinic.changes import a_day_later, new_patients
from local.clinic.documents import add_documents, unfiled_documents
from local.clinic.entries import Chart
from local.clinic.manifest import Manifest
from local.clinic.patients import open_chart
from local.clinic.practice import Practice, build_practice, seed_users
from local.clinic.sessions import calendar_after
from local.clinic.times import exported
from local.clinic.visits import add_visits
from local.clinic.writers import ExportWriter


def write_export(patients: int, seed: int, out: Path, *, day: int = 1, users: Path | None = None) -> Manifest:
    """Writes the export of that day into ``out``, in place of what was there; returns what it holds.

    Args:
        patients: patients on the first day; later days register some more.
        users: where to write the users of the target system.

    Raises:
        ValueError: ``out`` holds something that is no export of this clinic.
    """
    _clear(out)
    practice = build_practice(patients, seed)
    manifest = Manifest()
    with ExportWriter(out, manifest) as writer:
        for entry in practice.entries:
            writer.write(entry)
        for number in range(patients + new_patients(patients, day)):
            chart = _chart(number, patients, seed, practice, day, manifest)
            for entry in chart.entries:
                writer.write(entry)
            for file in chart.files:
                writer.write_file(file)
            if number < patients:
                for entry in calendar_after(number, seed, practice, exported(1)):
                    writer.write(entry)
        for file in unfiled_documents():
            writer.write_file(file)
    if users:
        users.write_text(json.dumps(seed_users(practice), indent=1) + "\n", encoding="utf-8")
    return manifest


def _chart(number: int, patients: int, seed: int, practice: Practice, day: int, manifest: Manifest) -> Chart:
    """The patient's chart as it stands on that day; later days change what earlier ones left."""
    registered_on = 1 if number < patients else 2 + (number - patients) // max(1, new_patients(patients, 2))
    chart = open_chart(number, seed, practice, exported(registered_on))
    add_visits(chart, practice)
    add_billing(chart, practice)
    add_documents(chart)
    if registered_on == day and day > 1:
        for entry in chart.entries:
            manifest.changed("new", entry)
    for later in range(registered_on + 1, day + 1):
        a_day_later(chart, seed, later, practice, manifest)
    return chart


def _clear(out: Path) -> None:
    """Empties the folder of an earlier export; anything else in it is somebody's own."""
    if not out.exists():
        return
    if any(out.iterdir()) and not (out / "patients.csv").is_file():
        raise ValueError(f"{out} holds something else than an export of this clinic")
    shutil.rmtree(out)
