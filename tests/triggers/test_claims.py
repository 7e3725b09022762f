"""The claims export over the API: listed by run, and brought in parts."""

import pytest

from ledger import manifest, paths
from ledger.storage import Storage
from services import parts
from tests.support.systems import new_system
from tests.triggers.asking import ask, whole


@pytest.fixture
async def exported(store: Storage) -> str:
    """A migration with two whole exports and one that is being written."""
    id = str((await ask("create_migration", {"system": new_system()}))[1]["id"])
    for run in ("migrate-0004", "delta-0011", "delta-0012"):
        for name in ("claims.csv", "manifest.json"):
            if (run, name) != ("delta-0012", "manifest.json"):
                await store.put("reports", paths.claims(id, run, name), f"{run} {name}".encode())
    return id


async def test_whole_exports_are_listed_latest_first(store: Storage, exported: str) -> None:
    """One whose manifest is not there yet would be half of the claims."""
    _, listed = await ask("list_claims", id=exported)
    assert [(one["run"], one["name"]) for one in listed["claims"]] == [
        ("delta-0011", "claims.csv"),
        ("delta-0011", "manifest.json"),
        ("migrate-0004", "claims.csv"),
        ("migrate-0004", "manifest.json"),
    ]
    assert listed["claims"][0]["bytes"] == len("delta-0011 claims.csv")


async def test_a_file_comes_in_parts(store: Storage, exported: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts, one after another, are the file."""
    monkeypatch.setattr(parts, "PART", 8)
    content, after, number = b"", "", 0
    while number == 0 or after:
        params = {"reveal": "billing", "by": "Ada"} | ({"after": after} if after else {})
        answer = await whole("get_claims_file", params=params, id=exported, run="delta-0011", name="claims.csv")
        assert (answer.status_code, answer.mimetype) == (200, "text/csv")
        content, number = content + answer.get_body(), number + 1
        after = (answer.headers or {}).get("x-continuation", "")
    assert (content, number) == (b"delta-0011 claims.csv", 3)
    kept = [one for one in await manifest.read(store, exported) if one.kind == "download"]
    assert [(one.by, one.counts["file"], one.counts["reason"]) for one in kept] == [
        ("Ada", "claims.csv", "Handing over the billing")
    ]


async def test_without_a_purpose_no_file_comes(store: Storage, exported: str) -> None:
    """It is all values of patients."""
    for params, code in (({}, "masked"), ({"reveal": "curiosity"}, "bad_request")):
        _, refused = await ask("get_claims_file", params=params, id=exported, run="delta-0011", name="claims.csv")
        assert refused["error"]["code"] == code


async def test_the_summary_names_the_export(store: Storage, exported: str) -> None:
    _, summary = await ask("get_summary", id=exported)
    assert summary["reports"]["claims"] == f"/api/migrations/{exported}/claims"


@pytest.mark.parametrize(
    ("run", "name", "after", "expected"),
    [
        ("delta-0011", "nothing.csv", "", (404, "not_found")),
        ("delta-0099", "claims.csv", "", (404, "not_found")),
        ("..", "claims.csv", "", (404, "not_found")),
        ("delta-0011", "../claims.csv", "", (404, "not_found")),
        ("delta-0011", "claims.csv", "-1", (400, "bad_request")),
    ],
)
async def test_what_is_not_there_is_refused(
    store: Storage, exported: str, run: str, name: str, after: str, expected: tuple[int, str]
) -> None:
    params = {"after": after, "reveal": "billing"}
    status, refused = await ask("get_claims_file", params=params, id=exported, run=run, name=name)
    assert (status, refused["error"]["code"]) == expected
