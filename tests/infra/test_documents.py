"""What the documents say of settings and of the package is what the code and the templates do."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from settings import Settings
from tests.infra.templates import REPOSITORY, app_settings, template
from tests.test_architecture import DEPLOYED

SETTINGS = REPOSITORY / "docs" / "reference" / "settings.md"
DEPLOY = REPOSITORY / "docs" / "how-to" / "deploy.md"

ALIASES = {str(field.alias): field for field in Settings.model_fields.values()}

#: Put into the environment of its own processes by the local system, to know them again; nobody sets it.
INTERNAL = {"CARRYOVER_LOCAL_PART"}


def rows() -> dict[str, tuple[str, str]]:
    """Setting → default and meaning, as the tables have them."""
    found = re.findall(r"^\| `(\w+)` \| (\S+) \| (.+) \|$", SETTINGS.read_text("utf-8"), re.M)
    assert len({name for name, _, _ in found}) == len(found), "a setting is listed twice"
    return {name: (default.strip("`"), meaning) for name, default, meaning in found}


@pytest.mark.parametrize("alias", sorted(ALIASES))
def test_each_setting_is_listed_with_its_default(alias: str) -> None:
    default, meaning = rows()[alias]
    value = ALIASES[alias].default
    if isinstance(value, bool) or not isinstance(value, int | float):
        assert default == (str(value).lower() or "—")
    else:
        assert float(default) == value
    assert len(meaning) > 10


def test_each_setting_that_the_template_sets_is_listed() -> None:
    assert set(app_settings()) - set(rows()) == set()


def read_beside_the_app() -> set[str]:
    """Variables that the command line and the local system read."""
    files = [file for part in ("cli", "local") for file in sorted((REPOSITORY / part).rglob("*.py"))]
    return {name for file in files for name in re.findall(r'"(CARRYOVER_[A-Z_]+)"', file.read_text("utf-8"))} - INTERNAL


def test_settings_of_the_command_line_and_the_local_system_are_listed() -> None:
    assert read_beside_the_app() - set(rows()) == set()


def test_nothing_is_listed_that_nobody_reads() -> None:
    assert set(rows()) - set(ALIASES) - set(app_settings()) - read_beside_the_app() == set()


def package() -> list[str]:
    """The paths that the deployment's package is made of."""
    command = re.search(r"git archive .*?HEAD \\\n((?:.*\\\n)*.*)\n", DEPLOY.read_text("utf-8"))
    assert command is not None
    return command.group(1).replace("\\", " ").split()


def test_the_package_holds_every_deployed_part() -> None:
    parts = {path.removesuffix(".py") for path in package()}
    here = {part for part in DEPLOYED if (REPOSITORY / part).is_dir() or (REPOSITORY / f"{part}.py").exists()}
    assert here <= parts
    assert {"host.json", "requirements.txt"} <= parts
    for included in re.findall(r"^-[cr] (\S+)", (REPOSITORY / "requirements.txt").read_text("utf-8"), re.M):
        assert included in parts, f"requirements.txt needs {included}"


def test_the_package_loads_by_itself(tmp_path: Path) -> None:
    """Nothing that the app imports or reads at its start was left at home."""
    for name in package():
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, tmp_path / name)
    code = "import function_app; print(len(function_app.app.get_functions()))"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert int(run.stdout) > 30


def test_the_deployment_page_speaks_of_the_templates_as_they_are() -> None:
    text = DEPLOY.read_text("utf-8")
    main = template("main.bicep")
    for output in re.findall(r"\$\(out (\w+)\)", text):
        assert output in main.tree["outputs"]
    for name, default in re.findall(r"^\| `(\w+)` \| `(\w+)` \|", text, re.M):
        assert str(main.parameters[name]["default"]).lower() == default
    for name in re.findall(
        r"`(dataverse\w+|signIn\w+|ledger\w+|vaultEntries\w+|allowedIp\w+|appSettings|fallbackOwner)`", text
    ):
        assert name in main.parameters
    assert "not exercised in this repository's tests" in " ".join(text.replace("**", "").split())
