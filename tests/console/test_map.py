"""The map's page without a browser: what it shows, and what its forms do to the map."""

import re
from types import SimpleNamespace
from typing import Any

import pytest

from ledger import map_versions, paths
from ledger.chunks import pack
from ledger.migrations import Migration
from ledger.storage import Storage
from mapping import validate
from mapping.model import CustomColumn, FieldMap
from services import maps, two_people, versions
from settings import Settings
from tests.console.visits import AZURE, ask, send, text
from tests.mapping.samples import a_map
from tests.support.maps import field_of, map_of, with_map
from tests.support.people import principal

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
    assert "Confirm as ann@clinic.example" in await page_of(mapped)
    given = {"field": "patient.0.2", "source": "last", "action": "ignore", "reason": "nobody asked"}
    assert (await send(store, f"m/{mapped.id}/map/fields", BOTH, **given)).status_code == 303
    page = await page_of(mapped)
    assert "Required and unfilled" in page and "Confirm as ann@clinic.example" not in page
    assert re.findall(r'data-status="(\w+)"[^>]*data-required[^>]*aria-label="Patient: (\w+)"', page) == [
        ("proposed", "id"), ("ignored", "last"),
    ]  # fmt: skip
    refused = text(
        await send(store, f"m/{mapped.id}/map/confirm", BOTH, hash=mapped.map_hash or "", controlled="include")
    )
    assert "The map has changed since it was read" in refused or "cannot be confirmed" in refused


# ---- choices and match rules -----------------------------------------------------------------------------------------


async def test_choices_are_answered_in_plain_words(store: Storage, mapped: Migration) -> None:
    place = f"m/{mapped.id}/map/options"
    page = await page_of(mapped)
    assert "A table of their own: accounts stay free of them" in page
    assert "What do a practitioner's specializations become?" not in page  # none is mapped
    answer = await send(store, place, BOTH, **{"option.location": "ClinicLocation", "option.referral": "opportunity"})
    assert answer.status_code == 303, text(answer)
    assert [route.table for route in (await map_of(store, mapped.id)).objects["location"].routes] == ["ClinicLocation"]
    assert re.search(r'value="ClinicLocation" checked', await page_of(mapped))
    assert "Nothing was chosen" in text(await send(store, place, BOTH, **{"option.location": "ClinicLocation"}))


async def test_match_rules_are_added_ordered_and_taken_away(store: Storage, mapped: Migration) -> None:
    place, who = f"m/{mapped.id}/map/match", {"object": "patient"}

    async def sent(**form: Any) -> str:
        return text(await send(store, place, BOTH, **who, **form))

    await sent(column=["firstname", "birthdate", ""])
    await sent(column=["SourcePatientID"])
    await sent(owner="set")
    found = (await map_of(store, mapped.id)).objects["patient"]
    assert (found.match, found.match_owner) == ([["firstname", "birthdate"], ["SourcePatientID"]], "set")
    assert "firstname and birthdate" in await page_of(mapped)
    await sent(drop="0")
    assert (await map_of(store, mapped.id)).objects["patient"].match == [["SourcePatientID"]]
    assert "Say by which column" in await sent(column=[""])
    assert "would match strangers" in await sent(column=["birthdate"])
    [first, *_] = await versions.versions(store, mapped.id)
    assert (first.by, first.cause) == ("ann@clinic.example", "match rules of patient: SourcePatientID, owner set")


# ---- confirming ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("least", "left"), [("95", {"last"}), ("62.5", set()), ("99", {"first", "last"})])
async def test_fields_are_confirmed_from_a_confidence_on(
    store: Storage, mapped: Migration, least: str, left: set[str]
) -> None:
    changed = await map_of(store, mapped.id)
    for field in changed.objects["patient"].routes[0].fields:
        field.confidence = {"first": 0.95, "last": 0.625}.get(field.source, 1.0)
    await maps.put(store, mapped.id, changed, by="Ada", on=None)
    assert (await send(store, f"m/{mapped.id}/map/certain", BOTH, least=least)).status_code == 303
    fields = (await map_of(store, mapped.id)).objects["patient"].routes[0].fields
    assert {one.source for one in fields if one.status == "proposed"} == left


@pytest.mark.parametrize("least", ["", "a lot", "-1", "101", "nan"])
async def test_what_is_no_confidence_confirms_nothing(store: Storage, mapped: Migration, least: str) -> None:
    assert "Give a number" in text(await send(store, f"m/{mapped.id}/map/certain", BOTH, least=least))
    assert (await field_of(store, mapped.id, "patient", "first")).status == "proposed"


async def test_a_confirmed_map_has_no_field_that_is_only_proposed(store: Storage, mapped: Migration) -> None:
    form = {"hash": mapped.map_hash or "", "controlled": "include"}
    assert (await send(store, f"m/{mapped.id}/map/confirm", BOTH, **form)).status_code == 303
    page = await page_of(mapped)
    assert "✓ Confirmed by ann@clinic.example" in page
    figures = re.sub(r"<[^>]+>", "", page[page.index('id="figures"') :].partition("</ul>")[0])
    assert "0 need an eye" in figures and "0 proposed" in figures
    assert 'data-status="proposed"' not in page and "✓ confirmed" in row(page, "Patient", "first")
    # An edit that voids it makes every row say something else: the page is loaded anew.
    given = {"field": "patient.0.1", "source": "first", "action": "ignore", "reason": "no"}
    place = f"m/{mapped.id}/map/fields"
    answer = await send(store, place, BOTH | {"HX-Request": "true"}, **given)
    assert (answer.status_code, answer.headers["HX-Refresh"]) == (204, "true")


