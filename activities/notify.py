"""Telling people that a run ended, or that their decision is needed: ids, states and counts, never a record."""

import logging
from typing import Any

import httpx

from ledger.migrations import Run
from settings import settings

log = logging.getLogger("carryover")


async def notify(run: Run, outcome: dict[str, Any], message: str = "") -> None:
    """Post the end of a run, or what it waits for (``message``), to the webhook of the settings.

    Nobody hearing it does not fail the run.
    """
    if not settings().webhook:
        return
    content = {
        "migration": run.migration,
        "run": run.id,
        "kind": run.kind,
        "state": run.state,
        "message": message or run.message,
        "counts": outcome.get("counts", {}),
    }
    try:
        async with httpx.AsyncClient(timeout=10) as client:
            (await client.post(settings().webhook, json=content)).raise_for_status()
    except httpx.HTTPError as error:
        log.warning("webhook was not told of %s %s: %s", run.migration, run.id, type(error).__name__)
