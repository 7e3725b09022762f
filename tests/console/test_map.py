"""The map's page without a browser: what it shows, and what its forms do to the map."""

import re
from typing import Any

import pytest

from ledger.migrations import Migration
from ledger.storage import Storage
from tests.console.visits import AZURE, ask, principal, send, text
from tests.mapping.samples import a_map
from tests.support.maps import field_of, with_map

BOTH = principal("operator", "approver")


@pytest.fixture
async def mapped(store: Storage, migration: Migration, configure: Any) -> Migration:
    """A migration whose source was read, with the sample map; somebody who may do everything is signed in."""
    configure(CARRYOVER_APP_SERVICE_AUTH="true")
    return await with_map(store, migration, a_map())


async def page_of(one: Migration) -> str:
    return text(await ask("GET", f"m/{one.id}/map", BOTH, at=AZURE))


def row(page: str, name: str, source: str) -> str:
    """The row of a field, without tags."""
    found = re.search(rf'<tr id="[^"]*"[^>]*aria-label="{name}: {re.escape(source)}".*?</tr>', page, re.DOTALL)
    assert found, source
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0]))


# ---- health information ----------------------------------------------------------------------------------------------


async def test_a_class_is_decided_about_by_name_and_can_be_decided_anew(store: Storage, mapped: Migration) -> None:
    place = f"m/{mapped.id}/map/phi"
    for decision, shown in (("redact", "redacted"), ("migrate", "migrates")):
        answer = await send(store, place, BOTH, **{"phi.name": decision})
        assert answer.status_code == 303, text(answer)
        found = await field_of(store, mapped.id, "patient", "first")
        assert (found.review, found.by) == (decision, "ann@clinic.example")
        assert shown in row(await page_of(mapped), "Patient", "first")
    assert "Nothing was chosen" in text(await send(store, place, BOTH, **{"phi.name": "migrate"}))


async def test_a_redacted_row_does_not_look_migrated(store: Storage, mapped: Migration) -> None:
    given = {"field": "patient.0.1", "source": "first", "action": "review", "review": "redact"}
    answer = await send(store, f"m/{mapped.id}/map/fields", BOTH, **given)
    assert answer.status_code == 303, text(answer)
    shown = row(await page_of(mapped), "Patient", "first")
    assert "redacted" in shown and " text " not in shown
    panel = text(await ask("GET", f"m/{mapped.id}/map/field/patient.0.1", BOTH, at=AZURE))
    assert "Decided: it is redacted, by ann@clinic.example" in panel


async def test_an_approver_decides_about_health_information_but_does_not_shape_the_map(
    store: Storage, mapped: Migration
) -> None:
    place, who = f"m/{mapped.id}/map/fields", principal("approver")
    given = {"field": "patient.0.1", "source": "first"}
    assert (await send(store, place, who, **given, action="review", review="redact")).status_code == 303
    assert "takes the role operator" in text(await send(store, place, who, **given, action="ignore", reason="no"))


async def test_undoing_a_decision_undoes_it_whole(store: Storage, mapped: Migration) -> None:
    place = f"m/{mapped.id}/map/fields"
    given = {"field": "patient.0.1", "source": "first"}
    for action in ("reopen", "confirm"):
        await send(store, place, BOTH, **given, action="review", review="leave_out")
        assert (await field_of(store, mapped.id, "patient", "first")).status == "ignored"
        await send(store, place, BOTH, **given, action=action)
        found = await field_of(store, mapped.id, "patient", "first")
        assert (found.review, found.status) == (None, "proposed" if action == "reopen" else "confirmed")


# ---- versions --------------------------------------------------------------------------------------------------------


async def test_the_history_says_who_made_each_version_and_what_it_changed(store: Storage, mapped: Migration) -> None:
    assert "is the first" in text(await ask("GET", f"m/{mapped.id}/map/history", BOTH, at=AZURE))
    await send(store, f"m/{mapped.id}/map/phi", BOTH, **{"phi.name": "redact"})
    shown = text(await ask("GET", f"m/{mapped.id}/map/history", BOTH, at=AZURE))
    assert "between version 1 and version 2" in shown
    assert "health information: name redact" in shown and "ann@clinic.example" in shown
    assert re.search(r"<code>first</code></th><td>review</td><td>–</td><td>redact</td>", shown)
    two: Any = {"from": "2", "to": "2"}
    alike = text(await ask("GET", f"m/{mapped.id}/map/history", BOTH, at=AZURE, **two))
    assert "Nothing differs." in alike
    assert (await ask("GET", f"m/{mapped.id}/map/history", BOTH, at=AZURE, to="9")).status_code == 404


# ---- what records need -----------------------------------------------------------------------------------------------


async def test_what_is_required_and_unfilled_is_counted_and_blocks_the_confirmation(
    store: Storage, mapped: Migration
) -> None:
    assert "Confirm the whole map" in await page_of(mapped)
    given = {"field": "patient.0.2", "source": "last", "action": "ignore", "reason": "nobody asked"}
    assert (await send(store, f"m/{mapped.id}/map/fields", BOTH, **given)).status_code == 303
    page = await page_of(mapped)
    assert "Required and unfilled" in page and "Confirm the whole map" not in page
    assert re.findall(r'data-status="(\w+)"[^>]*data-required[^>]*aria-label="Patient: (\w+)"', page) == [
        ("proposed", "id"), ("ignored", "last"),
    ]  # fmt: skip
    refused = text(
        await send(store, f"m/{mapped.id}/map/confirm", BOTH, hash=mapped.map_hash or "", controlled="include")
    )
    assert "The map has changed since it was read" in refused or "cannot be confirmed" in refused
