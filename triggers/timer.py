"""The delta timer: while a migration's delta window is open, it picks up what changed in the source."""

import logging

import azure.durable_functions as df
import azure.functions as func

from ledger import migrations
from ledger.migrations import GateClosed
from services.access import storage
from services.steps import reconciled, start_run

log = logging.getLogger("carryover")


async def delta_timer(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:
    """Start a delta for every migration whose window is open and that is not busy.

    A run that began and whose orchestration was never started, since the app died in between, is started now: nobody
    watches a delta that a timer began, and the migration would stay busy with it.
    """
    store = await storage()
    for one in await migrations.list_all(store):
        if one.begun is not None:
            await reconciled(store, client, await migrations.load_run(store, one.id, one.begun.id))
        if one.delta_until is None or migrations.gate(one, "delta") is not None:
            continue
        try:
            run = await migrations.begin_run(store, one.id, "delta", by="timer")
        except GateClosed:
            continue  # somebody else was quicker; the next tick looks again
        await start_run(client, run)
        log.info("delta started: %s %s", one.id, run.id)
