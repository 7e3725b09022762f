"""checkov finds nothing. It is heavy, so it lives in an environment of its own and is skipped where that is missing."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.templates import FOLDER, NAMES, REPOSITORY

#: Checks that pass today, less a little: a run that reads next to nothing must not look like a clean one.
AT_LEAST = 40


def program() -> str | None:
    """checkov in .venv-infra, else on the PATH."""
    own = REPOSITORY / ".venv-infra" / "bin" / "checkov"
    return str(own) if own.exists() else shutil.which("checkov")


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    checkov = program()
    if checkov is None:
        pytest.skip(
            "checkov is not installed: python3.11 -m venv .venv-infra && .venv-infra/bin/pip install -r infra/bicep/requirements.txt"
        )
    command = [checkov, "--config-file", str(FOLDER / ".checkov.yaml"), "-d", str(FOLDER), "-o", "json"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert run.stdout, run.stderr[-2000:]
    result: dict[str, Any] = json.loads(run.stdout)
    return result


def test_no_check_fails(found: dict[str, Any]) -> None:
    failed = [f"{one['check_id']} {one['resource']}: {one['check_name']}" for one in found["results"]["failed_checks"]]
    assert failed == []


def test_every_template_was_read(found: dict[str, Any]) -> None:
    """checkov says nothing of a file that it cannot parse, except here."""
    assert found["results"]["parsing_errors"] == []
    assert found["summary"]["passed"] >= AT_LEAST


def test_no_check_is_skipped_in_a_template(found: dict[str, Any]) -> None:
    assert found["summary"]["skipped"] == 0


def test_each_check_left_out_has_its_reason() -> None:
    """A comment stands above a group of checks, or beside each of them."""
    lines = (FOLDER / ".checkov.yaml").read_text("utf-8").partition("skip-check:\n")[2].splitlines()
    reason = False
    for line in lines:
        if line.strip().startswith("#"):
            reason = True
        elif line.startswith("  - CKV"):
            assert reason or "#" in line, line
    left_out = yaml.safe_load((FOLDER / ".checkov.yaml").read_text("utf-8"))["skip-check"]
    assert len(left_out) == len(set(left_out))
    assert not any("checkov:skip" in (FOLDER / name).read_text("utf-8") for name in NAMES)


def test_the_version_of_checkov_is_pinned() -> None:
    assert "checkov==" in Path(FOLDER / "requirements.txt").read_text("utf-8")
