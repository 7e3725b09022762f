"""What the tests of the whole road share: one running system for each module that asks for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.clinic import Export, make_export
from tests.e2e.system import ROOT, System, running


@pytest.fixture(scope="session", autouse=True)
def azurite_is_installed() -> None:
    """Without the storage emulator there is no road to test."""
    if not (ROOT / "node_modules" / ".bin" / "azurite").exists():
        pytest.skip("Azurite is not installed: run `make setup`")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the module's export and system."""
    return tmp_path_factory.mktemp("e2e")


@pytest.fixture(scope="module")
def export(folder: Path) -> Export:
    """Sixteen patients: referrals with and without money, a controlled drug, the person who is both.

    Beside what the profile knows lies a file of an older billing system.
    """
    made = make_export(folder / "export", 16)
    (made.folder / "old_billing.csv").write_text("invoice,amount,memo\n17,12.50,\n18,,paid in cash\n")
    return made


@pytest.fixture(scope="module")
def system(folder: Path, export: Export) -> Iterator[System]:
    """A system whose target has the clinic's users."""
    with running(folder, users=export.users) as one:
        yield one
