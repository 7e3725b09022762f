"""Keeping a report where people and programs fetch it."""

from collections.abc import Awaitable
from typing import Protocol

from reports.model import Report
from reports.render import render


class Store(Protocol):
    """The part of the ledger's storage that reports need."""

    def put(self, container: str, name: str, data: bytes, /) -> Awaitable[bool]: ...


async def keep_report(store: Store, report: Report) -> None:
    """Write a report in its three forms, over an older one of that name."""
    for form, content in render(report).items():
        await store.put("reports", f"{report.migration}/{report.name}.{form}", content)
