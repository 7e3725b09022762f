"""Settings with their origin, and the bundle for whoever helps: no secret, no name, no value of a record in either."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Carryover
from tests.cli.fake_app import KEY, FakeApp

#: What must never come out: a secret, a patient, a person, a clinic.
CANARIES = ("s3cr3t-Quetzalcoatlus", "Ada Quetzalcoatlus", "ada@quetzalcoatlus.example", "123-45-6789 Quetzalcoatlus")
SECRET, PATIENT, MAIL, ID = CANARIES


@pytest.fixture
def planted(app: FakeApp, carryover: Carryover, monkeypatch: pytest.MonkeyPatch) -> FakeApp:
    """An app whose every text that a person or a record may have brought is a canary."""
    monkeypatch.setenv("CARRYOVER_APP_TOKEN", SECRET)
    monkeypatch.setenv("CARRYOVER_OPERATOR", PATIENT)
    carryover("create", "--system", "elm")
    run = {"id": "migrate-0001", "kind": "migrate", "state": "failed", "by": PATIENT, "message": f"Of {PATIENT}: no.",
           "error": {"code": "no_privilege", "message": f"{MAIL} may not.", "next": MAIL}, "looks": 0,
           "started": "2026-11-29T22:44:30+00:00", "ended": "2026-11-29T22:44:31+00:00"}  # fmt: skip
    app.migrations["m-00000001"] |= {
        "system": PATIENT, "target_name": PATIENT, "confirmed_by": MAIL, "plan": ID, "runs": [run],
        "objects": {"patient": {"read": 3, "note": ID, MAIL: 1}},
        "next": [{"step": "run", "why": PATIENT}],
    }  # fmt: skip
    app.settings = [
        {"name": "CARRYOVER_CHUNK", "value": 500, "origin": "environment", "secret": False},
        {"name": "CARRYOVER_FALLBACK_OWNER", "value": MAIL, "origin": "environment", "secret": False},
        {"name": "DATAVERSE_CLIENT_SECRET", "value": True, "origin": "environment", "secret": True},
    ]
    app.exceptions = [
        {"object": "patient", "source_id": ID, "field": "SSN", "code": "too_long", "message": PATIENT},
        {"object": "patient", "source_id": ID, "field": "SSN", "code": PATIENT, "message": PATIENT},
    ]
    return app


def opened(bundle: Path) -> dict[str, Any]:
    with zipfile.ZipFile(bundle) as parts:
        return {name: json.loads(parts.read(name)) for name in parts.namelist()}


def leaks(text: str) -> list[str]:
    """The canaries, also a half of one, that a text holds."""
    return [word for one in (*CANARIES, KEY) for word in one.lower().split() if word in text.lower()]


def test_the_bundle_says_what_helps_and_leaks_nothing(planted: FakeApp, carryover: Carryover, tmp_path: Path) -> None:
    bundle = tmp_path / "help.zip"
    ended = carryover("doctor", "--diagnostic", str(bundle), "--json")
    found = opened(bundle)
    assert list(found) == ended.document["diagnostic"]["parts"]
    assert leaks(json.dumps(found)) == []
    assert leaks(bundle.read_bytes().decode("latin-1")) == []
    [migration] = found["migrations.json"]
    assert (migration["id"], migration["state"], migration["objects"]["patient"]["read"]) == (
        "m-00000001",
        "created",
        3,
    )
    assert migration["runs"][0]["error"] == "no_privilege"
    assert migration["exceptions"] == {
        "total": 2, "counted": 2, "codes": {"patient.too_long": 1, "patient.(left out)": 1},
    }  # fmt: skip
    told = {one["name"]: one for one in found["app.json"]["settings"] + found["settings.json"]}
    assert told["CARRYOVER_CHUNK"] == {"name": "CARRYOVER_CHUNK", "origin": "environment", "value": 500}
    assert told["CARRYOVER_FALLBACK_OWNER"]["value"] == "set"
    assert told["CARRYOVER_APP_TOKEN"]["value"] is True
    assert {one["check"] for one in found["doctor.json"]} >= {"python", "app", "key"}
    assert bundle.stat().st_mode & 0o077 == 0


def test_the_bundle_is_made_when_the_app_is_away(
    app: FakeApp, carryover: Carryover, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARRYOVER_APP_KEY", "another")
    ended = carryover("doctor", "--diagnostic", str(tmp_path / "help.zip"), "--json")
    assert ended.code == 1
    found = opened(tmp_path / "help.zip")
    assert found["app.json"] == found["migrations.json"] == {"error": "unauthorized"}
    assert found["versions.json"]["python"]


def test_a_bundle_that_cannot_be_written_is_misuse(app: FakeApp, carryover: Carryover, tmp_path: Path) -> None:
    ended = carryover("doctor", "--diagnostic", str(tmp_path / "no" / "help.zip"))
    assert ended.code == 2 and "no such file" in ended.err


def test_settings_are_shown_with_their_origin_and_secrets_are_not(
    planted: FakeApp, carryover: Carryover, tmp_path: Path
) -> None:
    ended = carryover("settings", "--json")
    own = {one["name"]: one for one in ended.document["command_line"]}
    assert own["CARRYOVER_APP_URL"] == {
        "name": "CARRYOVER_APP_URL", "value": planted.url, "origin": "environment", "secret": False,
    }  # fmt: skip
    assert own["CARRYOVER_APP_TOKEN"] == {
        "name": "CARRYOVER_APP_TOKEN", "value": True, "origin": "environment", "secret": True,
    }  # fmt: skip
    assert (own["CARRYOVER_MIGRATION"]["value"], own["CARRYOVER_MIGRATION"]["origin"]) == ("m-00000001", "cli.json")
    assert ended.document["app"]["settings"] == planted.settings
    shown = carryover("settings").out
    for text in (shown, ended.out):
        assert SECRET not in text and KEY not in text
    assert "(secret)" in shown and MAIL in shown  # who asks may know the fallback owner


def test_settings_of_the_command_line_are_shown_without_an_app(
    app: FakeApp, carryover: Carryover, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARRYOVER_APP_KEY", "another")
    ended = carryover("settings", "--json")
    assert ended.code == 1 and ended.document["app"] is None
    assert ended.document["command_line"][0]["value"] == app.url
