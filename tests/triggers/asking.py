"""Requests to the API's handlers, each by its name."""

from typing import Any, Final

import azure.functions as func
import orjson

from triggers import DURABLE, ENDPOINTS

#: Handlers by the name of their function.
HANDLERS: Final = {one[0]: one for one in (*ENDPOINTS, *DURABLE)}


class Client:
    """A durable client that starts nothing, and says that what was started still runs."""

    def __init__(self) -> None:
        self.started: list[str] = []

    async def start_new(self, name: str, instance: str, given: Any) -> str:
        self.started.append(instance)
        return instance

    async def get_status(self, instance: str) -> Any:
        return None


async def ask(
    handler: str,
    body: Any = None,
    /,
    *,
    headers: dict[str, str] | None = None,
    params: dict[str, str] | None = None,
    **parts: str,
) -> tuple[int, Any]:
    """The status and the JSON of an answer; ``parts`` are those that the route names."""
    answer = await whole(handler, body, headers=headers, params=params, **parts)
    content = answer.get_body()
    return answer.status_code, orjson.loads(content) if answer.mimetype == "application/json" else content


async def whole(
    handler: str,
    body: Any = None,
    /,
    *,
    headers: dict[str, str] | None = None,
    params: dict[str, str] | None = None,
    **parts: str,
) -> func.HttpResponse:
    """An answer with its headers."""
    _, method, route, answering = HANDLERS[handler]
    request = func.HttpRequest(
        method,
        f"https://carryover.azurewebsites.net/api/{route}",
        headers=headers or {},
        params=params or {},
        route_params=parts,
        body=b"" if body is None else orjson.dumps(body),
    )
    durable = [Client()] if any(one[0] == handler for one in DURABLE) else []
    answer: func.HttpResponse = await answering(request, *durable)
    return answer
