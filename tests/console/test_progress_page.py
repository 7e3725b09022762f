"""The page of a run that is watched, in Chromium: what is told aloud, where the focus stays, what an answer that is no part
of the page does. The test answers the polls; the clock is moved by it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from console import static
from console.render import render
from ledger.states import Run, now
from services.pauses import HeldBack
from services.progress import ObjectProgress, PartProgress, Progress
from tests.console.browser import chromium

HERE: Final = "https://carryover.example"
HOME: Final = "/console/m/m-00000001"
PERSON: Final = SimpleNamespace(name="ann@clinic.example", roles={"operator"}, may_see_values=True)
RUN: Final = Run(id="migrate-0007", migration="m-00000001", kind="migrate", number=7, by="Ann")
PART: Final = PartProgress(RUN, [ObjectProgress("patient", 100, 40), ObjectProgress("encounter", 100)], {})
LOADING: Final = Progress(RUN, [PART], {"phase": "load", "object": "patient"}, 12.0, (60, 90), None)


@dataclass
class Desk:
    """What the app answers: the page as ``progress`` stands, or ``instead`` of it a status and a body."""

    page: Page
    signed_in: bool = True
    progress: Progress = field(default_factory=lambda: LOADING)
    instead: tuple[int, str] | None = None

    def serve(self, route: Route) -> None:
        path = route.request.url.removeprefix(f"{HERE}/console/")
        if (file := static.file(path)) is not None:
            route.fulfill(body=file.get_body(), content_type=file.mimetype)
            return
        part = "hx-request" in route.request.headers
        if part and self.instead:
            route.fulfill(status=self.instead[0], body=self.instead[1], content_type="text/html")
            return
        route.fulfill(body=self._drawn(part), content_type="text/html; charset=utf-8")

    def _drawn(self, part: bool) -> bytes:
        context: dict[str, Any] = {
            "progress": self.progress, "lasted": 30, "error": None, "waiting": None, "report": None, "home": HOME,
            "person": PERSON, "token": lambda action: "t", "sign_out": lambda: "/.auth/logout" if self.signed_in else "",
        }  # fmt: skip
        return render("run_part.html" if part else "run.html", context)

    def poll(self, count: int = 1) -> None:
        """The page asks again, and has drawn the answer."""
        for _ in range(count):
            with self.page.expect_response(lambda answer: "hx-request" in answer.request.headers):
                self.page.clock.run_for(2000)
            self.page.clock.run_for(100)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture
def desk(browser: Browser) -> Iterator[Desk]:
    """Somebody who watches a run."""
    context: BrowserContext = browser.new_context(viewport={"width": 390, "height": 844})
    context.clock.install()
    one = Desk(context.new_page())
    context.route("**/*", one.serve)
    one.page.goto(f"{HERE}{HOME}/runs/{RUN.id}")
    yield one
    context.close()


def held(seconds: float) -> Progress:
    return replace(LOADING, held=HeldBack(now() + timedelta(seconds=seconds), 1, 1))


def test_what_is_told_aloud_changes_only_when_it_means_something_else(desk: Desk) -> None:
    desk.page.evaluate("""() => {
      window.heard = [];
      const told = document.getElementById("told");
      new MutationObserver(() => heard.push(told.textContent)).observe(told, { childList: true, characterData: true });
    }""")
    told = desk.page.locator("#told")
    expect(told).to_have_text("migrate-0007 running. At load, patient.")
    for seconds in (90.0, 60.0, 30.0):
        desk.progress = held(seconds)
        desk.poll()
        expect(desk.page.locator("#stands")).to_contain_text(re.compile(r"itself in 0\d:\d\d"))
    desk.progress = replace(LOADING, doing={"phase": "load", "object": "encounter"})
    desk.poll(2)
    assert desk.page.evaluate("heard") == [
        "migrate-0007 running. Paused by Dynamics.",
        "migrate-0007 running. At load, encounter.",
    ]
    assert desk.page.locator("#live [role=status], #live [role=alert], #live [aria-live]").count() == 0


def test_focus_and_scrolling_stay_where_they_were(desk: Desk) -> None:
    table = desk.page.get_by_role("region", name=f"Progress of {RUN.id}")
    table.evaluate("one => { one.scrollLeft = 20; }")
    moved = table.evaluate("one => one.scrollLeft")
    assert moved > 0
    stop = desk.page.get_by_role("button", name=f"Stop {RUN.id}")
    stop.focus()
    desk.poll(2)
    expect(stop).to_be_focused()
    assert table.evaluate("one => one.scrollLeft") == moved
    with desk.page.expect_request(f"**/runs/{RUN.id}/stop") as sent:
        desk.page.keyboard.press("Enter")
    assert sent.value.method == "POST"


def test_a_session_that_ended_leads_to_signing_in(desk: Desk) -> None:
    desk.instead = (401, "")
    desk.page.clock.run_for(2100)
    desk.page.wait_for_url(f"{HERE}/.auth/login/aad?post_login_redirect_uri=*runs%2F{RUN.id}")


def test_a_page_that_comes_for_a_part_is_not_put_into_the_page(desk: Desk) -> None:
    """Somebody in between sent the browser to sign in, and that page was followed to."""
    desk.instead = (200, "<!doctype html><html><body><h1>Sign in</h1></body></html>")
    with desk.page.expect_navigation():
        desk.page.clock.run_for(2100)
    assert desk.page.get_by_role("heading", name="Sign in").count() == 0


def test_an_app_that_does_not_answer_is_asked_again(desk: Desk) -> None:
    desk.instead = (502, "<!doctype html><html><body><h1>Bad gateway</h1></body></html>")
    desk.poll()
    silent = desk.page.get_by_role("alert")
    expect(silent).to_contain_text("The app does not answer")
    expect(desk.page.locator("#stands")).to_contain_text("At load, patient")
    desk.instead = None
    desk.poll()
    expect(silent).to_be_hidden()
    assert desk.page.get_by_role("heading", name="Bad gateway").count() == 0
