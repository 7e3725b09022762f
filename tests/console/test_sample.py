"""The sample's end, in the API and the console alike: nothing unexplained is signed, and values stay masked."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import azure.functions as func
import orjson
import pytest

from activities import differences as explained
from activities import kept_diff
from activities.comments import Comment
from activities.differences import classify, differences
from activities.proofs import prove
from console import csrf, door
from ledger import manifest, migrations, paths, transitions
from ledger.migrations import Migration
from ledger.states import Run
from ledger.storage import Storage
from mapping.compile import zone_of
from reports.diff import in_order
from services import identity, overview, sample
from services.overview import NewMigration
from services.reports import pack
from services.sample import Wanted
from settings import Settings
from tests.activities.sampled import Row, diff_of, map_with
from tests.console.visits import AZURE, ask, send, text
from tests.support.people import principal
from tests.support.systems import new_system
from triggers import api, reports
from triggers import sample as endpoints

CAUSE = "differs/insurance/carrier"


@pytest.fixture
async def store(azurite: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Storage]:
    """The storage that every door finds; people sign in through the platform."""
    async with Storage.open(azurite) as opened:
        await opened.ensure()

        async def here() -> Storage:
            return opened

        for module in (door, endpoints, reports):
            monkeypatch.setattr(module, "storage", here)
        monkeypatch.setattr(csrf, "_keys", {})
        made = Settings(CARRYOVER_APP_SERVICE_AUTH=True)
        for module in (identity, csrf, api):
            monkeypatch.setattr(module, "settings", lambda: made)
        yield opened


def rows_of_a_sample() -> list[Row]:
    """Three policies, the carriers of two changed by the target; a third whose patient is not there."""
    one = map_with("insurance")
    linked, other = ("demo.patient.P1",), {"cms_carrier": "Somebody else"}
    of_two = {"_id": "I2", "_patient": "P2"}
    rows = [
        *diff_of(one, "insurance", linked=linked),
        *diff_of(one, "insurance", of_two, read_back=other, linked=("demo.patient.P2",)),
        *diff_of(one, "insurance", {"_id": "I3"}, read_back=other, linked=linked),
        *diff_of(one, "insurance", {"_id": "I4", "_patient": "P9", "patient": "P9"}, action="orphan"),
    ]
    prove(rows, one.system, zone_of(one))
    classify(rows)
    return in_order(rows)


@pytest.fixture
async def migration(store: Storage) -> Migration:
    """A migration whose sample shows that the target changed a column of two records."""
    made = await overview.create(store, NewMigration(system=new_system()))
    rows = rows_of_a_sample()
    found = differences(rows, [])
    chosen = {
        "patients": 1,
        "looked_at": 1,
        "of": 1,
        "covered": ["insurance a is\tAcme"],
        "not_covered": [],
        "not_seen": [],
    }
    await explained.keep(store, made.id, "sample-0001", found)
    frame = {"chosen": chosen, "rehearsal": {"deleted": 3}, "findings": [], "zone": "UTC"}
    await kept_diff.keep(store, made.id, rows, frame)
    await store.put("ledger", paths.map_version(made.id, 1), map_with("insurance").model_dump_json().encode())

    def sampled(one: Migration) -> None:
        one.map_hash = one.confirmed_hash = one.prepared_hash = "h1"
        one.map_version, one.state = 1, "prepared"
        run = Run(id="sample-0001", migration=one.id, kind="sample", number=1, map_hash="h1")
        transitions.sampled(one, run, {"fields": len(rows), "differences": len(found)})

    return await migrations.change(store, made.id, sampled)


async def call(
    handler: Any, method: str, migration: Migration, *, role: str = "approver", body: Any = None, **more: str
) -> Any:
    """An answer of the API: status, and what it says."""
    request = func.HttpRequest(
        method, f"{AZURE}/api/x", headers=principal(role), params={k: v for k, v in more.items() if k != "name"},
        route_params={"id": migration.id, "name": more.get("name", "")}, body=orjson.dumps(body or {}),
    )  # fmt: skip
    answer = await handler(request)
    return answer.status_code, orjson.loads(answer.get_body())


SIGNED = {"by": "x", "hash": "h1", "sample": "sample-0001"}
NAME = "ann@clinic.example"


async def test_nothing_unexplained_is_signed_in_the_api(store: Storage, migration: Migration) -> None:
    status, said = await call(endpoints.sign_off, "POST", migration, body=SIGNED)
    assert (status, said["error"]["code"]) == (409, "differences_unexplained")
    assert said["error"]["message"].startswith("2 differences of the sample are unexplained")

    _, found = await call(endpoints.get_differences, "GET", migration)
    assert (found["left"], [(one["cause"], one["ids"]) for one in found["causes"]]) == (2, [(CAUSE, ["I2", "I3"])])
    for about in ("differs/insurance/nothing", f"{CAUSE}/I9"):
        status, said = await call(
            endpoints.explain, "POST", migration, body={"by": "x", "about": about, "reason": "so"}
        )
        assert (status, said["error"]["code"]) == (404, "not_found")
    one = {"by": "x", "about": f"{CAUSE}/I2", "reason": "A flow of the target renames carriers"}
    for _ in range(2):  # said twice it counts once
        _, found = await call(endpoints.explain, "POST", migration, body=one)
        assert (found["left"], found["causes"][0]["left"]) == (1, 1)
    status, said = await call(endpoints.sign_off, "POST", migration, body=SIGNED)
    assert said["error"]["message"].startswith("1 difference of the sample is unexplained")
    _, found = await call(endpoints.explain, "POST", migration, body=one | {"about": CAUSE})
    assert (found["left"], {note["by"] for note in found["causes"][0]["notes"]}) == (0, {NAME})

    status, signed = await call(endpoints.sign_off, "POST", migration, body=SIGNED)
    assert (status, signed["state"], signed["signed_role"], signed["signed_version"]) == (
        200,
        "signed_off",
        "approver",
        1,
    )
    kept = (await manifest.read(store, migration.id))[-1]
    assert (kept.kind, kept.by) == ("sign-off", NAME)
    assert kept.counts == {
        "role": "approver", "sample": "sample-0001", "map_version": 1, "fields": 16, "differences": 2,
    }  # fmt: skip

    status, said = await call(endpoints.revoke, "POST", migration, body={"by": "x", "reason": "A second look"})
    assert (status, said["state"], said["signed_by"]) == (200, "sampled", None)
    kept = (await manifest.read(store, migration.id))[-1]
    assert (kept.kind, kept.by, kept.counts) == ("revoke", NAME, {"reason": "A second look"})


async def test_nothing_unexplained_is_signed_in_the_console(store: Storage, migration: Migration) -> None:
    home, who = f"m/{migration.id}", principal("operator", "approver")
    page = text(await ask("GET", f"{home}/sample", who, at=AZURE))
    assert "2 differences of the sample are unexplained" in page
    assert "2 to explain" in page
    assert "Your name" not in page
    signature = {"typed": NAME, "hash": "h1", "sample": "sample-0001"}
    refused = await send(store, f"{home}/sign", who, **signature)
    assert (refused.status_code, "2 differences of the sample are unexplained" in text(refused)) == (409, True)
    assert (await send(store, f"{home}/explain", who, about=CAUSE, reason="")).status_code == 409
    assert (await send(store, f"{home}/explain", who, about=CAUSE, reason="A flow renames them")).status_code == 303
    page = text(await ask("GET", f"{home}/sample", who, at=AZURE))
    assert "Everything is explained" in page
    assert "“A flow renames them”" in page
    assert (await send(store, f"{home}/sign", who, **signature)).status_code == 303
    page = text(await ask("GET", f"{home}/sample", who, at=AZURE))
    assert f"Signed by {NAME} (approver)" in page
    assert (await send(store, f"{home}/revoke", who, reason="A second look")).status_code == 303
    assert (await migrations.load(store, migration.id)).state == "sampled"


async def test_an_explanation_of_an_older_sample_counts_for_nothing(store: Storage, migration: Migration) -> None:
    await migrations.change(store, migration.id, lambda one: setattr(one, "sample_run", "sample-0009"))
    told = {"by": "x", "about": CAUSE, "reason": "so"}
    status, said = await call(endpoints.explain, "POST", migration, body=told)
    assert (status, said["error"]["code"]) == (409, "sample_outdated")


# -- comments --------------------------------------------------------------------------------------------------------

SAID: dict[str, str] = {"by": "x", "object": "insurance", "field": "carrier", "text": "Ask the payer, then “=A1”"}


async def test_a_comment_is_shown_everywhere_and_unblocks_nothing(store: Storage, migration: Migration) -> None:
    status, found = await call(endpoints.comment, "POST", migration, body=SAID | {"source_id": "I1"})
    assert (status, found["sample"]) == (200, "sample-0001")
    await call(endpoints.comment, "POST", migration, role="operator", body=SAID | {"text": "All of them"})
    _, found = await call(endpoints.get_comments, "GET", migration, role="viewer")
    assert [(one["source_id"], one["text"], one["by"]) for one in found["comments"]] == [
        ("I1", SAID["text"], NAME), ("", "All of them", NAME),
    ]  # fmt: skip
    status, said = await call(endpoints.sign_off, "POST", migration, body=SIGNED)
    assert (status, said["error"]["code"]) == (409, "differences_unexplained")
    # The reports were made before anybody had said anything.
    whole = text(await ask("GET", f"m/{migration.id}/reports/diff.json", principal("viewer"), at=AZURE))
    tables = {table["title"]: table["rows"] for table in orjson.loads(whole)["tables"]}
    beside = {row["Source id"]: row["Comments"] for row in tables["Fields"] if row["Field"] == "carrier"}
    both = f"{NAME}: All of them\n{NAME}: {SAID['text']}"
    assert beside == {"I1": both} | dict.fromkeys(("I2", "I3", "I4"), f"{NAME}: All of them")
    assert [row["Comment"] for row in tables["Comments"]] == [SAID["text"], "All of them"]
    assert not any(value in whole for value in VALUES)
    for form in ("csv", "html"):
        page = text(await ask("GET", f"m/{migration.id}/reports/diff.{form}", principal("viewer"), at=AZURE))
        assert "All of them" in page


async def test_a_comment_belongs_to_its_sample(store: Storage, migration: Migration) -> None:
    await call(endpoints.comment, "POST", migration, body=SAID)
    await explained.keep(store, migration.id, "sample-0009", [])
    assert (await call(endpoints.get_comments, "GET", migration))[1] == {"sample": "sample-0009", "comments": []}


async def test_what_the_sample_does_not_show_is_not_commented_on(store: Storage, migration: Migration) -> None:
    for wrong in ({"object": "patient"}, {"field": "nothing"}, {"source_id": "I9"}, {"field": "car%"}):
        status, said = await call(endpoints.comment, "POST", migration, body=SAID | wrong)
        assert (status, said["error"]["code"]) == (404, "not_found"), wrong
    status, said = await call(endpoints.comment, "POST", migration, body=SAID | {"text": ""})
    assert (status, said["error"]["code"]) == (400, "bad_request")
    assert (await call(endpoints.get_comments, "GET", migration))[1]["comments"] == []


async def test_a_comment_is_made_on_the_page_and_stands_beside_its_field(store: Storage, migration: Migration) -> None:
    home, who = f"m/{migration.id}", principal("operator")
    page = text(await ask("GET", f"{home}/sample", who, at=AZURE, verdict=""))
    assert "Text (no names or values of patients)" in page
    assert "comments</a> on fields" not in page and 'id="comments"' not in page
    back = f"/console/{home}/sample?verdict=&page=1#c4"
    form = {"object": "insurance", "record": "I1", "field": "carrier", "back": back}
    sent = await send(store, f"{home}/comment", who, **form, of="one", text="Ask <b>the</b> payer")
    assert (sent.status_code, sent.headers["Location"]) == (303, back)
    await send(store, f"{home}/comment", who, **form, of="all", text="All of them")
    assert (await send(store, f"{home}/comment", who, **form, of="one", text=" ")).status_code == 409
    assert (await send(store, f"{home}/comment", principal("viewer"), **form, of="all", text="x")).status_code == 403
    elsewhere = form | {"back": "https://elsewhere.example/"}
    sent = await send(store, f"{home}/comment", who, **elsewhere, of="all", text="Once more")
    assert sent.headers["Location"] == f"/console/{home}"
    page = text(await ask("GET", f"{home}/sample", who, at=AZURE, verdict="", commented="yes"))
    assert "3 comments</a> on fields of this sample" in page
    assert page.count("“All of them”") == 5  # beside four fields, and in the list
    assert page.count("“Ask &lt;b&gt;the&lt;/b&gt; payer”") == 2
    viewer = text(await ask("GET", f"{home}/sample", principal("viewer"), at=AZURE, verdict=""))
    assert "“All of them”" in viewer and "Comment as" not in viewer


# -- values --------------------------------------------------------------------------------------------------------

VALUES = ("Acme", "Somebody else")


@pytest.mark.parametrize("form", ["html", "csv", "json"])
async def test_reports_mask_values_until_somebody_who_may_says_what_for(
    store: Storage, migration: Migration, form: str
) -> None:
    place = f"m/{migration.id}/reports/diff.{form}"
    for role in identity.ROLES:
        answer = await ask("GET", place, principal(role), at=AZURE)
        assert answer.status_code == 200
        assert not any(value in text(answer) for value in VALUES)
        assert "xxxx" in text(answer)
    shown = await send(store, f"m/{migration.id}/reveal", principal("operator"), purpose="records")
    cookie = f"carryover=0123456789abcdef0123456789abcdef; {shown.headers['Set-Cookie'].partition(';')[0]}"
    before = len(await manifest.read(store, migration.id))
    answer = await ask("GET", place, principal("operator") | {"Cookie": cookie}, at=AZURE)
    assert all(value in text(answer) for value in VALUES)
    kept = (await manifest.read(store, migration.id))[before:]
    assert [(one.kind, one.by, one.counts) for one in kept] == [
        ("download", NAME, {"file": f"diff.{form}", "reason": "Keeping the records"})
    ]
    # The same cookie is nothing to another person, and a purpose that was not signed is none.
    for who, what in (("bob@clinic.example", cookie), (NAME, cookie.replace("records", "billing"))):
        other = await ask("GET", place, principal("operator", name=who) | {"Cookie": what}, at=AZURE)
        assert not any(value in text(other) for value in VALUES)


async def test_the_api_masks_values_by_the_same_rule(store: Storage, migration: Migration) -> None:
    status, said = await call(reports.get_report, "GET", migration, role="viewer", name="diff.json")
    assert (status, any(value in str(said) for value in VALUES)) == (200, False)
    asked = {"name": "diff.json", "reveal": "records"}
    status, said = await call(reports.get_report, "GET", migration, role="viewer", **asked)
    assert (status, said["error"]["code"]) == (403, "not_allowed")
    status, said = await call(reports.get_report, "GET", migration, name="diff.json", reveal="curiosity")
    assert (status, said["error"]["code"]) == (400, "bad_request")
    status, said = await call(reports.get_report, "GET", migration, **asked)
    assert all(value in str(said) for value in VALUES)
    kept = (await manifest.read(store, migration.id))[-1]
    assert (kept.kind, kept.by, kept.counts["file"]) == ("download", NAME, "diff.json")


async def test_the_zip_of_everything_masks_and_claims_stay_shut(store: Storage, migration: Migration) -> None:
    assert b"Somebody else" not in await pack(store, migration.id, unmasked=False)
    await store.put("reports", paths.claims(migration.id, "migrate-0002", "claims.csv"), b"P1,100.00")
    answer = await ask("GET", f"m/{migration.id}/claims/migrate-0002/claims.csv", principal("approver"), at=AZURE)
    assert (answer.status_code, "100.00" in text(answer)) == (409, False)


async def test_a_page_of_the_sample_is_masked_and_its_address_names_no_patient(
    store: Storage, migration: Migration
) -> None:
    page = text(await ask("GET", f"m/{migration.id}/sample", principal("approver"), at=AZURE, verdict=""))
    assert not any(value in page for value in VALUES)
    assert 'value="P2"' not in page
    assert ">P2</option>" in page


# -- the page's filters ----------------------------------------------------------------------------------------------


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """The index of the sample's fields."""
    kept_diff.write_index(rows_of_a_sample(), tmp_path / "fields.parquet")
    return tmp_path / "fields.parquet"


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (Wanted(), ["I2", "I3", "I4", "I1"]),
        (Wanted(verdict="eye"), ["I2", "I3", "I4"]),
        (Wanted(verdict="differs"), ["I2", "I3"]),
        (Wanted(kind="lossy"), []),
        (Wanted(kind="wrong"), ["I2", "I3"]),
        (Wanted(commented="yes"), []),
        (Wanted(object="patient"), []),
        (Wanted(field="carrier", verdict="same"), ["I1"]),
        (Wanted(patient="<P2>"), ["I2"]),
        (Wanted(patient="P2"), []),
        (Wanted(transform="lookup", verdict="refused"), ["I4"]),
        (Wanted(proof="insurance"), ["I4"]),
    ],
)
def test_the_fields_are_found_by_what_they_are(index: Path, wanted: Wanted, ids: list[str]) -> None:
    page = sample.read(index, wanted, 1, lambda patient: f"<{patient}>")
    assert [id for _, id in page.records] == ids
    assert page.found == len(ids)
    assert all(any(row["fits"] for row in rows) for rows in page.records.values())
    assert page.verdicts["differs"] == 2


def test_comments_are_found_on_one_record_or_on_all(index: Path) -> None:
    said: Comment = {"object": "insurance", "field": "carrier", "source_id": "I3", "text": "x", "by": "a", "at": "2026"}
    for source_id, ids in (("I3", ["I3"]), ("", ["I2", "I3", "I4", "I1"]), ("I9", [])):
        one: Comment = {**said, "source_id": source_id}
        page = sample.read(index, Wanted(commented="yes"), 1, str, [one])
        assert [id for _, id in page.records] == ids
        beside = {row["field"] for rows in page.records.values() for row in rows if row["comments"]}
        assert beside == ({"carrier"} if ids else set())


def test_a_page_holds_so_many_records(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "RECORDS", 3)
    first, last = (sample.read(index, Wanted(), number, str) for number in (1, 9))
    assert [list(page.records) for page in (first, last)] == [
        [("insurance", "I2"), ("insurance", "I3"), ("insurance", "I4")], [("insurance", "I1")],
    ]  # fmt: skip
    assert (last.number, last.pages) == (2, 2)
