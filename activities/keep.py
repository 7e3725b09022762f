"""Keeping a report where people and programs fetch it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from activities.resources import workplace
from ledger import paths
from ledger.storage import Storage
from reports.masking import masked
from reports.model import Report
from reports.render import FORMS, write


async def keep_report(store: Storage, report: Report) -> None:
    """Write a report in its three forms, over an older one of that name; one with patients' values masked, too.

    Its rows may be very many: they go through a file, and are never held.
    """
    hidden = masked(report)
    async with workplace("report") as folder:
        await _keep(store, report, folder, paths.report)
        if hidden is not None:
            await _keep(store, hidden, folder, paths.masked_report)


async def _keep(store: Storage, report: Report, folder: Path, place: Callable[[str, str, str], str]) -> None:
    for form in FORMS:
        file = folder / form
        await asyncio.to_thread(_write, report, form, file)
        await store.upload("reports", place(report.migration, report.name, form), file)


def _write(report: Report, form: str, file: Path) -> None:
    with file.open("wb") as out:
        write(report, form, out)
