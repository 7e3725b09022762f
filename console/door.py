"""The console's door: finds the page, asks who is there and what they may do, and words every refusal."""

import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import azure.functions as func

from console import csrf, static
from console.pages import ROUTES
from console.render import render
from console.visit import HEADERS, Visit, cookie_of
from services.access import REFUSALS, Need, Refusal, StepError, admit, refusal_of, storage
from services.identity import Person, person_of

Handler = Callable[[Visit], Awaitable[func.HttpResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One address: the method, the path below /console, what it needs, and what answers."""

    method: str
    pattern: re.Pattern[str]
    need: Need
    handler: Handler


@cache
def routes() -> tuple[Route, ...]:
    """Every address of the console. ``{name}`` in a path stands for one part of it."""
    made = []
    for method, path, need, handler in ROUTES:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
        made.append(Route(method, re.compile(pattern), need, handler))  # type: ignore[arg-type]
    return tuple(made)


async def serve(request: func.HttpRequest, client: Any) -> func.HttpResponse:
    """Answer a request below /console."""
    path = urlsplit(request.url).path.removeprefix("/console").strip("/")
    if request.method == "GET" and (file := static.file(path)) is not None:
        return _safe(file)
    person = person_of(request.headers, request.url)
    try:
        return await _answer(request, client, admit(person, "read"), path)
    except REFUSALS as error:
        return _safe(_refused(request, refusal_of(error)))


async def _answer(request: func.HttpRequest, client: Any, person: Person, path: str) -> func.HttpResponse:
    store = await storage()
    browser = cookie_of(request, csrf.COOKIE)
    fresh = not re.fullmatch(r"[0-9a-f]{32}", browser)
    if fresh:
        browser = secrets.token_hex(16)
    visit = Visit(request, person, store, client, await csrf.key_of(store), browser)
    for route in routes():
        found = route.pattern.fullmatch(path)
        if found and route.method == request.method:
            visit.args = found.groupdict()
            _admit(visit, route)
            answer = _safe(await route.handler(visit))
            if fresh:
                answer.headers.add("Set-Cookie", csrf.cookie(csrf.COOKIE, browser, "/console"))
            return answer
    raise StepError("not_found", "There is no such page.", "Go to the list of migrations.")


def _admit(visit: Visit, route: Route) -> None:
    """Raise StepError for who may not, and for a form that was not sent by a page of ours."""
    admit(visit.person, route.need)
    if route.method == "GET":
        return
    given = visit.request.headers.get(csrf.HEADER, "") or visit.form(csrf.FIELD)
    proved = csrf.proves(visit.key, given, "form", visit.person.id, visit.browser, visit.path)
    if not (csrf.from_here(visit.request) and proved):
        raise StepError("stale_form", "This form is not from this sign-in.", "Load the page again, then send it.")


def _refused(request: func.HttpRequest, no: Refusal) -> func.HttpResponse:
    part = request.headers.get("hx-request") == "true"
    asked = request.method == "GET" and no.status == 401  # it is there to be read once somebody has signed in
    back = urlsplit(request.url).path if asked else _back(request)
    html = render("refused_part.html" if part else "refused.html", {"no": no, "back": back})
    return func.HttpResponse(html, status_code=no.status, mimetype="text/html")


def _back(request: func.HttpRequest) -> str:
    """The migration's page that the request was sent from; "" when it was none."""
    came, here = urlsplit(request.headers.get("referer", "")), urlsplit(request.url)
    known = came.netloc == here.netloc and came.path.startswith("/console/m/")
    return f"{came.path}?{came.query}".rstrip("?") if known else ""


def _safe(answer: func.HttpResponse) -> func.HttpResponse:
    for name, value in HEADERS.items():
        if name not in answer.headers:
            answer.headers[name] = value
    return answer
