"""Who gets in and who may do what: roles, forms that only our pages can send, headers that are believed or not."""

import base64
import re
from typing import Any, Final

import pytest

from console import csrf, door
from console.pages import ROUTES
from console.shell import NAVIGATION
from console.visit import HEADERS
from ledger import manifest, migrations, paths
from ledger.migrations import Migration
from ledger.storage import Storage
from reports.masking import mask
from services import identity
from settings import WrongSetting, settings
from tests.console.visits import AZURE, BROWSER, HERE, ask, send, text
from tests.support.people import principal

#: What only some roles may do: (method, place) -> roles. Every other page is read with any role.
NEEDS: Final = {
    ("POST", "create"): {"operator"},
    ("GET", "settings"): {"operator"},
    ("POST", "m/{id}/steps/{step}"): {"operator", "approver"},  # the step says which
    ("POST", "m/{id}/runs/{run}/stop"): {"operator", "approver"},
    ("GET", "m/{id}/files"): {"operator"},
    ("PUT", "m/{id}/files"): {"operator"},
    ("POST", "m/{id}/files/end"): {"operator"},
    ("POST", "m/{id}/files/remove"): {"operator"},
    ("POST", "m/{id}/owners"): {"operator"},
    ("GET", "m/{id}/solution"): {"operator"},
    ("POST", "m/{id}/map/fields"): {"operator", "approver"},
    ("POST", "m/{id}/map/certain"): {"operator", "approver"},
    ("POST", "m/{id}/map/left"): {"operator", "approver"},
    ("POST", "m/{id}/map/values"): {"operator"},
    ("POST", "m/{id}/profile"): {"operator"},
    ("POST", "m/{id}/profile/datasets"): {"operator"},
    ("POST", "m/{id}/map/options"): {"operator"},
    ("POST", "m/{id}/map/match"): {"operator"},
    ("POST", "m/{id}/map/phi"): {"operator", "approver"},
    ("POST", "m/{id}/map/confirm"): {"approver"},
    ("POST", "m/{id}/explain"): {"operator", "approver"},
    ("POST", "m/{id}/comment"): {"operator", "approver"},
    ("POST", "m/{id}/sign"): {"approver"},
    ("POST", "m/{id}/revoke"): {"approver"},
    ("POST", "m/{id}/reveal"): {"operator", "approver"},
    ("POST", "m/{id}/delta/shut"): {"operator", "approver"},
    ("POST", "m/{id}/accept"): {"approver"},
    ("POST", "m/{id}/close"): {"approver"},
    ("POST", "m/{id}/notes"): {"operator", "approver"},
    ("GET", "m/{id}/audit/log.{form}"): {"operator", "approver"},
    ("GET", "m/{id}/claims/{run}/{name}"): {"operator", "approver"},
    ("GET", "m/{id}/evidence"): {"operator", "approver"},
}


# ---- who is there ----------------------------------------------------------------------------------------------------


async def test_nobody_comes_in_where_no_setting_says_who_is_there(store: Storage, configure: Any) -> None:
    configure()
    for headers in ({}, principal("viewer", "operator", "approver")):
        answer = await ask("GET", "", headers)
        assert (answer.status_code, "Nobody is signed in" in text(answer)) == (401, True)


async def test_headers_are_believed_only_where_that_is_switched_on(store: Storage, configure: Any) -> None:
    configure(CARRYOVER_DEVELOPMENT_IDENTITY="dev")
    answer = await ask("GET", "", principal("viewer", name="mallory@clinic.example"))
    assert "mallory" not in text(answer)
    assert "dev" in text(answer)
    configure(CARRYOVER_APP_SERVICE_AUTH="true")
    assert (await ask("GET", "", principal("viewer"), at=AZURE)).status_code == 200


@pytest.mark.parametrize("host", ["http://192.168.0.7:7071", AZURE, "http://127.0.0.1.evil.example"])
async def test_the_development_identity_answers_on_this_machine_only(store: Storage, configure: Any, host: str) -> None:
    configure(CARRYOVER_DEVELOPMENT_IDENTITY="dev")
    assert (await ask("GET", "", at=HERE)).status_code == 200
    assert (await ask("GET", "", at=host)).status_code == 401


@pytest.mark.parametrize("header", ["", "no base64!", "e30=", base64.b64encode(b'{"claims": [{}]}').decode()])
async def test_a_principal_that_cannot_be_read_is_nobody(store: Storage, configure: Any, header: str) -> None:
    configure(CARRYOVER_APP_SERVICE_AUTH="true")
    assert (await ask("GET", "", {"X-MS-CLIENT-PRINCIPAL": header}, at=AZURE)).status_code == 401


