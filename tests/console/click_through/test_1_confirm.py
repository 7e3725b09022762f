"""The road in Chromium, first part: created, read, its map worked on and confirmed."""

from typing import Final

from playwright.sync_api import expect

from tests.console.browser import BOTH, Console
from tests.e2e.clinic import Export

PLACES: Final = (
    "source", "map", "owners", "prepare", "sample", "run", "exceptions", "uploads", "delta", "verification", "audit",
    "reports", "rollback", "close",
)  # fmt: skip


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
