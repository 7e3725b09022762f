"""``migrate``: every step in a row, its document, its exit codes, and going on where it stopped."""

import json
from pathlib import Path

import pytest

from cli import place
from cli.client import Api
from cli.commands.whole import system_name
from tests.cli.conftest import Carryover
from tests.cli.fake_app import KEY, OBJECTS, FakeApp


def steps(app: FakeApp) -> list[str]:
    return [step for step, _ in app.posted]


def test_every_step_in_a_row(app: FakeApp, carryover: Carryover, export: Path) -> None:
    ended = carryover("migrate", "--source", str(export), "--yes", "--json")
    assert ended.code == 0, ended.err
    summary = ended.document
    assert summary["state"] == "verified"
    assert set(summary["objects"]) == set(OBJECTS)
    assert summary["rollback"] is None
    assert steps(app) == [
        "create", "scope", "confirm", "prepare", "sample", "sign-off", "plan", "run", "verify",
    ]  # fmt: skip
    posted = dict(app.posted)
    assert posted["create"] == {"system": "elm-street-clinic"}
    assert posted["confirm"]["controlled"] == "suppress"
    assert posted["sign-off"]["sample"] == "sample-0003"
    assert posted["run"]["target"] == "Clinic Trial"
    assert set(app.files["m-00000001"]) == {"patients.csv", "documents/empty.pdf"}
    for name, written in summary["reports"].items():
        assert Path(written).read_text("utf-8") == f"<h1>{name}</h1>"
        assert Path(written).with_suffix(".json").exists()
        assert Path(written).stat().st_mode & 0o077 == 0
    assert set(summary["seconds"]) == {"scope", "prepare", "sample", "plan", "run", "verify", "total"}


def test_a_row_for_each_object_within_80_columns(app: FakeApp, carryover: Carryover, export: Path) -> None:
    ended = carryover("migrate", "--source", str(export), "--yes")
    assert ended.code == 0
    lines = ended.out.splitlines()
    heading = next(n for n, line in enumerate(lines) if line.split()[:2] == ["object", "read"])
    rows = [line.strip() for line in lines[heading + 2 : heading + 2 + len(OBJECTS)]]
    for name, row in zip(OBJECTS, rows, strict=True):
        assert row.startswith(name.replace("_", " "))
        assert row.split()[-7:] == ["100", "100", "·", "·", "·", "·", "700"]
    assert all(len(line) <= 80 for line in ended.out.splitlines() if "/reports/" not in line)
    assert "\x1b" not in ended.out


def test_excepted_records_end_with_4(app: FakeApp, carryover: Carryover, export: Path) -> None:
    app.excepted = 3
    ended = carryover("migrate", "--source", str(export), "--yes", "--json")
    assert ended.code == 4
    assert ended.document["objects"]["patient"]["excepted"] == 3


def test_yes_gives_datasets_that_feed_nothing_a_standard_reason(
    app: FakeApp, carryover: Carryover, export: Path
) -> None:
    app.unmarked = ["recalls"]
    assert carryover("migrate", "--source", str(export), "--yes", "--json").code == 0
    assert "stays in the export" in dict(app.posted)["confirm"]["out_of_scope"]["recalls"]


def test_differing_fields_end_with_4(app: FakeApp, carryover: Carryover, export: Path) -> None:
    app.differing = 1
    assert carryover("migrate", "--source", str(export), "--yes", "--json").code == 4


def test_the_options_reach_the_app(app: FakeApp, carryover: Carryover, export: Path) -> None:
    ended = carryover(
        "migrate", "--source", str(export), "--yes", "--controlled", "redact", "--system", "elm",
        "--profile", "synthea", "--by", "Dr. Ade", "--pause-percent", "50", "--rollback", "--json",
    )  # fmt: skip
    assert ended.code == 0
    posted = dict(app.posted)
    assert posted["create"] == {"system": "elm", "profile": "synthea"}
    assert posted["confirm"]["controlled"] == "redact"
    assert posted["confirm"]["by"] == posted["sign-off"]["by"] == "Dr. Ade"
    assert posted["run"] == {"by": "Dr. Ade", "target": "Clinic Trial", "pause_percent": 50.0}
    assert posted["rollback"] == {
        "by": "Dr. Ade",
        "runs": "all",
        "force": False,
        "preview": False,
        "remove_solution": False,
    }
    assert ended.document["rollback"] == {"deleted": 400, "restored": 0, "kept": 0, "left": 0}
    assert ended.document["state"] == "confirmed"


def test_after_the_close_the_same_folder_does_not_go_into_the_same_rows(
    app: FakeApp, carryover: Carryover, export: Path
) -> None:
    asked = ("migrate", "--source", str(export), "--yes", "--json")
    assert carryover(*asked).code == 0
    assert carryover("close", "--typed", "m-00000001", "--json").code == 0
    ended = carryover(*asked)
    assert ended.code == 3
    assert ended.document["error"]["code"] == "system_closed"
    assert carryover(*asked, "--system", "elm-street-2").code == 0


def test_without_yes_nothing_is_sent(app: FakeApp, carryover: Carryover, export: Path) -> None:
    ended = carryover("migrate", "--source", str(export), "--json")
    assert ended.code == 2
    assert "--yes" in ended.document["error"]["next"]
    assert app.posted == []


