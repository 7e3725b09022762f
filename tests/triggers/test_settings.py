"""What the app says of its settings: each, with where it comes from, and no secret."""

import re
from pathlib import Path

import orjson
import pytest

from settings import Settings
from tests.triggers.asking import ask
from triggers import api, meta

CANARY = "s3cr3t-quetzalcoatlus"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "settings.md"


def secrets() -> set[str]:
    """The settings of the app that the reference calls secret."""
    app = PAGE.read_text("utf-8").partition("## What the Functions host reads")[0]
    return set(re.findall(r"^\| `(\w+)` \|[^|]*\| \*\*Secret\.\*\*", app, re.MULTILINE))


async def test_no_secret_is_in_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    given = dict.fromkeys(secrets(), CANARY) | {"CARRYOVER_CHUNK": "500"}
    assert len(given) > 4
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    made = Settings()
    for module in (meta, api):
        monkeypatch.setattr(module, "settings", lambda: made)
    status, answer = await ask("get_settings")
    assert status == 200
    assert CANARY.encode() not in orjson.dumps(answer)
    assert CANARY not in repr(made)
    told = {one["name"]: one for one in answer["settings"]}
    assert {name for name, one in told.items() if one["secret"]} == secrets()
    assert all(told[name]["value"] is True for name in secrets())
    found = [(told[name]["value"], told[name]["origin"]) for name in ("CARRYOVER_CHUNK", "CARRYOVER_DELTA_HOURS")]
    assert found == [(500, "environment"), (48, "default")]
    assert answer["packages"]["duckdb"]
