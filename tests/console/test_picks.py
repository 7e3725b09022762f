"""A dataset that nobody understands is picked for its object, in a browser, without a line of YAML."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import expect

from tests.console.browser import Console, chromium
from tests.e2e.road import Road
from tests.e2e.system import System

LONG: Final = "export_of_the_table_of_things_that_were_handed_out_at_the_counter_of_the_practice"


@pytest.fixture(scope="module")
def road(system: System, folder: Path) -> Road:
    """A practice that was read without a profile: patients, two lists that say little, and one without rows."""
    people = [
        {"person_no": f"P{n:03d}", "first_name": f"Ana{n}", "last_name": "Sample", "date_of_birth": f"19{n + 10}-03-14"}
        for n in range(40)
    ]
    drugs = [
        {"nr": f"R{n}", "person_no": f"P{n % 40:03d}", "what": "Lisinopril 10 MG", "when": f"2025-03-{n % 28 + 1:02d}"}
        for n in range(60)
    ]
    place = folder / "practice"
    place.mkdir()
    _save(place / "patients.csv", people)
    _save(place / f"{LONG}.csv", drugs)
    _save(place / "fridge.csv", [{"day": "2025-03-04", "celsius": "4.1"}])
    (place / "reminders.csv").write_text("reminder_id,person_no,send_at\n", "utf-8")
    road = Road(system, "practice", profile="none")
    road.upload(place)
    road.step("scope")
    return road


def _save(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def console(system: System, road: Road, folder: Path) -> Iterator[Console]:
    """Somebody at the pages of that migration."""
    with chromium() as browser:
        opened = Console(browser, system.app, folder)
        opened.home = f"{opened.address}/m/{road.id}"
        yield opened


def test_objects_are_picked_and_the_source_is_read_by_them(console: Console, road: Road) -> None:
    page = console.open("profile")
    drugs, fridge = page.get_by_label(f"What {LONG} feeds"), page.get_by_label("What fridge feeds")
    expect(drugs).to_have_value("proposed")
    why = page.get_by_label("Why fridge feeds nothing")
    expect(why).to_be_hidden()
    console.look()

    console.press("Keep what is picked")
    assert "Nothing was chosen that is not so already." in page.locator("body").inner_text()

    page = console.open("profile")
    page.get_by_label("What fridge feeds").select_option("Encounter")
    console.press("Keep what is picked")
    assert "fridge cannot feed encounter: no column links its rows to a patient" in page.locator("body").inner_text()

    page = console.open("profile")
    drugs.select_option("Prescription")
    fridge.select_option("Nothing")
    why.fill("Temperatures of the fridge")
    console.look()
    console.press("Keep what is picked")
    said = console.text()
    assert "What was picked counts when the source is read again." in said
    assert "When read again: Prescription, picked by" in said and "When read again: Nothing, picked by" in said
    expect(drugs).to_have_value("prescription")
    expect(why).to_have_value("Temperatures of the fridge")
    console.look()

    console.press("Read the source again")
    console.ended("scope-0002")
    page = console.open("profile")
    row = page.get_by_role("row", name=LONG)
    assert row.locator("td").all_inner_texts()[2:4] == ["Prescription", f"picked by {_by(road)}"]
    assert "Temperatures of the fridge" in page.get_by_role("row", name="fridge").inner_text()
    assert "read again" not in console.text()
    console.look()
    console.fine()


def _by(road: Road) -> str:
    return str(next(one["picked"]["by"] for one in road.get("profile")["datasets"] if one["picked"]))
