"""Keeping a report where people and programs fetch it."""

from ledger import paths
from ledger.storage import Storage
from reports.masking import masked
from reports.model import Report
from reports.render import render


async def keep_report(store: Storage, report: Report) -> None:
    """Write a report in its three forms, over an older one of that name; one with patients' values masked, too."""
    for form, content in render(report).items():
        await store.put("reports", paths.report(report.migration, report.name, form), content)
    hidden = masked(report)
    if hidden is not None:
        for form, content in render(hidden).items():
            await store.put("reports", paths.masked_report(report.migration, report.name, form), content)
