"""A whole migration in a real browser, from its creation to its rollback; axe on every page; pictures for the docs.

One story in one file, long as it is: each test goes on where the one before it stopped, in one system and one browser, and
a worker of pytest takes a file whole.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import expect

from tests.console.browser import BOTH, Console, chromium
from tests.e2e.clinic import Export
from tests.e2e.dumps import Row, business, difference
from tests.e2e.system import System

PLACES: Final = (
    "source", "map", "owners", "prepare", "sample", "run", "exceptions", "uploads", "delta", "verification", "audit",
    "reports", "rollback", "close",
)  # fmt: skip


@pytest.fixture(scope="module")
def console(system: System, folder: Path) -> Iterator[Console]:
    """Somebody who sits at the console."""
    with chromium() as browser:
        yield Console(browser, system.app, folder)


@pytest.fixture(scope="module")
def clicked() -> dict[str, Row]:
    """What the clicked migration put into the target."""
    return {}


def test_a_migration_is_created(console: Console) -> None:
    page = console.open()
    assert "No migration has been created yet" in console.text()
    console.look("empty")
    page.get_by_role("link", name="Settings of the app").click()
    assert "CARRYOVER_CHUNK" in console.text() and "AccountKey" not in console.text()
    console.look()
    console.open()
    page.get_by_label("Name of the clinic's system").fill("lakeside")
    page.get_by_label("Plan of the target").select_option("Sales Professional")
    console.press("Create")
    console.home = page.url
    assert "Read the source, by an operator" in console.text()
    assert "there is nothing to undo" in console.text()
    console.fine()


def test_every_page_is_of_use_before_anything_was_brought(console: Console) -> None:
    console.open()
    console.look()
    for place in PLACES:
        console.open(place)
        assert console.page.title().endswith("Carryover"), place
        console.look()
    console.fine()


def test_the_export_is_brought_and_read(console: Console, export: Export) -> None:
    (export.folder / "lab_orders.csv").write_text("order,test\n1,TSH\n2,HbA1c\n")  # nobody knows it
    page = console.open("source")
    page.locator("#folder").set_input_files(export.folder)
    page.get_by_text("files, ").first.wait_for()
    page.get_by_role("button", name="Read the source").wait_for()
    assert "the upload" not in page.locator("#upload-state").inner_text()
    console.press("Read the source")
    assert "a map of" in console.ended("scope-0001")
    console.open("source")
    said = console.text()
    for words in ("hours of people", "of 15 that Sales Professional allows", "A up to 50,000", "Load and read-back",
                  "Licences", "Keys and files", "Custom patient properties", "nobody yet"):  # fmt: skip
        assert words in said, words
    row = page.get_by_role("row", name="Encounter")
    assert row.first.locator("td.nowrap").all_inner_texts()[0].startswith("20")
    console.look("source")
    console.fine()


def test_the_map_is_worked_on_by_keys(console: Console) -> None:
    page = console.open("map")
    shown = page.locator("#shown")
    eye = int(shown.inner_text().split(" ")[0])
    assert 0 < eye < 60
    heights = page.eval_on_selector_all("tr.line:not([hidden])", "rows => rows.map(row => row.offsetHeight)")
    assert max(heights) <= 32
    assert page.evaluate("document.querySelector('table.map').getBoundingClientRect().top") < 300
    console.look("map", schemes=BOTH)

    page.locator("#map").focus()
    page.keyboard.press("j")
    first = page.locator("tr.line:focus")
    id = first.get_attribute("id")
    expect(first.locator(".sure .quiet")).to_be_visible()  # it is open, and the others are not
    others = page.locator("tr.line:not(:focus, [hidden])")
    expect(others.nth(3).locator(".sure .quiet")).to_be_hidden()
    page.keyboard.press("c")  # confirmed: it leaves the list of what needs an eye, and the next one has the focus
    expect(page.locator(f"#{id}")).to_have_attribute("data-status", "confirmed")
    expect(shown).to_contain_text(f"{eye - 1} of")
    assert page.locator("tr.line:focus").get_attribute("id") != id
    said = page.locator("#said")
    expect(said).to_contain_text("confirmed")
    page.keyboard.press("u")  # from the next line: the last decision is undone, and its line has the focus
    expect(page.locator(f"#{id}")).to_have_attribute("data-status", "proposed")
    expect(shown).to_contain_text(f"{eye} of")
    assert page.locator("tr.line:focus").get_attribute("id") == id
    expect(said).to_contain_text("as it was proposed again")
    assert not said.get_by_role("button").is_visible()
    page.keyboard.press("c")
    expect(shown).to_contain_text(f"{eye - 1} of")
    said.get_by_role("button", name="Undo the last decision").click()  # by hand, too
    expect(shown).to_contain_text(f"{eye} of")
    page.keyboard.press("c")
    expect(shown).to_contain_text(f"{eye - 1} of")

    page.keyboard.press("x")
    panel = page.locator("#panel")
    panel.get_by_label("Why it is left out").fill("nobody will look for it")
    console.look()
    panel.get_by_role("button", name="Leave out").click()
    expect(shown).to_contain_text(f"{eye - 2} of")
    assert not panel.is_visible()

    page.locator("tr.line:focus").wait_for()
    page.keyboard.press("Enter")
    panel.get_by_label("Comment").fill("checked with the front desk")
    panel.get_by_role("button", name="Save and confirm").click()
    expect(shown).to_contain_text(f"{eye - 3} of")
    others.nth(3).locator(".edit").click()  # the open line closes only when the click is done: nothing moves under it
    expect(panel).to_be_visible()
    page.keyboard.press("Escape")
    console.fine()

    page.locator("#filters").get_by_label("Show").select_option("Not migrating")
    page.locator("#filters").get_by_label("Object").select_option("Patient")
    assert "nobody will look for it" in page.locator("#map").inner_text()


def test_a_wrong_change_is_refused_in_the_panel(console: Console) -> None:
    page = console.open("map")
    page.locator("#filters").get_by_label("Show").select_option("Everything")
    page.locator("tr.line", has_text="patient.first_name").get_by_role("link").first.click()
    panel = page.locator("#panel")
    panel.get_by_label("Transform").select_option("money")
    panel.get_by_role("button", name="Save and confirm").click()
    expect(panel.get_by_role("alert")).to_contain_text("money does not make a text")
    page.keyboard.press("Escape")
    assert not panel.is_visible()
    console.fine()


def test_a_choice_is_answered_by_clicking(console: Console) -> None:
    page = console.open("map")
    page.locator("#choices > summary").click()
    assert page.get_by_label("Its name on each policy").is_checked()
    page.get_by_label("One account for each carrier").check()
    console.look()
    console.press("Take these answers")
    page.locator("#choices > summary").click()
    assert page.get_by_label("One account for each carrier").is_checked()
    page.locator("#more > summary").click()
    page.get_by_role("link", name="History").click()
    assert "option carrier=account" in console.text() and "proposed by scope-0001" in console.text()
    console.look()
    console.fine()


def test_the_certain_fields_and_then_the_map_are_confirmed(console: Console) -> None:
    page = console.open("map")
    page.get_by_label("The least confidence").fill("90")
    console.press("from", exact=False)
    page.locator("#confirmation > summary").click()
    page.get_by_label("Suppress").check()
    for policy in page.get_by_label("Migrate as it is").all():
        policy.check()
    page.get_by_label("lab_orders").fill("The laboratory keeps them.")
    console.press("Confirm as tester")
    assert page.url == console.home
    assert "Prepare the target, by an operator" in console.text()
    console.open("map")
    assert "Confirmed by tester" in console.text()
    assert "0 need an eye" in console.text() and "0 proposed" in console.text()
    page.locator("#filters").get_by_label("Show").select_option("Proposed")
    assert page.locator("#none").is_visible()


def test_the_fallback_owner_is_picked_and_the_target_prepared(console: Console) -> None:
    page = console.open("owners")
    page.get_by_label("E-mail of an enabled user").fill("fallback.owner@clinic.example")
    console.press("Use this owner")
    console.open("prepare")
    console.press("Install and check")
    assert "is ready" in console.ended("prepare-0002")
    console.open("prepare")
    assert "I have imported it, check again" in console.text()
    console.look("prepare")
    with page.expect_download() as got:
        page.get_by_role("link", name="Download carryover-").click()
    assert got.value.suggested_filename.endswith(".zip")
    console.open("owners")
    console.look("owners")
    console.fine()


def test_the_sample_is_made_read_and_signed(console: Console) -> None:
    page = console.open("sample")
    console.press("Make the sample")
    console.look()  # while it runs
    assert "migrated again" in console.ended("sample-0003")
    console.look("progress")

    page = console.open("sample?verdict=")
    cells = page.locator("table.diff .was").all_inner_texts()
    assert cells and not any(letter in "".join(cells) for letter in "abcdefgh")  # masked
    console.look("sample", schemes=BOTH)
    page.get_by_label("Values are masked").select_option("Reviewing the sample")
    console.press("Show values for 30 minutes")
    console.open("sample?verdict=")
    cells = page.locator("table.diff .was").all_inner_texts()
    assert any(letter in "".join(cells) for letter in "abcdefgh")
    page.locator("#records summary").first.focus()
    page.keyboard.press("j")
    second = page.locator("#records > .record").nth(1)
    expect(second.locator("summary").first).to_be_focused()
    page.keyboard.press("Enter")
    link = second.locator("a.comment").last
    field = str(link.get_attribute("data-field"))
    link.evaluate(
        "link => { for (let at = link; at; at = at.parentElement) if (at.tagName === 'DETAILS') at.open = true; }"
    )
    link.click()
    expect(second.get_by_label("Comment on")).to_have_value(field)
    expect(second.get_by_label("Text (no names")).to_be_focused()
    page.keyboard.type("Ask the front desk")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="1 comment")).to_be_visible()
    expect(page.locator("#records .remark")).to_contain_text("Ask the front desk")
    console.look()
    page.get_by_label("Your name").fill("somebody else")
    console.press("Sign as tester")
    assert "A signature is your own name" in console.text()
    console.open("sample")
    page.get_by_label("Your name").fill("tester")
    console.press("Sign as tester")
    console.open("audit")
    assert "Reveal: Reviewing the sample" in console.text()
    console.fine()


def test_a_plan_is_made(console: Console) -> None:
    console.open("run")
    console.press("Make the plan")
    console.ended("plan-")
    console.open("run")
    assert "This writes to Lakeside Family Health" in console.text()
    console.look("plan")


def test_a_map_that_changed_after_confirming_keeps_the_run_shut(console: Console, system: System) -> None:
    """The page was opened before; the refusal comes with its reason, here as in the API and the command line."""
    page = console.open("run")
    id = console.home.rsplit("/", 1)[-1]
    other = console.context.new_page()
    other.goto(f"{console.home}/map")
    other.locator("#filters").get_by_label("Show").select_option("Confirmed")
    other.locator("#filters").get_by_label("Find").fill("patient.properties.")
    other.locator("tr.line:not([hidden])").first.get_by_text("Edit").click()
    other.locator("#panel").get_by_label("Why it is left out").fill("decided late")
    other.locator("#panel").get_by_role("button", name="Leave out").click()
    other.locator("#panel").wait_for(state="hidden")
    other.close()

    page.get_by_label("Type the target's name").fill("Lakeside Family Health")
    console.press("Migrate everything")
    assert "The map has changed since it was confirmed; confirm it anew." in page.inner_text("body") or (
        "the map is not confirmed" in page.inner_text("body")
    )
    refusal = system.refusal("POST", f"migrations/{id}/steps/run", json={"target": "Lakeside Family Health"})
    assert refusal["message"] in page.inner_text("body")
    told = system.cli("run", "-m", id, "--target", "Lakeside Family Health")
    assert told.returncode == 3
    assert refusal["message"] in told.stderr
    console.look()
    console.open("run")
    assert refusal["message"] in console.text()


def test_after_a_new_confirmation_and_sample_everything_is_migrated(console: Console) -> None:
    page = console.open("map")
    page.locator("#confirmation > summary").click()
    console.press("Confirm as tester")
    for place, name in (("prepare", "Install and check"), ("sample", "Make a new sample")):
        console.open(place)
        console.press(name)
        console.ended("")
    console.open("sample")
    page.get_by_label("Your name").fill("tester")
    console.press("Sign as tester")
    console.open("run")
    page.get_by_label("Type the target's name").fill("Another Clinic")
    console.press("Migrate everything")
    assert "that is not the name you typed" in page.inner_text("body")
    console.open("run")
    page.get_by_label("Type the target's name").fill("Lakeside Family Health")
    page.get_by_label("Pause when more").fill("100")
    console.press("Migrate everything")
    assert "created" in console.ended("migrate-")
    console.look("run", schemes=BOTH)
    console.fine()


def test_exceptions_are_read_and_a_correction_recorded(console: Console) -> None:
    page = console.open("exceptions")
    console.look("exceptions")
    first = page.locator(".cause").first
    first.get_by_text("Record a correction").click()
    first.get_by_label("Why").fill("the front desk mended it")
    with page.expect_navigation():
        first.get_by_role("button", name="Record").click()
    assert "Mended in the source: the front desk mended it" in console.text()
    with page.expect_navigation():
        page.locator(".cause").first.get_by_role("link").first.click()
    assert page.get_by_role("region", name="Records of this cause").is_visible()
    console.look()
    page.get_by_label("Of a").select_option("Record")
    console.press("Show")
    assert page.locator(".cause", has_text="Staff").get_by_text("Retry").count() == 0
    assert "field" not in "".join(page.locator(".cause .count").all_inner_texts())
    console.fine()


def test_one_cause_is_retried_alone(console: Console) -> None:
    """By keyboard, from its card; the target's name is asked for there, too."""
    page = console.open("exceptions")
    for typed in ("Another Clinic", "Lakeside Family Health"):
        card = page.locator(".cause", has=page.get_by_text("Retry th")).first
        card.get_by_text("Retry th").focus()
        page.keyboard.press("Enter")
        if typed == "Another Clinic":
            console.look()
        card.get_by_label("Type the target's name").fill(typed)
        with page.expect_navigation():
            page.keyboard.press("Enter")
        if typed == "Another Clinic":
            assert "that is not the name you typed" in page.inner_text("body")
            console.open("exceptions")
    assert "Retried " in console.ended("retry-")
    console.fine()


