"""Visits to the console without a browser: who comes, what is asked, what a form of ours sends."""

from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlencode

import azure.functions as func

from console import csrf, door
from ledger.storage import Storage

HERE: Final = "http://127.0.0.1:7071"
AZURE: Final = "https://carryover.azurewebsites.net"
BROWSER: Final = "0123456789abcdef0123456789abcdef"


class Client:
    """A durable client that starts nothing."""

    async def start_new(self, name: str, instance: str, given: Any) -> str:
        return instance

    async def get_status(self, instance: str) -> Any:
        return SimpleNamespace(runtime_status=None, custom_status=None)


async def ask(
    method: str, place: str, headers: dict[str, str] | None = None, *, at: str = HERE, form: dict[str, Any] | None = None,
    **params: Any,
) -> func.HttpResponse:  # fmt: skip
    """A request to the console."""
    url = f"{at}/console/{place}"
    body = urlencode(form or {}, doseq=True).encode()
    request = func.HttpRequest(method, url, headers=headers or {}, params=params, route_params={}, body=body)
    return await door.serve(request, Client())


async def send(
    store: Storage,
    place: str,
    headers: dict[str, str],
    *,
    at: str = AZURE,
    name: str = "ann@clinic.example",
    **form: Any,
) -> func.HttpResponse:
    """A form as our own page sends it."""
    key = await csrf.key_of(store)
    token = csrf.sign(key, "form", f"id of {name}", BROWSER, f"/console/{place}")
    sent = {**headers, "Origin": at, "Cookie": f"carryover={BROWSER}"}
    return await ask("POST", place, sent, at=at, form={"token": token, **form})


def text(answer: func.HttpResponse) -> str:
    return answer.get_body().decode(errors="replace")
