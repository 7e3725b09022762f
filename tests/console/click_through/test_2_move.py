"""The road in Chromium, second part: the target prepared, a sample signed, everything migrated, changes picked up."""

from playwright.sync_api import expect

from tests.console.browser import BOTH, Console
from tests.e2e.system import System


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