def test_manual_uploads_are_ticked_off(console: Console) -> None:
    page = console.open("uploads")
    assert "To look at" in console.text()  # listed by the full run, before anything is verified
    console.look("uploads")
    if page.get_by_role("button", name="Tick off").count():
        row = page.locator("tbody tr").first
        row.get_by_placeholder("where, or why").fill("in the chart")
        with page.expect_navigation():
            row.get_by_role("button", name="Tick off").click()
        assert "✓ Uploaded by hand" in console.text()
    console.fine()


def test_changes_are_picked_up(console: Console) -> None:
    console.open("delta")
    assert "open until" in console.text()
    console.press("Pick up changes now")
    console.ended("delta-")
    console.open("delta")
    console.look("delta")
    console.fine()


def test_every_field_is_verified(console: Console) -> None:
    console.open("verification")
    assert "Not checked" in console.text()
    console.press("Verify every field")
    assert "nothing differs" in console.ended("verify-")
    console.open("verification")
    console.look("verification")
    console.open()
    assert "Verified" in console.text()
    console.look("overview", schemes=BOTH)
    console.fine()


def test_the_log_is_whole_and_the_reports_are_there(console: Console) -> None:
    page = console.open("audit")
    page.get_by_role("link", name="Check the log").click()
    page.get_by_text("The log is whole").wait_for()
    console.look("audit")
    console.open("reports")
    console.look("reports")
    with page.expect_download() as got:
        page.get_by_role("link", name="Download everything").click()
    assert got.value.suggested_filename.startswith("evidence-")
    page.get_by_role("link", name="Read reconciliation").click()
    assert "Reconciliation" in page.title()
    console.fine()  # the report's own styles are allowed, nothing else


