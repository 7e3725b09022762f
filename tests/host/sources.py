"""Apps that Azure takes or refuses: (id, source of function_app.py, refused with these words or None)."""

HEAD = """
import typing
import azure.functions as func
import azure.durable_functions as df
app = df.DFApp()
"""


def activity(annotation: str) -> str:
    return f'{HEAD}\n@app.activity_trigger(input_name="x")\ndef act(x: {annotation}):\n    return x\n'


def endpoint(annotation: str) -> str:
    return f'{HEAD}\n@app.route(route="x")\nasync def web(req: func.HttpRequest) -> {annotation}:\n    ...\n'


NON_TYPE = "non-type annotation"
RETURN = "return annotation"

SOURCES: list[tuple[str, str, str | None]] = [
    *((f"activity {a}", activity(a), None) for a in ("dict", "str", "int", '"dict"', "typing.Any")),
    *((f"activity {a}", activity(a), None) for a in ("typing.Dict[str, int]", "typing.List[int]")),
    *((f"activity {a}", activity(a), NON_TYPE) for a in ("dict | None", "typing.Optional[dict]", "dict[str, int]")),
    *((f"activity {a}", activity(a), NON_TYPE) for a in ("list[int]", "typing.Tuple[int, int]")),
    ("activity unknown name", activity('"NoSuchThing"'), "unknown: "),
    *((f"http {a}", endpoint(a), None) for a in ("func.HttpResponse", "str")),
    *((f"http {a}", endpoint(a), RETURN) for a in ("dict", "func.HttpResponse | None", "typing.Optional[str]")),
    (
        "request of another type",
        f'{HEAD}\n@app.route(route="x")\nasync def web(req: dict) -> str:\n    ...\n',
        "does not fit",
    ),
    (
        "parameter without binding",
        f'{HEAD}\n@app.activity_trigger(input_name="x")\ndef act(x, y):\n    ...\n',
        "parameters without a binding: y",
    ),
    (
        "binding without parameter",
        f'{HEAD}\n@app.activity_trigger(input_name="x")\ndef act(z):\n    ...\n',
        "parameters without a binding: z",
    ),
    (
        "orchestrator context of another name",
        f'{HEAD}\n@app.orchestration_trigger(context_name="ctx")\ndef flow(ctx):\n    ...\n',
        "context_name has to be",
    ),
    (
        "context of another type",
        f'{HEAD}\n@app.route(route="x")\nasync def web(req: func.HttpRequest, context: dict) -> str:\n    ...\n',
        '"context" has to be',
    ),
    (
        "context",
        f'{HEAD}\n@app.route(route="x")\nasync def web(req: func.HttpRequest, context: func.Context) -> str:\n    ...\n',
        None,
    ),
    (
        "client",
        f'{HEAD}\n@app.route(route="x")\n@app.durable_client_input(client_name="client")\n'
        "async def web(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> str:\n    ...\n",
        None,
    ),
    (
        "two functions of one name",
        f'{HEAD}\n@app.activity_trigger(input_name="x")\ndef act(x):\n    ...\n'
        '\n@app.function_name("act")\n@app.activity_trigger(input_name="x")\ndef other(x):\n    ...\n',
        "act",
    ),
    ("two apps", f"{HEAD}\nother = df.DFApp()\n", "one top level function app"),
    ("no app", "import azure.functions", "one top level function app"),
    (
        "timer",
        f'{HEAD}\n@app.timer_trigger(arg_name="t", schedule="0 0 0 * * *")\n'
        "def tick(t: func.TimerRequest) -> None:\n    ...\n",
        None,
    ),
]

IDS = [name for name, _, _ in SOURCES]
