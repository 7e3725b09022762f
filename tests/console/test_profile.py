"""The page that says how the source is read."""

import re
from typing import Any

from ledger import migrations
from ledger.migrations import Migration
from ledger.storage import Storage
from services import profiles
from tests.console.visits import AZURE, ask, send, text
from tests.support.people import principal

OPERATOR = principal("operator")


async def test_datasets_are_listed_with_what_they_feed_and_the_profile_is_changed(
    store: Storage, migration: Migration, configure: Any
) -> None:
    configure(CARRYOVER_APP_SERVICE_AUTH="true")
    place = f"m/{migration.id}/profile"
    assert "The source was not read yet" in text(await ask("GET", place, OPERATOR, at=AZURE))

    def read(one: Migration) -> None:
        one.profile, one.state = "synthea", "mapped"

    await migrations.change(store, migration.id, read)
    page = text(await ask("GET", place, OPERATOR, at=AZURE))
    rows = {
        name: re.findall(r"<td[^>]*>(.*?)</td>", cells)
        for name, cells in re.findall(r'<tr><th scope="row">(\w+)<small>.*?</th>(.*?)</tr>', page, re.DOTALL)
    }
    assert rows["patients"][2:] == ["Patient", "the profile says so"] and rows["conditions"][2] == "Encounter"
    assert rows["allergies"][2] == "Nothing" and rows["allergies"][3].startswith("No table of the target")
    # Of a known system nobody picks: its profile says it.
    assert "synthea is a known system" in page and "Keep what is picked" not in page
    picked = await send(store, f"{place}/datasets", OPERATOR, **{"object.allergies": "encounter"})
    assert picked.status_code == 409 and "known system" in text(picked)
    shut = await send(store, f"{place}/datasets", principal("viewer"), **{"object.allergies": "encounter"})
    assert shut.status_code == 403

    refused = await send(store, place, OPERATOR, yaml="datasets: 3")
    assert refused.status_code == 409 and "profile" in text(refused)
    shown = await profiles.show(store, migration.id)
    changed = shown["yaml"].replace(f"title: {_title(shown['yaml'])}", "title: Our own system")
    assert (await send(store, place, OPERATOR, yaml=changed.replace("\n", "\r\n"))).status_code == 303
    kept = await profiles.show(store, migration.id)
    assert kept["own"] and kept["yaml"] == changed
    page = text(await ask("GET", place, OPERATOR, at=AZURE))
    assert "belongs to this migration alone" in page and "Guardian: Guardian" in page
    viewer = text(await ask("GET", place, principal("viewer"), at=AZURE))
    assert (
        "Guardian: Guardian" not in viewer and "xxxxxxxx: Guardian" in viewer and "- patient.GENDER" in viewer
    )  # masked, and said so


def _title(text: str) -> str:
    found = re.search(r"^title: (.*)$", text, re.MULTILINE)
    assert found
    return found[1]
