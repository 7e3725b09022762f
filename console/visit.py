"""One request to the console: who asks, what was asked, and the ways to answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import azure.functions as func

from console import csrf
from console.render import render
from ledger import migrations
from ledger.migrations import Migration
from ledger.storage import Storage
from services.identity import Person

#: Sent with every answer. Scripts and styles come from the console's own files only; nothing is inline.
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: a form would then name no origin.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}


@dataclass(slots=True)
class Visit:
    """A request of a person who may read. ``args`` are the parts of the path that the route names."""

    request: func.HttpRequest
    person: Person
    store: Storage
    client: Any
    key: bytes
    browser: str  #: the random value of this browser's cookie
    args: dict[str, str] = field(default_factory=dict)
    _form: dict[str, list[str]] | None = None
    _migration: Migration | None = None

    # -- what was asked ------------------------------------------------------------------------------------------------

    @property
    def path(self) -> str:
        """The path of the address."""
        return str(urlsplit(self.request.url).path)

    @property
    def home(self) -> str:
        """The address of the migration that is worked on."""
        return f"/console/m/{self.args['id']}"

    @property
    def fragment(self) -> bool:
        """Whether htmx asked, for a part of a page."""
        return bool(self.request.headers.get("hx-request") == "true")

    def query(self, name: str, default: str = "") -> str:
        """A parameter of the address; never one that holds a value of a record."""
        return str(self.request.params.get(name, default))

    def form(self, name: str, default: str = "") -> str:
        """A field of the form, without white space around it."""
        return self.forms().get(name, [default])[0].strip()

    def forms(self) -> dict[str, list[str]]:
        """Every field of the form."""
        if self._form is None:
            self._form = parse_qs(self.request.get_body().decode("utf-8", "replace"), keep_blank_values=True)
        return self._form

    def back(self) -> str:
        """Where the form says it came from, if that is a page of this migration; else the migration's first."""
        came = self.form("back")
        return came if came.startswith(f"{self.home}/") else self.home

    async def migration(self) -> Migration:
        """The migration that is worked on. Raises NoMigration."""
        if self._migration is None:
            self._migration = await migrations.load(self.store, self.args["id"])
        return self._migration

    # -- safety --------------------------------------------------------------------------------------------------------

    def token(self, action: str) -> str:
        """The token of a form that posts to this path."""
        return csrf.sign(self.key, "form", self.person.id, self.browser, action)

    def cookie(self, name: str) -> str:
        """A cookie the browser sent."""
        return cookie_of(self.request, name)

    # -- answers -------------------------------------------------------------------------------------------------------

    def page(self, template: str, **context: Any) -> func.HttpResponse:
        """A page, or a part of one."""
        html = render(template, {**context, "visit": self, "person": self.person, "token": self.token})
        return func.HttpResponse(html, mimetype="text/html")

    def go(self, address: str) -> func.HttpResponse:
        """After a form: to a page, so that reloading sends nothing twice."""
        if self.fragment:
            return func.HttpResponse(status_code=204, headers={"HX-Redirect": address})
        return func.HttpResponse(status_code=303, headers={"Location": address})

    def anew(self) -> func.HttpResponse:
        """To htmx: the page around the part has changed, too, and is to be loaded again."""
        return func.HttpResponse(status_code=200, headers={"HX-Refresh": "true"})


def cookie_of(request: func.HttpRequest, name: str) -> str:
    """A cookie of a request, "" when it has none of that name."""
    found = SimpleCookie(request.headers.get("cookie", "")).get(name)
    return found.value if found else ""
