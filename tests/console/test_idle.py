"""Nobody at the desk: the console asks, then signs out. In Chromium, with a clock that the test moves."""

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from console import static
from console.render import environment
from tests.console.browser import chromium

HERE: Final = "https://carryover.example"
PERSON: Final = SimpleNamespace(name="ann@clinic.example", roles={"viewer"})


def serve(route: Route) -> None:
    """Any page as the platform's users get it, and the console's files."""
    path = route.request.url.removeprefix(f"{HERE}/console/")
    if (file := static.file(path)) is not None:
        route.fulfill(body=file.get_body(), content_type=file.mimetype)
    else:
        page = environment().get_template("base.html").render(person=PERSON, sign_out=lambda: "/.auth/logout")
        route.fulfill(body=page, content_type="text/html; charset=utf-8")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture
def desk(browser: Browser) -> Iterator[BrowserContext]:
    """Somebody's browser, whose clock stands still."""
    context = browser.new_context()
    context.clock.install()
    context.route("**/*", serve)
    yield context
    context.close()


def tab(desk: BrowserContext) -> Page:
    page = desk.new_page()
    page.goto(f"{HERE}/console")
    return page


def minutes(desk: BrowserContext, count: float) -> None:
    """The time passes without the timers in between, as on a machine that sleeps."""
    desk.clock.fast_forward(int(count * 60_000))


def test_who_is_away_is_asked_and_then_signed_out(desk: BrowserContext) -> None:
    page = tab(desk)
    question = page.get_by_role("dialog", name="Are you still there?")
    minutes(desk, 27)
    assert not question.is_visible()
    minutes(desk, 1.5)
    question.wait_for()
    page.mouse.click(5, 5)  # beside it: that is no answer
    minutes(desk, 2)
    page.wait_for_url(f"{HERE}/.auth/logout")


def test_who_answers_stays(desk: BrowserContext) -> None:
    page = tab(desk)
    question = page.get_by_role("dialog", name="Are you still there?")
    for answer in ("click", "Enter", "Escape"):
        minutes(desk, 29)
        stay = page.get_by_role("button", name="Stay signed in")
        stay.click() if answer == "click" else page.keyboard.press(answer)
        expect(question).to_be_hidden()
    minutes(desk, 27)
    assert not question.is_visible()
    page.keyboard.press("Tab")  # a sign of life: half an hour from now
    minutes(desk, 20)
    assert not question.is_visible()
    assert page.url == f"{HERE}/console"


def test_work_in_another_tab_counts(desk: BrowserContext) -> None:
    first, second = tab(desk), tab(desk)
    minutes(desk, 27)
    second.keyboard.press("Tab")
    minutes(desk, 20)
    assert [one.url for one in (first, second)] == [f"{HERE}/console"] * 2
    assert not first.get_by_role("dialog").is_visible()


def test_a_machine_that_slept_is_signed_out_when_it_wakes(desk: BrowserContext) -> None:
    page = tab(desk)
    minutes(desk, 600)
    page.wait_for_url(f"{HERE}/.auth/logout")


def test_the_first_key_after_the_limit_does_not_stay_signed_in(desk: BrowserContext) -> None:
    page = tab(desk)
    then = page.evaluate("Date.now()") / 1000 + 40 * 60
    desk.clock.set_system_time(datetime.fromtimestamp(then, UTC))  # it slept, and nothing has looked at the clock yet
    page.keyboard.press("Tab")
    desk.clock.run_for(5000)
    page.wait_for_url(f"{HERE}/.auth/logout")


def test_an_answer_in_one_tab_closes_the_question_in_the_others(desk: BrowserContext) -> None:
    first, second = tab(desk), tab(desk)
    minutes(desk, 29)
    question = first.get_by_role("dialog")
    question.wait_for()
    then = first.evaluate("Date.now()") / 1000 + 6
    desk.clock.pause_at(datetime.fromtimestamp(then, UTC))  # no timer looks again
    second.get_by_role("button", name="Stay signed in").click()
    expect(question).to_be_hidden()
