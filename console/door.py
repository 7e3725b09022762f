"""The console's door: finds the page, asks who is there and what they may do, and words every refusal."""

import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import azure.functions as func

from console import csrf, static
from console.pages import ROUTES
from console.render import render
from console.visit import HEADERS, Visit, cookie_of
from services.access import REFUSALS, Refusal, StepError, refusal_of, storage
from services.identity import Person, person_of

Need = Literal["read", "operate", "approve", "work"]
Handler = Callable[[Visit], Awaitable[func.HttpResponse]]

#: Need -> who meets it. ``work``: operator or approver.
_MEETS: Final[dict[str, Callable[[Person], bool]]] = {
    "read": lambda person: person.may_read,
    "operate": lambda person: person.may_operate,
    "approve": lambda person: person.may_approve,
    "work": lambda person: person.may_operate or person.may_approve,
}
_WHO: Final = {
    "read": "viewer, operator or approver",
    "operate": "operator",
    "approve": "approver",
    "work": "operator or approver",
}


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
    if person is None:
        return _safe(_stop(401, "not_signed_in", "Nobody is signed in.", _SIGN_IN))
    if not person.may_read:
        words = f"{person.name} has none of the roles viewer, operator and approver."
        return _safe(_stop(403, "no_role", words, "Ask the administrator of the Carryover app in Entra for one."))
    try:
        return await _answer(request, client, person, path)
    except REFUSALS as error:
        return _safe(_refused(request, person, refusal_of(error)))


_SIGN_IN: Final = (
    "In Azure: sign in at /.auth/login/aad. On your own machine: start the app with ./carryover local up, and open "
    "it at 127.0.0.1."
)


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
    if not _MEETS[route.need](visit.person):
        raise StepError("not_allowed", f"That takes the role {_WHO[route.need]}.", "Ask somebody who has it.")
    if route.method == "GET":
        return
    given = visit.request.headers.get(csrf.HEADER, "") or visit.form(csrf.FIELD)
    proved = csrf.proves(visit.key, given, "form", visit.person.id, visit.browser, visit.path)
    if not (csrf.from_here(visit.request) and proved):
        raise StepError("stale_form", "This form is not from this sign-in.", "Load the page again, then send it.")


def _refused(request: func.HttpRequest, person: Person, no: Refusal) -> func.HttpResponse:
    status = 403 if no.code in ("not_allowed", "stale_form") else no.status
    return _stop(status, no.code, no.message, no.next, fragment=request.headers.get("hx-request") == "true")


def _stop(status: int, code: str, message: str, following: str, *, fragment: bool = False) -> func.HttpResponse:
    no = Refusal(status, code, message, following)
    html = render("refused_part.html" if fragment else "refused.html", {"no": no})
    return func.HttpResponse(html, status_code=status, mimetype="text/html")


def _safe(answer: func.HttpResponse) -> func.HttpResponse:
    for name, value in HEADERS.items():
        if name not in answer.headers:
            answer.headers[name] = value
    return answer
