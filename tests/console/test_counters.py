"""What would be left behind, and values without an option: counted above the map, decided together. 500 of them, and none."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import expect

from ledger.migrations import Migration
from ledger.storage import Storage
from mapping.model import FieldMap
from services import fields
from tests.console.browser import Console, chromium
from tests.console.visits import AZURE, ask, send, text
from tests.e2e.clinic import Export
from tests.e2e.road import Road
from tests.e2e.system import System
from tests.mapping.samples import a_map
from tests.support.maps import field_of, map_of, with_map, with_values
from tests.support.people import principal

BOTH: Final = principal("operator", "approver")
MANY: Final = 500
WHY: Final = "The target has no column for it."
COUNTS: Final = {"patient": {"sex": {"M": 5, "Quill": 3}}, "practitioner": {"role": {"MD": 2, "Shaman": 1}}}


@pytest.fixture
async def proposed(store: Storage, migration: Migration, configure: Any) -> Migration:
    """The sample map with two fields that the proposal leaves behind."""
    configure(CARRYOVER_APP_SERVICE_AUTH="true")
    made = a_map()
    for name, source in (("patient", "pet"), ("location", "kin")):
        made.objects[name].routes[0].fields.append(  # type: ignore[index]
            FieldMap(source=source, status="ignored", reason=WHY, unplaced=True)
        )
    return await with_map(store, migration, made)


async def page_of(one: Migration, place: str = "map", who: dict[str, str] = BOTH) -> str:
    return re.sub(r"\s+", " ", text(await ask("GET", f"m/{one.id}/{place}", who, at=AZURE)))


async def test_what_would_be_left_behind_is_counted_and_blocks_the_confirmation(
    store: Storage, proposed: Migration
) -> None:
    page = await page_of(proposed)
    assert "<strong>2</strong> left behind, undecided" in page and page.count(" data-left") == 2
    assert "2 source fields would be left behind, and nobody has decided that" in page
    assert "Confirm as ann@clinic.example" not in page
    form = {"hash": proposed.map_hash or "", "controlled": "include"}
    refused = text(await send(store, f"m/{proposed.id}/map/confirm", BOTH, **form))
    assert "2 source fields would be left behind, and nobody has decided that" in refused


async def test_those_that_are_shown_are_accepted_together_by_an_approver(store: Storage, proposed: Migration) -> None:
    edits = fields.left_behind(await map_of(store, proposed.id), "patient")
    shown = json.dumps([one.model_dump(include={"field", "source", "action"}) for one in edits])
    place, who = f"m/{proposed.id}/map/left", principal("approver")
    assert (await send(store, place, who, fields=shown, reason="")).status_code == 303
    pet = await field_of(store, proposed.id, "patient", "pet")
    assert (pet.by, pet.reason) == ("ann@clinic.example", WHY)
    assert "<strong>1</strong> left behind, undecided" in await page_of(proposed)
    assert "decided about pet meanwhile" in text(await send(store, place, who, fields=shown))
    for nothing in ("", "[]", "{}"):
        assert (await send(store, place, who, fields=nothing)).status_code != 303


async def test_values_are_masked_and_answered_together(store: Storage, proposed: Migration) -> None:
    await with_values(store, proposed, COUNTS)
    assert "<strong>2</strong> values without an option, <strong>1</strong> to a default" in await page_of(proposed)
    page = await page_of(proposed, "map/values")
    assert "Quill" not in page and "Xxxxx" not in page and "xxxxx" in page
    assert "“Other”, the default" in page and "no option: an exception" in page
    rows = re.findall(r'name="field" value="([^"]+)"><input type="hidden" name="value" value="([^"]+)"', page)
    assert len(rows) == 3
    given: dict[str, Any] = {"field": [one for one, _ in rows], "value": [one for _, one in rows]}
    place = f"m/{proposed.id}/map/values"
    assert "No answer was chosen" in text(await send(store, place, BOTH, **given, label=["", "", ""]))
    answers = ["Nurse", "(leave empty)", ""]
    answer = await send(store, place, BOTH, **given, label=answers)
    assert answer.status_code == 303, text(answer)
    role, sex = [await field_of(store, proposed.id, *one) for one in (("practitioner", "role"), ("patient", "sex"))]
    assert role.values == {"MD": "Physician", "Shaman": "Nurse"}
    assert sex.values == {"M": "Male", "F": "Female", "X": None, "Quill": None}
    assert "has its answer already" in text(await send(store, place, BOTH, **given, label=answers))


async def test_a_viewer_sees_values_masked_and_answers_none(store: Storage, proposed: Migration) -> None:
    await with_values(store, proposed, COUNTS)
    page = await page_of(proposed, "map/values", principal("viewer"))
    assert "Quill" not in page and "<select" not in page and "no option: an exception" in page
    assert "takes the role operator" in page


async def test_no_values_are_a_page_too(proposed: Migration) -> None:
    assert "Every value that was counted has an answer" in await page_of(proposed, "map/values")


async def test_the_confirmation_says_what_values_mean(store: Storage, proposed: Migration) -> None:
    await fields.edit(store, proposed.id, "Ada", fields.left_behind(await map_of(store, proposed.id)))
    await with_values(store, proposed, COUNTS)
    page = await page_of(proposed)
    assert "Confirm as ann@clinic.example" in page
    assert "Without an option, to be listed as exceptions: 2 values in 6 records." in page


# ---- in a browser ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def console(folder: Path, system: System, export: Export) -> Iterator[Console]:
    """A map with hundreds of fields and values to decide about."""
    road = Road(system)
    road.upload(export.folder)
    road.step("scope")
    given = road.get("map")["map"]
    some = given["objects"]["patient"]["routes"][0]["fields"]
    names = [f"N{number}" for number in range(MANY - 1)] + ["An_answer_to_a_question_" * 8]
    some += [{"source": name, "status": "ignored", "reason": WHY, "unplaced": True} for name in names]
    for one in given["objects"]["appointment"]["routes"][0]["fields"]:
        if one["transform"] == "choice":
            one["values"] = None
            one["args"] = {}
    system.ask("PUT", f"{road.base}/map", json={"by": "tester", "map": given})
    with chromium() as browser:
        one = Console(browser, system.app, folder)
        one.home = f"{one.address}/m/{road.id}"
        yield one


def test_hundreds_are_accepted_as_they_are_filtered_by_keys_and_at_once(console: Console) -> None:
    page = console.open("map")
    page.get_by_role("link", name="left behind, undecided").first.click()
    shown = page.locator("#shown")
    expect(shown).to_contain_text(f"{MANY} of")
    console.look("left-behind", schemes=("light", "dark"))
    page.locator("#map").focus()
    page.keyboard.press("j")
    page.keyboard.press("c")
    expect(shown).to_contain_text(f"{MANY - 1} of")
    expect(page.locator("#said")).to_contain_text("left out")
    page.keyboard.press("u")
    expect(shown).to_contain_text(f"{MANY} of")
    page.locator("#filters").get_by_label("Find").fill("N49")
    expect(page.get_by_role("button", name="Leave behind")).to_have_text("Leave behind the 10 shown")
    console.press("Leave behind the 10 shown")
    page = console.open("map?view=left")
    expect(shown).to_contain_text(f"{MANY - 10} of")
    page.get_by_label("Why they stay behind").fill("Nobody needs them")
    console.press(f"Leave behind the {MANY - 10} shown")
    assert "0 left behind, undecided" in console.text()
    expect(page.get_by_role("button", name="Leave behind")).to_have_count(0)
    console.fine()


def test_values_are_answered_in_a_browser(console: Console) -> None:
    page = console.open("map")
    page.get_by_role("link", name="values without an option").click()
    before = page.locator("tbody tr").count()
    assert before > 0
    console.look("map-values", schemes=("light", "dark"))
    page.locator("tbody select").first.select_option("(leave empty)")
    console.press("Save the answers")
    expect(page.locator("tbody tr")).to_have_count(before - 1)
    console.fine()