async def test_a_person_without_a_role_reads_nothing(store: Storage, configure: Any) -> None:
    configure(CARRYOVER_APP_SERVICE_AUTH="true")
    answer = await ask("GET", "", principal("admin"), at=AZURE)
    assert (answer.status_code, "has none of the roles" in text(answer)) == (403, True)


def test_the_two_identities_exclude_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARRYOVER_APP_SERVICE_AUTH", "true")
    monkeypatch.setenv("CARRYOVER_DEVELOPMENT_IDENTITY", "dev")
    settings.cache_clear()
    try:
        with pytest.raises(WrongSetting, match="CARRYOVER_DEVELOPMENT_IDENTITY"):
            settings()
    finally:
        settings.cache_clear()


# ---- who may do what -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [None, *identity.ROLES])
@pytest.mark.parametrize(("method", "place"), sorted({(method, place) for method, place, _, _ in ROUTES}))
async def test_every_address_asks_for_its_role(
    store: Storage, migration: Migration, configure: Any, method: str, place: str, role: str | None
) -> None:
    """Without the role it is refused before anything else is looked at; with it, something else may be wrong."""
    configure(CARRYOVER_APP_SERVICE_AUTH="true")
    filled = place.format(
        id=migration.id, step="scope", run="scope-0001", field="patient.0.0", form="csv", name="x.csv"
    )
    headers = principal(role) if role else {}
    answer = await (ask(method, filled, headers, at=AZURE) if method != "POST" else send(store, filled, headers))
    if role is None:
        assert answer.status_code == 401
    elif role in NEEDS.get((method, place), set(identity.ROLES)):
        assert "That takes the role" not in text(answer) or "{step}" in place
    else:
        assert (answer.status_code, "That takes the role" in text(answer)) == (403, True)


@pytest.mark.parametrize(("step", "role"), [("scope", "approver"), ("run", "approver"), ("rollback", "operator")])
async def test_a_step_asks_for_its_own_role(
    store: Storage, migration: Migration, configure: Any, step: str, role: str
) -> None:
    configure(CARRYOVER_APP_SERVICE_AUTH="true")
    answer = await send(store, f"m/{migration.id}/steps/{step}", principal(role))
    assert (answer.status_code, "That takes the role" in text(answer)) == (403, True)


async def test_the_name_goes_into_the_manifest(store: Storage, migration: Migration, configure: Any) -> None:
    configure(CARRYOVER_APP_SERVICE_AUTH="true")
    answer = await send(store, f"m/{migration.id}/reveal", principal("approver"), purpose="sample")
    assert answer.status_code == 303
    kept = (await manifest.read(store, migration.id))[-1]
    assert (kept.kind, kept.by, kept.counts) == ("reveal", "ann@clinic.example", {"reason": "Reviewing the sample"})


# ---- forms -----------------------------------------------------------------------------------------------------------


async def test_a_form_of_ours_is_taken(store: Storage, configure: Any) -> None:
    configure(CARRYOVER_APP_SERVICE_AUTH="true")
    answer = await send(store, "create", principal("operator"), system="lakeside")
    assert (answer.status_code, answer.headers["Location"][:13]) == (303, "/console/m/m-")


@pytest.mark.parametrize("wrong", ["token", "other form", "other person", "other browser", "origin", "no origin"])
async def test_a_form_that_is_not_ours_changes_nothing(store: Storage, configure: Any, wrong: str) -> None:
    configure(CARRYOVER_APP_SERVICE_AUTH="true")
    key = await csrf.key_of(store)
    who = "id of bob@clinic.example" if wrong == "other person" else "id of ann@clinic.example"
    place = "/console/m/m-1/close" if wrong == "other form" else "/console/create"
    browser = "f" * 32 if wrong == "other browser" else BROWSER
    token = "" if wrong == "token" else csrf.sign(key, "form", who, browser, place)
    headers = {**principal("operator"), "Cookie": f"carryover={BROWSER}"}
    if wrong != "no origin":
        headers["Origin"] = "https://evil.example" if wrong == "origin" else AZURE
    before = len(await migrations.list_all(store))
    answer = await ask("POST", "create", headers, at=AZURE, form={"token": token, "system": "stolen"})
    assert (answer.status_code, "not from this sign-in" in text(answer)) == (403, True)
    assert len(await migrations.list_all(store)) == before