def test_a_source_that_is_not_there_is_misuse(app: FakeApp, carryover: Carryover, tmp_path: Path) -> None:
    ended = carryover("migrate", "--source", str(tmp_path / "nowhere"), "--yes", "--json")
    assert ended.code == 2
    assert app.posted == []


def test_a_failed_run_ends_with_1_and_its_words(app: FakeApp, carryover: Carryover, export: Path) -> None:
    error = {"code": "unknown_source", "message": "No known file among: notes.txt.", "next": "Name a profile."}
    app.ends["scope"] = {"state": "failed", "error": error}
    ended = carryover("migrate", "--source", str(export), "--yes", "--json")
    assert ended.code == 1
    assert ended.document["error"]["code"] == "unknown_source"
    assert "No known file among: notes.txt." in ended.document["error"]["message"]
    assert "No known file among: notes.txt." in ended.err


def test_a_paused_run_ends_with_130_and_goes_on_when_asked_again(
    app: FakeApp, carryover: Carryover, export: Path
) -> None:
    app.ends["migrate"] = {"state": "paused", "message": "More than 5 % of patient is excepted."}
    ended = carryover("migrate", "--source", str(export), "--yes", "--json")
    assert ended.code == 130
    assert ended.document["error"]["code"] == "paused"
    app.ends.clear()
    app.posted.clear()
    again = carryover("migrate", "--source", str(export), "--yes", "--json")
    assert again.code == 0
    assert again.document["migration"] == "m-00000001"
    assert steps(app) == ["plan", "run", "verify"]


def test_a_second_time_sends_and_does_nothing_new(app: FakeApp, carryover: Carryover, export: Path) -> None:
    carryover("migrate", "--source", str(export), "--yes")
    app.posted.clear()
    app.block_puts.clear()
    again = carryover("migrate", "--source", str(export), "--yes", "--json")
    assert again.code == 0
    assert again.document["state"] == "verified"
    assert app.posted == []
    assert app.block_puts == []


def test_a_changed_source_is_picked_up_by_a_delta(app: FakeApp, carryover: Carryover, export: Path) -> None:
    carryover("migrate", "--source", str(export), "--yes")
    app.posted.clear()
    (export / "patients.csv").write_text("Id,FIRST\n1,Ada\n2,Bo\n", "utf-8")
    (export / "documents" / "empty.pdf").unlink()
    again = carryover("migrate", "--source", str(export), "--yes", "--json")
    assert again.code == 0
    assert steps(app) == ["delta", "verify"]
    assert set(app.files["m-00000001"]) == {"patients.csv"}


def test_a_source_changed_before_the_run_is_scoped_again(app: FakeApp, carryover: Carryover, export: Path) -> None:
    app.ends["sample"] = {"state": "failed", "error": {"code": "x", "message": "The target is away.", "next": ""}}
    assert carryover("migrate", "--source", str(export), "--yes").code == 1
    app.ends.clear()
    app.posted.clear()
    (export / "patients.csv").write_text("Id,FIRST\n1,Ada\n2,Bo\n", "utf-8")
    assert carryover("migrate", "--source", str(export), "--yes").code == 0
    assert steps(app)[:3] == ["scope", "confirm", "prepare"]


def test_an_app_elsewhere_wants_the_target_typed(
    app: FakeApp, carryover: Carryover, export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "is_trial", lambda: False)
    monkeypatch.setattr(place, "connect", lambda: Api(app.url, KEY))
    ended = carryover("migrate", "--source", str(export), "--yes", "--json")
    assert ended.code == 2
    assert "run" not in steps(app)
    assert "--target" in ended.document["error"]["next"]
    wrong = carryover("migrate", "--source", str(export), "--yes", "--target", "Clinic Production", "--json")
    assert wrong.code == 3
    assert "run" not in steps(app)
    assert carryover("migrate", "--source", str(export), "--yes", "--target", "Clinic Trial", "--json").code == 0


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("Elm Street & Co.", "elm-street-co"),
        ("2024 export", "clinic-2024-export"),
        ("x" * 60, "x" * 40),
        ("---", "clinic"),
    ],
)
def test_a_system_is_named_after_its_source(tmp_path: Path, folder: str, name: str) -> None:
    (tmp_path / folder).mkdir()
    assert system_name(tmp_path / folder) == name


@pytest.mark.parametrize(
    ("app", "target", "trial"),
    [
        ("http://127.0.0.1:7071", "http://127.0.0.1:7080", True),
        ("http://127.0.0.1:7071", "https://org.crm.dynamics.example", False),
        ("https://app.clinic.example", "http://127.0.0.1:7080", False),
    ],
)
def test_only_what_stays_on_this_machine_is_a_trial(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, app: str, target: str, trial: bool
) -> None:
    monkeypatch.delenv("CARRYOVER_APP_URL", raising=False)
    monkeypatch.setenv("CARRYOVER_LOCAL_DIR", str(tmp_path))
    (tmp_path / "local.json").write_text(json.dumps({"app_url": app, "dataverse_url": target}), "utf-8")
    assert place.is_trial() is trial


def test_an_app_that_is_only_an_address_is_no_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may run on this machine and write to an organisation that others work in."""
    monkeypatch.setenv("CARRYOVER_APP_URL", "http://127.0.0.1:7071")

    assert place.is_trial() is False