def test_closing_says_why_not_yet(console: Console) -> None:
    console.open("close")
    assert "The delta window is open until" in console.text()
    console.look("close")
    console.fine()


def test_the_rollback_says_what_will_happen_and_does_it(
    console: Console, system: System, clicked: dict[str, Row]
) -> None:
    clicked |= business(system, "lakeside")
    assert len(clicked) > 100
    page = console.open("rollback")
    assert "This is what will happen" in console.text()
    assert "Somebody else wrote last into 0 of the rows now" in console.text()
    console.look("rollback", schemes=BOTH)
    page.get_by_label("Type the name of the clinic's system").fill("lakeside")
    console.press("Roll back")
    assert "read back and proved" in console.ended("rollback-")
    console.look()
    counts = system.counts()
    assert {table: counts.get(table, 0) for table in ("contact", "account", "opportunity")} == {
        "contact": 0, "account": 0, "opportunity": 0,
    }  # fmt: skip
    console.open("rollback")
    assert re.search(r"Undone by\s+tester\s+rollback-\d+: .*migrate-", console.text())
    console.open()
    assert "there is nothing to undo" in console.text()
    assert "What became of the records, until it was taken back" in console.text()
    console.fine()


def test_the_command_line_comes_to_the_same_result(
    console: Console, system: System, export: Export, clicked: dict[str, Row]
) -> None:
    """The same decisions, typed: what then stands in the target is what the clicked migration had put there."""

    def typed(*words: str | Path, code: int = 0) -> None:
        done = system.cli(*words)
        assert done.returncode == code, (words, done.stdout, done.stderr)

    routes = system.ask("GET", f"migrations/{console.home.rsplit('/', 1)[-1]}/map")["map"]["objects"].items()
    left_out = [
        f"{name}.{number}.{place}"
        for name, one in routes
        for number, route in enumerate(one["routes"])
        for place, field in enumerate(route["fields"])
        if field["status"] == "ignored" and field["by"] == "tester"
    ]
    assert len(left_out) == 2
    typed("create", "--system", "lakeside-typed", "--plan", "sales_professional")
    typed("upload", export.folder)
    typed("scope")
    typed("map", "option", "carrier=account")
    for field in left_out:
        typed("map", "ignore", field, "--reason", "as it was clicked")
    typed("map", "confirm", "--above", "0.9")
    typed("map", "phi", "ssn=migrate", "clinical_note=migrate")
    typed("confirm", "--controlled", "suppress", "--out-of-scope", "lab_orders=The laboratory keeps them.")
    typed("owners", "--fallback", "fallback.owner@clinic.example")
    typed("prepare")
    typed("sample")
    typed("sign-off", "--yes")
    typed("run", "--target", "Lakeside Family Health", "--pause-percent", "100", code=4)
    assert difference(clicked, business(system, "lakeside-typed")) == {}


def test_the_list_shows_it(console: Console) -> None:
    console.home = ""
    console.open()
    assert "lakeside" in console.text()
    console.look("migrations")
    console.fine()