async def test_every_form_of_a_page_carries_a_token(store: Storage, migration: Migration, configure: Any) -> None:
    configure(CARRYOVER_DEVELOPMENT_IDENTITY="dev")
    for _, place, _, _ in (route for route in ROUTES if route[0] == "GET" and route[1].count("{") == 1):
        page = text(await ask("GET", place.format(id=migration.id)))
        for form in re.findall(r'<form method="post".*?</form>', page, re.DOTALL):
            assert re.search(r'name="token" value="[0-9a-f]{64}"', form), (place, form[:200])


async def test_the_cookie_is_for_the_console_alone(store: Storage, configure: Any) -> None:
    configure(CARRYOVER_APP_SERVICE_AUTH="true")
    cookie = (await ask("GET", "", principal("viewer"), at=AZURE)).headers["Set-Cookie"]
    for part in ("HttpOnly", "SameSite=Lax", "Secure", "Path=/console"):
        assert part in cookie


# ---- headers ---------------------------------------------------------------------------------------------------------


async def test_nothing_inline_runs_and_nothing_comes_from_elsewhere(
    store: Storage, migration: Migration, configure: Any
) -> None:
    configure(CARRYOVER_DEVELOPMENT_IDENTITY="dev")
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
    for method, place, _, _ in ROUTES:
        if method != "GET" or place.count("{") > 1:
            continue
        answer = await ask("GET", place.format(id=migration.id))
        assert all(answer.headers[name] == value for name, value in HEADERS.items()), place
        page = text(answer)
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", page), place
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', page), place


async def test_files_of_the_console_and_no_others_are_served(configure: Any) -> None:
    configure()
    found = re.findall(r'/console/(static/[^"]+)', text(await ask("GET", "")))
    assert found
    for place in found:
        assert (await ask("GET", place)).status_code == 200
    for place in ("static/x/../../settings.py", "static/x/__init__.py", "static/x/nothing.css"):
        assert (await ask("GET", place)).status_code != 200


async def test_values_are_masked_until_a_purpose_is_given(store: Storage, migration: Migration, configure: Any) -> None:
    assert mask("O'Neil, 1987-02-03") == "x'xxxx, 0000-00-00"
    configure(CARRYOVER_APP_SERVICE_AUTH="true")
    refused = await send(store, f"m/{migration.id}/reveal", principal("operator"), purpose="curiosity")
    assert "Say what for" in text(refused)
    answer = await send(store, f"m/{migration.id}/reveal", principal("operator"), purpose="sample")
    assert f"Path=/console/m/{migration.id}" in answer.headers["Set-Cookie"]


# ---- refusals --------------------------------------------------------------------------------------------------------


async def test_a_refusal_leads_back_to_the_page_it_came_from(
    store: Storage, migration: Migration, configure: Any
) -> None:
    configure(CARRYOVER_APP_SERVICE_AUTH="true")
    came = f"/console/m/{migration.id}/close"
    for referer, leads in ((f"{AZURE}{came}", True), (f"https://evil.example{came}", False), ("", False)):
        headers = principal("approver") | {"referer": referer}
        answer = await send(store, f"m/{migration.id}/close", headers, typed="something else")
        assert answer.status_code == 409
        assert (f'href="{came}">Back to the page' in text(answer)) is leads


async def test_who_is_not_signed_in_may_do_so_and_comes_back(store: Storage, configure: Any) -> None:
    configure(CARRYOVER_APP_SERVICE_AUTH="true")
    answer = await ask("GET", "m/m-1/map", at=AZURE)
    assert "/.auth/login/aad?post_login_redirect_uri=/console/m/m-1/map" in text(answer)


@pytest.mark.parametrize("place", sorted(place for _, places in NAVIGATION for place, _ in places))
async def test_viewers_are_offered_nothing_that_is_refused_them(
    store: Storage, migration: Migration, configure: Any, place: str
) -> None:
    configure(CARRYOVER_APP_SERVICE_AUTH="true")
    await store.put("ledger", paths.solution(migration.id, f"1.0.0.{migration.map_version}"), b"zip")
    page = text(await ask("GET", f"m/{migration.id}/{place}".rstrip("/"), principal("viewer"), at=AZURE))
    assert "<h1>" in page
    for method, tag in (("GET", r'href="/console/([^"?#]+)'), ("POST", r'method="post" action="/console/([^"]+)')):
        for offered in re.findall(tag, page):
            needs = [one.need for one in door.routes() if one.method == method and one.pattern.fullmatch(offered)]
            assert needs == ["read"] or offered.startswith("static/"), offered
