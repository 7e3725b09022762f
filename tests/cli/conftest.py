"""A fake app for each test, and the command line run in this process against it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli import place, runs
from cli.main import main
from tests.cli.fake_app import KEY, FakeApp


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout; fails the test when there is anything else."""
        return json.loads(self.out)


Carryover = Callable[..., Ended]


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeApp]:
    """A running fake app that the environment names; the command line's own files are in a private folder."""
    for name in ("CARRYOVER_MIGRATION", "CARRYOVER_OPERATOR"):
        monkeypatch.delenv(name, raising=False)
    fake = FakeApp().start()
    monkeypatch.setenv("CARRYOVER_APP_URL", fake.url)
    monkeypatch.setenv("CARRYOVER_APP_KEY", KEY)
    monkeypatch.setenv("CARRYOVER_LOCAL_DIR", str(tmp_path / "local"))
    # Nothing stands behind the fake app, so what is written to it goes no further.
    monkeypatch.setattr(place, "is_trial", lambda: True)
    monkeypatch.setattr(runs, "FIRST_LOOK", 0.001)
    monkeypatch.setattr(runs, "LAST_LOOK", 0.001)
    yield fake
    fake.stop()


@pytest.fixture
def carryover(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Carryover:
    """Runs ``./carryover …`` in this process."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str) -> Ended:
        capfd.readouterr()
        code = main(arguments)
        out, err = capfd.readouterr()
        return Ended(code, out, err)

    return run


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A small export: two files, one in a folder, one of them empty."""
    folder = tmp_path / "Elm Street Clinic"
    (folder / "documents").mkdir(parents=True)
    (folder / "patients.csv").write_text("Id,FIRST\n1,Ada\n", "utf-8")
    (folder / "documents" / "empty.pdf").write_bytes(b"")
    return folder


@pytest.fixture
def migrated(app: FakeApp, carryover: Carryover, export: Path) -> FakeApp:
    """An app with one migration that is verified."""
    assert carryover("migrate", "--source", str(export), "--yes").code == 0
    app.posted.clear()
    return app
