"""Steps: checked, started as an orchestration, and followed."""

from typing import Any, Literal

import azure.durable_functions as df
import azure.functions as func
from pydantic import BaseModel, ConfigDict

from activities import jobs
from activities.errors import StepError
from activities.resources import storage
from activities.rollback import to_undo
from activities.tally import plan_summary
from ledger import migrations
from ledger.states import KIND_OF, Run, now
from ledger.storage import Storage
from mapping.objects import LOAD_ORDER
from orchestrators import FLOWS
from triggers.api import answer, body_of, endpoint, operator_of


class StepOptions(BaseModel):
    """What a step may be told. ``target``: the target's name, typed by the operator, for a run."""

    model_config = ConfigDict(extra="forbid")

    by: str | None = None
    target: str | None = None
    runs: Literal["all", "last"] = "all"
    force: bool = False
    preview: bool = False
    pause_percent: float | None = None


@endpoint
async def start_step(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """POST /migrations/{id}/steps/{step}: 202 with where to look, or 409 with the reason."""
    step, migration = req.route_params["step"], req.route_params["id"]
    if step not in FLOWS:
        raise StepError("not_found", f"There is no step {step!r}.", f"Steps: {', '.join(FLOWS)}.")
    options = body_of(req, StepOptions)
    store = await storage()
    if options.preview:
        if step != "rollback":
            raise StepError("bad_request", "Only a rollback can be previewed.", "plan shows what a run would do.")
        return answer(await preview(store, migration, options.runs, force=options.force))
    if step in ("run", "retry"):
        await _target_typed(store, migration, options.target)
    told: dict[str, Any] = {"runs": options.runs, "force": options.force}
    if options.pause_percent is not None:
        told["pause_percent"] = options.pause_percent
    kind = KIND_OF[step]
    run = await migrations.begin_run(store, migration, kind, by=operator_of(req, options.by), options=told)
    await start_run(client, run)
    return answer({"run": run.id, "status_url": f"/api/migrations/{migration}/runs/{run.id}"}, 202)


def instance_of(run: Run) -> str:
    """The orchestration instance of a run."""
    return f"{run.migration}-{run.id}"


async def start_run(client: Any, run: Run) -> None:
    """Start the orchestration of a run that has begun."""
    step = next(step for step, kind in KIND_OF.items() if kind == run.kind)
    await client.start_new(FLOWS[step], instance_of(run), {"migration": run.migration, "run": run.id})


async def _target_typed(store: Storage, migration: str, typed: str | None) -> None:
    """A full run names its target: nobody writes to the wrong environment by habit."""
    limits = await jobs.optional_document(store, migration, "limits.json", {"target_name": ""})
    one = await migrations.load(store, migration)
    if migrations.gate(one, "run") is None and typed != limits["target_name"]:
        raise StepError(
            "wrong_target",
            f"The target is {limits['target_name']!r}; that is not the name you typed.",
            "Type the target's name to start the full run.",
        )


async def preview(store: Storage, migration: str, runs: str, *, force: bool = False) -> dict[str, Any]:
    """What a rollback would take back, without doing it."""
    chosen = await to_undo(store, migration, await migrations.list_runs(store, migration), runs, force=force)
    counts: dict[str, dict[str, int]] = {}
    for run in chosen:
        for name in LOAD_ORDER:
            plan = await plan_summary(store, migration, run.id, name)
            for action, figures in (plan["actions"] if plan else {}).items():
                if action in ("create", "update", "join"):
                    one = counts.setdefault(name, {"delete": 0, "restore": 0})
                    one["delete" if action == "create" else "restore"] += figures["records"]
    total = sum(sum(one.values()) for one in counts.values())
    return {
        "preview": True,
        "runs": [run.id for run in chosen],
        "objects": counts,
        "message": f"{total:,} operations would be taken back. Rows that others changed since are kept and listed.",
    }


@endpoint
async def get_run(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """GET /migrations/{id}/runs/{run}"""
    store = await storage()
    run = await migrations.load_run(store, req.route_params["id"], req.route_params["run"])
    if run.state == "running" and run.parent is None:
        run = await reconciled(store, client, run)
    error = await jobs.optional_document(store, run.migration, f"error-{run.id}.json", None)
    return answer(
        {
            "id": run.id,
            "kind": run.kind,
            "state": run.state,
            "message": run.message,
            "error": error,
            "progress": await _progress(store, run),
            "seconds": round(((run.ended or now()) - run.started).total_seconds(), 1),
            "counts": run.counts,
        }
    )


async def reconciled(store: Storage, client: Any, run: Run) -> Run:
    """A run whose orchestration was never started (a crash in between) is started; one that died is ended by name."""
    status = await client.get_status(instance_of(run))
    if not status or status.runtime_status is None:
        await start_run(client, run)
    elif status.runtime_status.name in ("Failed", "Terminated", "Canceled"):
        return await migrations.end_run(
            store,
            run.migration,
            run.id,
            "failed",
            message="The orchestration ended before the run did.",
            error="internal",
        )
    return run


async def _progress(store: Storage, run: Run) -> dict[str, dict[str, int]]:
    """Records done so far, by object, and how many the plan has."""
    runs = [run.id]
    if run.kind == "sample":
        runs += [one.id for one in await migrations.list_runs(store, run.migration) if one.parent == run.id]
    found: dict[str, dict[str, int]] = {}
    for one in runs:
        for chunk in await jobs.all_ended(store, run.migration, one):
            entry = found.setdefault(chunk.object, {"done": 0, "total": 0, "excepted": 0})
            entry["done"] += chunk.done
            entry["excepted"] += chunk.excepted
    if run.kind in ("migrate", "delta", "retry"):
        for name in LOAD_ORDER:
            plan = await plan_summary(store, run.migration, run.id, name)
            if plan and name in found:
                found[name]["total"] = sum(
                    figures["records"]
                    for action, figures in plan["actions"].items()
                    if action in ("create", "update", "join")
                )
    return found
