"""Calls an app's functions the way the Python worker does, through the library's own converters."""

import asyncio
import contextvars
import threading
import uuid
from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any

import azure.functions as func
from azure.functions import durable_functions, http, meta, timer

from local.host.load import Function


class InvocationContext(func.Context):
    """What a parameter `context: func.Context` gets."""

    def __init__(self, function: Function, folder: str) -> None:
        self._invocation_id = uuid.uuid4().hex
        self._name = function.name
        self._folder = folder
        self._storage = threading.local()

    @property
    def invocation_id(self) -> str:
        return self._invocation_id

    @property
    def thread_local_storage(self) -> Any:
        return self._storage

    @property
    def function_name(self) -> str:
        return self._name

    @property
    def function_directory(self) -> str:
        return self._folder

    @property
    def trace_context(self) -> Any:
        return None

    @property
    def retry_context(self) -> Any:
        return None


class Invoker:
    """Calls functions: async ones on the running loop, sync ones on `threads`."""

    def __init__(self, folder: str, client: str, threads: Executor | None) -> None:
        self._folder = folder
        self._client = client  # the durable client's binding, as the JSON text that the SDK reads
        self._threads = threads

    async def call(self, function: Function, value: Any) -> Any:
        arguments: dict[str, Any] = {function.parameter: value}
        arguments.update(dict.fromkeys(function.clients, self._client))
        if function.takes_context:
            arguments["context"] = InvocationContext(function, self._folder)
        if function.is_async:
            return await function.call(**arguments)
        run = contextvars.copy_context().run
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: run(function.call, **arguments))

    async def activity(self, function: Function, text: str) -> str:
        """Runs an activity: JSON text in, JSON text out."""
        datum = meta.Datum(text, "string")
        value = durable_functions.ActivityTriggerConverter.decode(datum, trigger_metadata=None)
        result = await self.call(function, value)
        encoded = durable_functions.ActivityTriggerConverter.encode(result, expected_type=None)
        return str(encoded.value)

    async def timer(self, function: Function, info: str) -> None:
        """Runs a timer trigger; `info` is the trigger's JSON text."""
        value = timer.TimerRequestConverter.decode(meta.Datum(info, "json"), trigger_metadata=None)
        await self.call(function, value)

    async def http(self, function: Function, request: Mapping[str, Any]) -> Any:
        """Runs an HTTP trigger; gives the answer's Datum (types `http` or `string`), or None for no content."""
        datum = meta.Datum(
            {
                "method": meta.Datum(request["method"], "string"),
                "url": meta.Datum(request["url"], "string"),
                "headers": {k: meta.Datum(v, "string") for k, v in request["headers"].items()},
                "query": {k: meta.Datum(v, "string") for k, v in request["query"].items()},
                "params": {k: meta.Datum(v, "string") for k, v in request["params"].items()},
                "body": meta.Datum(request["body"], "bytes"),
            },
            "http",
        )
        value = http.HttpRequestConverter.decode(datum, trigger_metadata=None)
        result = await self.call(function, value)
        return None if result is None else http.HttpResponseConverter.encode(result, expected_type=None)
