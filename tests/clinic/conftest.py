import json
from collections.abc import Callable
from pathlib import Path

import pytest

from local.clinic.__main__ import main
from tests.clinic.export import Export

Write = Callable[..., Export]


@pytest.fixture(scope="session")
def write_clinic(tmp_path_factory: pytest.TempPathFactory) -> Write:
    """Writes an export through the command line."""

    def write(patients: int = 500, seed: int = 1, day: int = 1) -> Export:
        place = tmp_path_factory.mktemp("clinic")
        numbers = {"--patients": patients, "--seed": seed, "--day": day}
        beside = {"--out": place / "export", "--manifest": place / "manifest.json", "--users": place / "users.json"}
        arguments = [str(word) for pair in (numbers | beside).items() for word in pair]
        assert main(arguments) == 0
        return Export(beside["--out"], _read(beside["--manifest"]), _read(beside["--users"]))

    return write


def _read(path: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="session")
def clinic(write_clinic: Write) -> Export:
    """500 patients, the first day."""
    return write_clinic()
