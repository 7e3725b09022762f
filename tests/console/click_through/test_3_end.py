"""The road in Chromium, last part: verified, reported, taken back; the command line comes to the same."""

import re
from pathlib import Path

from tests.console.browser import BOTH, Console
from tests.e2e.clinic import Export
from tests.e2e.dumps import Row, business, difference
from tests.e2e.system import System


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
