"""Steps: checked, started as an orchestration, and followed."""

from dataclasses import asdict

import azure.durable_functions as df
import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field

from activities import jobs
from ledger.states import now
from services import steps
from services.access import StepError, need_of, storage
from services.pauses import held_back
from services.preview import preview
from triggers.api import answer, body_of, endpoint, operator_of, require


class StepOptions(BaseModel):
    """What a step may be told. ``target``: the target's name, typed by the operator, for a run; ``patients``: the most that a sample
    takes.

    For a rollback: ``runs`` "all", "last" or a run's id; ``later``: with the runs after that one. For a retry: ``objects``
    and ``causes``, to take up these exceptions alone.
    """

    model_config = ConfigDict(extra="forbid")

    by: str | None = None
    target: str | None = None
    runs: str = "all"
    force: bool = False
    later: bool = False
    preview: bool = False
    remove_solution: bool = False
    pause_percent: float | None = Field(default=None, ge=0, le=100)
    patients: int | None = Field(default=None, ge=50, le=100)
    objects: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()


@endpoint("work")
async def start_step(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """POST /migrations/{id}/steps/{step}: 202 with where to look, or 409 with the reason."""
    step, migration = req.route_params["step"], req.route_params["id"]
    steps.known(step)
    options, store = body_of(req, StepOptions), await storage()
    if options.preview:
        if step != "rollback":
            raise StepError("bad_request", "Only a rollback can be previewed.", "plan shows what a run would do.")
        return answer(await preview(store, migration, options.runs, force=options.force, later=options.later))
    require(req, need_of(step))
    asked = steps.Asked(**options.model_dump(exclude={"by", "preview"}))
    run = await steps.start(store, client, migration, step, operator_of(req, options.by), asked)
    return answer({"run": run.id, "status_url": f"/api/migrations/{migration}/runs/{run.id}"}, 202)


class Stop(BaseModel):
    """A person stops a run."""

    model_config = ConfigDict(extra="forbid")

    by: str | None = None


@endpoint("work")
async def stop_run(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """POST /migrations/{id}/runs/{run}/stop: 202; the run ends as ``stopped`` after the batches under way."""
    migration, by = req.route_params["id"], operator_of(req, body_of(req, Stop).by)
    run = await steps.stop(await storage(), client, migration, req.route_params["run"], by)
    return answer({"run": run.id, "status_url": f"/api/migrations/{migration}/runs/{run.id}"}, 202)


@endpoint("read")
async def get_run(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """GET /migrations/{id}/runs/{run}"""
    store = await storage()
    run = await steps.follow(store, client, req.route_params["id"], req.route_params["run"])
    error = await jobs.optional_document(store, run.migration, f"error-{run.id}.json", None)
    held = await held_back(store, run)
    return answer(
        {
            "id": run.id,
            "kind": run.kind,
            "state": run.state,
            "message": run.message,
            "stop_by": run.stop_by,
            "waiting_until": run.waiting_until,
            "held_back": asdict(held) | {"words": held.words} if held else None,
            "error": error,
            "progress": await steps.progress(store, run),
            "seconds": round(((run.ended or now()) - run.started).total_seconds(), 1),
            "counts": run.counts,
        }
    )
