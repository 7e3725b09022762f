"""The one export, system and browser that the whole road goes through."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.browser import Console, chromium
from tests.e2e.clinic import Export, make_export
from tests.e2e.dumps import Row
from tests.e2e.system import System, running


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the export, the system and the pictures."""
    return tmp_path_factory.mktemp("console")


@pytest.fixture(scope="package")
def export(folder: Path) -> Export:
    """Sixteen patients."""
    return make_export(folder / "export", 16)


@pytest.fixture(scope="package")
def system(folder: Path, export: Export) -> Iterator[System]:
    """A system whose target has the clinic's users."""
    with running(folder, users=export.users) as one:
        yield one


@pytest.fixture(scope="package")
def console(system: System, folder: Path) -> Iterator[Console]:
    """Somebody who sits at the console."""
    with chromium() as browser:
        yield Console(browser, system.app, folder)


@pytest.fixture(scope="package")
def clicked() -> dict[str, Row]:
    """What the clicked migration put into the target."""
    return {}
