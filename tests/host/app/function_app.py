# mypy: disable-error-code="untyped-decorator, type-arg, no-any-return"
"""A small app that uses everything the local host says it can do."""

import asyncio
import json
import os
import time
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
bp = df.Blueprint()

Flow = Generator[Any, Any, Any]


def note(name: str, text: str) -> None:
    """Appends a line to a file the tests read: proof that an activity ran, and where."""
    with (Path(os.environ["TEST_NOTES"]) / name).open("a") as file:
        file.write(f"{text}\n")


def reply(value: Any, status: int = 200) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(value), status_code=status, mimetype="application/json")


# -- HTTP ------------------------------------------------------------------------------------------


@app.route(route="start/{name}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    body = req.get_body()
    token = json.loads(body) if body else None
    instance_id = await client.start_new(req.route_params["name"], req.params.get("id"), token)
    return client.create_check_status_response(req, instance_id)


@app.route(route="client/{operation}/{id?}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def use_client(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    operation, instance_id = req.route_params["operation"], req.route_params.get("id", "")
    try:
        if operation == "status":
            status = await client.get_status(instance_id, show_history=True, show_history_output=True)
            return reply(status.to_json() | {"events": getattr(status, "historyEvents", None)} if status else None)
        if operation == "list":
            found = await client.get_status_by(
                runtime_status=[df.OrchestrationRuntimeStatus.Completed], instance_id_prefix=instance_id
            )
            return reply([status.instance_id for status in found])
        if operation == "purge":
            return reply((await client.purge_instance_history(instance_id)).instances_deleted)
        if operation == "raise_event":
            await client.raise_event(instance_id, "approve", {"by": "ann"})
        else:
            await getattr(client, operation)(instance_id, "because")
    except Exception as error:
        return reply({"error": str(error)}, 502)
    return reply("done")


@app.route(route="echo/{word}/{number:int?}", auth_level=func.AuthLevel.ANONYMOUS)
async def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    body = {
        "method": req.method,
        "params": dict(req.route_params),
        "query": dict(req.params),
        "size": len(req.get_body()),
        "identity": req.headers.get("X-MS-CLIENT-PRINCIPAL"),
        "function": context.function_name,
    }
    answer = reply(body)
    answer.headers.add("Set-Cookie", "a=1; Path=/")
    return answer


@app.route(route="echo/fixed", auth_level=func.AuthLevel.ANONYMOUS)
def echo_fixed(req: func.HttpRequest) -> str:
    return "the literal route"


@app.route(route="rest/{*path}", auth_level=func.AuthLevel.ANONYMOUS, methods=["PUT"])
async def rest(req: func.HttpRequest) -> func.HttpResponse:
    return reply({"path": req.route_params.get("path"), "size": len(req.get_body())}, 201)


@app.route(route="admin-only", auth_level=func.AuthLevel.ADMIN)
async def admin_only(req: func.HttpRequest) -> str:
    return "yes"


@app.route(route="broken", auth_level=func.AuthLevel.ANONYMOUS)
async def broken(req: func.HttpRequest) -> str:
    raise RuntimeError("a secret that must not be logged")


# -- timers ----------------------------------------------------------------------------------------


@app.timer_trigger(arg_name="timer", schedule="%TEST_SCHEDULE%")
def tick(timer: func.TimerRequest) -> None:
    note("tick", "late" if timer.past_due else "on time")


@app.timer_trigger(arg_name="timer", schedule="0 0 3 1 1 *", run_on_startup=True)
@app.durable_client_input(client_name="client")
async def at_start(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:
    note("at_start", await client.start_new("one", "started-by-timer", {"n": 1}))


# -- orchestrators ---------------------------------------------------------------------------------


@bp.orchestration_trigger(context_name="context")
def one(context: df.DurableOrchestrationContext) -> Flow:
    return (yield context.call_activity("square", context.get_input()))


@bp.orchestration_trigger(context_name="context")
def nothing(context: df.DurableOrchestrationContext) -> Any:
    return context.get_input()


@bp.orchestration_trigger(context_name="context")
def fan(context: df.DurableOrchestrationContext) -> Flow:
    n = context.get_input()["n"]
    squares = yield context.task_all([context.call_activity("square", {"n": i}) for i in range(n)])
    context.set_custom_status({"done": len(squares)})
    return sum(squares)


@bp.orchestration_trigger(context_name="context")
def retries(context: df.DurableOrchestrationContext) -> Flow:
    options = df.RetryOptions(50, 3)
    token = {"key": context.instance_id, "failures": 2}
    good = yield context.call_activity_with_retry("flaky", options, token)
    try:
        yield context.call_activity_with_retry("flaky", options, {"key": context.instance_id + "-x", "failures": 99})
    except Exception as error:
        after = yield context.call_activity("square", {"n": 4})
        return {"good": good, "error": str(error), "after": after}


@bp.orchestration_trigger(context_name="context")
def waits(context: df.DurableOrchestrationContext) -> Flow:
    begun = context.current_utc_datetime
    seconds = context.get_input()["seconds"]
    yield context.create_timer(begun + timedelta(seconds=seconds))
    return (context.current_utc_datetime - begun).total_seconds() >= seconds


@bp.orchestration_trigger(context_name="context")
def races(context: df.DurableOrchestrationContext) -> Flow:
    work = context.call_activity("square", {"n": 5})
    deadline = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    winner = yield context.task_any([work, deadline])
    if winner == work:
        deadline.cancel()
    return work.result


@bp.orchestration_trigger(context_name="context")
def parent(context: df.DurableOrchestrationContext) -> Flow:
    children = [context.call_sub_orchestrator("one", {"n": i}, f"{context.instance_id}-{i}") for i in range(3)]
    squares = yield context.task_all(children)
    nameless = yield context.call_sub_orchestrator("fan", {"n": 4})
    try:
        yield context.call_sub_orchestrator("fails", None)
    except Exception as error:
        caught = str(error)
    token = {"key": context.instance_id, "failures": 1}
    retried = yield context.call_sub_orchestrator_with_retry("flaky_child", df.RetryOptions(20, 3), token)
    return {"squares": squares, "nameless": nameless, "caught": caught, "retried": retried}


@bp.orchestration_trigger(context_name="context")
def flaky_child(context: df.DurableOrchestrationContext) -> Flow:
    return (yield context.call_activity("flaky", context.get_input()))


@bp.orchestration_trigger(context_name="context")
def fails(context: df.DurableOrchestrationContext) -> Flow:
    yield context.call_activity("square", {"n": 1})
    raise ValueError("no such luck")


@bp.orchestration_trigger(context_name="context")
def pages(context: df.DurableOrchestrationContext) -> Flow:
    state = context.get_input()
    value = yield context.call_activity("square", {"n": state["page"]})
    seen = [*state["seen"], value]
    if state["page"] == 4:
        return seen
    context.continue_as_new({"page": state["page"] + 1, "seen": seen})
    return None


@bp.orchestration_trigger(context_name="context")
def slow_chain(context: df.DurableOrchestrationContext) -> Flow:
    """Ten slow activities, one after the other, three of them side by side."""
    total = 0
    for i in range(5):
        parts = yield context.task_all(
            [context.call_activity("slow", {"key": context.instance_id, "n": f"{i}-{j}"}) for j in range(3)]
        )
        total += sum(parts)
    return total


@bp.orchestration_trigger(context_name="context")
def long_job(context: df.DurableOrchestrationContext) -> Flow:
    return (yield context.call_activity("sleep", {"key": context.instance_id, "seconds": 60}))


@bp.orchestration_trigger(context_name="context")
def holds(context: df.DurableOrchestrationContext) -> Flow:
    return (yield context.call_activity("hold", {"key": context.instance_id}))


@bp.orchestration_trigger(context_name="context")
def parent_of_long(context: df.DurableOrchestrationContext) -> Flow:
    yield context.call_sub_orchestrator("waits", {"seconds": 3600}, f"{context.instance_id}-child")


@bp.orchestration_trigger(context_name="context")
def dies(context: df.DurableOrchestrationContext) -> Flow:
    return (yield context.call_activity("die", {"key": context.instance_id, "times": context.get_input()["times"]}))


@bp.orchestration_trigger(context_name="context")
def twice(context: df.DurableOrchestrationContext) -> Flow:
    calls = [context.call_activity("count", {"key": context.instance_id, "n": i}) for i in range(context.get_input())]
    return (yield context.task_all(calls))


@bp.orchestration_trigger(context_name="context")
def heavy(context: df.DurableOrchestrationContext) -> Flow:
    context.set_custom_status("x" * 9_000)
    size = yield context.call_activity("size", "y" * 50_000)
    text = yield context.call_activity("repeat", 50_000)
    return size + len(text)


@bp.orchestration_trigger(context_name="context")
def forgets_a_timer(context: df.DurableOrchestrationContext) -> Flow:
    deadline = context.create_timer(context.current_utc_datetime + timedelta(seconds=0.3))
    yield context.task_any([context.call_activity("square", {"n": 1}), deadline])
    return "done"


@bp.orchestration_trigger(context_name="context")
def unknown_activity(context: df.DurableOrchestrationContext) -> Flow:
    yield context.call_activity("no_such_activity", 1)


@bp.orchestration_trigger(context_name="context")
def changing(context: df.DurableOrchestrationContext) -> Flow:
    """Not deterministic: what it calls depends on a file."""
    path = Path(os.environ["TEST_NOTES"]) / f"changing-{context.instance_id}"
    name = "size" if path.exists() else "square"
    path.touch()
    yield context.call_activity(name, {"n": 1})


@bp.orchestration_trigger(context_name="context")
def uses_event(context: df.DurableOrchestrationContext) -> Flow:
    yield context.wait_for_external_event("approve")


@bp.orchestration_trigger(context_name="context")
def uses_entity(context: df.DurableOrchestrationContext) -> Flow:
    yield context.call_entity(df.EntityId("Counter", "k"), "add", 1)


@bp.orchestration_trigger(context_name="context")
def uses_signal(context: df.DurableOrchestrationContext) -> Flow:
    context.signal_entity(df.EntityId("Counter", "k"), "add", 1)
    yield context.call_activity("square", {"n": 1})


@bp.orchestration_trigger(context_name="context")
def uses_http(context: df.DurableOrchestrationContext) -> Flow:
    yield context.call_http("GET", "http://127.0.0.1:9/")


# -- activities ------------------------------------------------------------------------------------


@bp.activity_trigger(input_name="payload")
async def square(payload: dict) -> int:
    return payload["n"] ** 2


@bp.activity_trigger(input_name="payload")
def flaky(payload: dict) -> str:
    path = Path(os.environ["TEST_NOTES"]) / f"flaky-{payload['key']}"
    with path.open("a") as file:
        file.write("x")
    tries = path.stat().st_size
    if tries <= payload["failures"]:
        raise ValueError(f"failure {tries}")
    return f"after {tries}"


@bp.activity_trigger(input_name="payload")
async def slow(payload: dict) -> int:
    note(f"slow-{payload['key']}", payload["n"])
    await asyncio.sleep(0.15)
    return 1


@bp.activity_trigger(input_name="payload")
def sleep(payload: dict) -> None:
    note(f"sleep-{payload['key']}", str(os.getpid()))
    time.sleep(payload["seconds"])


@bp.activity_trigger(input_name="payload")
async def hold(payload: dict) -> int:
    note(f"hold-{payload['key']}", str(os.getpid()))
    while not (Path(os.environ["TEST_NOTES"]) / f"go-{payload['key']}").exists():  # noqa: ASYNC110 - a file has no event
        await asyncio.sleep(0.02)
    note(f"held-{payload['key']}", str(os.getpid()))
    return os.getpid()


@bp.activity_trigger(input_name="payload")
def die(payload: dict) -> int:
    note(f"die-{payload['key']}", str(os.getpid()))
    lives = (Path(os.environ["TEST_NOTES"]) / f"die-{payload['key']}").read_text().count("\n")
    if lives <= payload["times"]:
        os._exit(3)
    return lives


@bp.activity_trigger(input_name="payload")
async def count(payload: dict) -> int:
    note(f"count-{payload['key']}", f"{payload['n']} {os.getpid()}")
    await asyncio.sleep(0.1)
    return os.getpid()


@bp.activity_trigger(input_name="payload")
def repeat(payload: int) -> str:
    return "z" * payload


@bp.activity_trigger(input_name="payload")
def size(payload: str) -> int:
    return len(payload)


app.register_functions(bp)
