"""Loads ``function_app.py`` as the Python worker of Azure Functions does, and sorts its functions."""

import importlib
import inspect
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from azure.functions.decorators.function_app import FunctionRegister

from local.host.checks import LoadError, check_function

__all__ = ["App", "Function", "HostJson", "LoadError", "load_app", "read_host_json", "setting_text"]


@dataclass(frozen=True)
class Function:
    """One indexed function: `trigger` is its trigger's binding JSON, `clients` its durable client parameters."""

    name: str
    call: Callable[..., Any]
    trigger: Mapping[str, Any]
    clients: tuple[str, ...]
    takes_context: bool

    @property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.call)

    @property
    def parameter(self) -> str:
        """The name of the trigger's parameter."""
        return str(self.trigger["name"])


@dataclass
class App:
    """An app's functions by kind; orchestrators and activities by the lower-case name that calls use."""

    http: list[Function] = field(default_factory=list)
    timers: list[Function] = field(default_factory=list)
    orchestrators: dict[str, Function] = field(default_factory=dict)
    activities: dict[str, Function] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.http) + len(self.timers) + len(self.orchestrators) + len(self.activities)


@dataclass(frozen=True)
class HostJson:
    """The settings of host.json that this host heeds."""

    route_prefix: str = "api"
    hub: str = "TestHubName"


def read_host_json(folder: Path) -> HostJson:
    """Reads DIR/host.json; the defaults of Azure where it says nothing."""
    path = folder / "host.json"
    extensions = json.loads(path.read_text("utf-8")).get("extensions", {}) if path.is_file() else {}
    hub = extensions.get("durableTask", {}).get("hubName", HostJson.hub)
    return HostJson(
        route_prefix=extensions.get("http", {}).get("routePrefix", HostJson.route_prefix).strip("/"),
        hub=setting_text(hub, "host.json hubName"),
    )


def setting_text(text: str, where: str) -> str:
    """Replaces %NAME% by the app setting (environment variable) NAME. Raises `LoadError` when it is not set."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in os.environ:
            raise LoadError(f"{where}: '%{name}%' does not resolve to a value; set {name}")
        return os.environ[name]

    return re.sub(r"%([^%\s]+)%", value, text)


def load_app(folder: Path) -> App:
    """Imports DIR/function_app.py and indexes its one app object. Raises `LoadError` for what Azure refuses too.

    The folder becomes the working directory and the first place of imports, as in Azure.
    """
    folder = folder.resolve()
    if not (folder / "function_app.py").is_file():
        raise LoadError(f"no function_app.py in {folder}")
    os.chdir(folder)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        module = importlib.import_module("function_app")
    except ValueError as error:
        raise LoadError(str(error)) from error  # a setting that the app cannot use, in its own words
    apps = [value for value in vars(module).values() if isinstance(value, FunctionRegister)]
    if len(apps) != 1:
        raise LoadError(f"function_app.py has to have one top level function app, not {len(apps)}")
    try:
        functions = apps[0].get_functions()
    except ValueError as error:
        raise LoadError(str(error)) from error
    app = App()
    for function in functions:
        _add(app, function)
    return app


def _add(app: App, indexed: Any) -> None:
    name = indexed.get_function_name()
    call = indexed.get_user_function()
    trigger = json.loads(next(b for b in indexed.get_raw_bindings() if json.loads(b)["type"].endswith("Trigger")))
    kind = trigger["type"]
    if kind == "entityTrigger":
        raise LoadError(f"{name}: entities are not supported by the local Functions host")
    takes_context = check_function(name, call, indexed.get_bindings())
    clients = tuple(b.name for b in indexed.get_bindings() if b.type == "durableClient")
    function = Function(name, call, trigger, clients, takes_context)
    if kind == "httpTrigger":
        app.http.append(function)
    elif kind == "timerTrigger":
        app.timers.append(function)
    elif kind == "orchestrationTrigger":
        _add_named(app.orchestrators, trigger.get("orchestration") or name, function)
    elif kind == "activityTrigger":
        _add_named(app.activities, trigger.get("activity") or name, function)
    else:
        raise LoadError(f"{name}: {kind} is not supported by the local Functions host")


def _add_named(known: dict[str, Function], name: str, function: Function) -> None:
    if name.startswith("@"):
        raise LoadError(f"{name}: orchestrator and activity names must not begin with '@'")
    if name.lower() in known:
        raise LoadError(f"two functions are called {name}")
    known[name.lower()] = function