# ---- many fields, long names, none -----------------------------------------------------------------------------------

MANY = 500


async def many(store: Storage, migration: Migration) -> Migration:
    """A map of many fields, the last of which has a name as long as names get."""
    plain = a_map()
    some = plain.objects["patient"].routes[0].fields
    names = [f"N{number}" for number in range(MANY - 1)] + ["An answer to a question " * 8]
    columns = [f"Column{number}" for number in range(MANY)]
    some += [
        FieldMap(source=f"properties.{name}", column=column, confidence=0.5, phi="clinical")
        for name, column in zip(names, columns, strict=True)
    ]
    plain.custom_columns += [CustomColumn(table="contact", name=column, type="text") for column in columns]
    return await with_map(store, migration, plain)


async def test_500_fields_make_a_page_of_bounded_size(store: Storage, migration: Migration, configure: Any) -> None:
    configure(CARRYOVER_APP_SERVICE_AUTH="true")
    page = await page_of(await many(store, migration))
    assert page.count('class="line"') > MANY
    assert len(page) < 2_000 * page.count('class="line"')


async def test_confirming_one_of_500_reads_and_checks_the_map_once(
    store: Storage, migration: Migration, configure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(CARRYOVER_APP_SERVICE_AUTH="true")
    made = await many(store, migration)
    checks, reads = [], []

    def counted(*given: Any) -> Any:
        checks.append(given)
        return validate.problems(*given)

    async def read(*given: Any) -> Any:
        reads.append(given)
        return await map_versions.read(*given)

    monkeypatch.setattr("services.maps.problems", counted)
    monkeypatch.setattr("console.pages.map.problems", counted)
    monkeypatch.setattr("activities.jobs.map_versions", SimpleNamespace(read=read))
    some = (await map_of(store, made.id)).objects["patient"].routes[0].fields
    given = {"field": "patient.0.400", "source": some[400].source, "action": "confirm"}
    reads.clear()
    answer = await send(store, f"m/{made.id}/map/fields", BOTH | {"HX-Request": "true"}, **given)
    assert answer.status_code == 200, text(answer)
    assert (len(checks), len(reads)) == (1, 1)
    assert text(answer).count('class="line"') == 1
    assert len(text(answer)) < 10_000


async def test_a_map_of_no_fields_is_a_page_too(store: Storage, migration: Migration, configure: Any) -> None:
    configure(CARRYOVER_APP_SERVICE_AUTH="true")
    assert "There is no map yet" in await page_of(migration)
    assert "There is no map yet" in text(await ask("GET", f"m/{migration.id}/map/history", BOTH, at=AZURE))
    page = await page_of(await with_map(store, migration, a_map(objects={}, custom_columns=[], options={})))
    assert "The map has nothing to choose" in page and "No object of the map can be matched" in page


async def test_a_row_shows_a_value_before_and_after_masked(store: Storage, mapped: Migration) -> None:
    some: list[dict[str, Any]] = [
        {"_id": "1", "first": ""},
        {"_id": "2", "first": "Zoe", "dob": "31.12.85", "sex": "M"},
    ]
    some += [{"_id": str(number), "first": "Late", "last": "Later"} for number in range(100)]
    some[-1]["home"] = "never looked at"
    blob = paths.shaped_chunk(mapped.id, mapped.snapshot, "patient", "b0000")
    await store.put("staging", blob, pack(some))
    page = await page_of(mapped)
    assert "Zoe" not in page
    assert " xxx " in row(page, "Patient", "first")
    assert "x → xxxx" in row(page, "Patient", "sex")
    assert "refused: " in row(page, "Patient", "dob")
    assert "xxxx" not in row(page, "Patient", "home")


async def test_who_shaped_the_map_reads_why_another_one_confirms_it(
    store: Storage, mapped: Migration, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Settings(CARRYOVER_TWO_PEOPLE=True)
    monkeypatch.setattr(two_people, "settings", lambda: made)
    assert "Confirm as ann@clinic.example" in await page_of(mapped)
    given = {"field": "patient.0.1", "source": "first", "action": "ignore", "reason": "nobody asked"}
    assert (await send(store, f"m/{mapped.id}/map/fields", BOTH, **given)).status_code == 303
    assert "You shaped this map: another approver has to confirm it." in await page_of(mapped)
    other = text(await ask("GET", f"m/{mapped.id}/map", principal("approver", name="ben@clinic.example"), at=AZURE))
    assert "Confirm as ben@clinic.example" in other


@pytest.mark.parametrize(("role", "shown"), [("viewer", False), ("operator", True), ("approver", True)])
async def test_source_values_of_health_information_are_not_for_viewers(
    store: Storage, mapped: Migration, role: str, shown: bool
) -> None:
    def told(clinic_map: Any, label: str) -> Any:
        for one in clinic_map.objects["patient"].routes[0].fields:
            if one.source == "status":
                one.phi, one.values = "clinical", {"Gone 2019": label}
        return clinic_map

    await with_map(store, mapped, told(a_map(), "inactive"))
    await with_map(store, mapped, told(a_map(), "active"))
    for place in ("map/download", "map/history", "map/field/patient.0.8"):
        answer = text(await ask("GET", f"m/{mapped.id}/{place}", principal(role), at=AZURE))
        assert ("Gone 2019" in answer) is (shown and "field" not in place), place  # the field's own asks for a purpose
        if "field" not in place:
            assert ("xxxx 0000" in answer) is not shown, place
