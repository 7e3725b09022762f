"""What the console's tests share: an export, a running system, a browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.clinic import Export, make_export
from tests.e2e.system import System, running
from tests.support.azurite import start_azurite


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the module's export, system and pictures."""
    return tmp_path_factory.mktemp("console")


@pytest.fixture(scope="module")
def export(folder: Path) -> Export:
    """Sixteen patients."""
    return make_export(folder / "export", 16)


@pytest.fixture(scope="module")
def system(folder: Path, export: Export) -> Iterator[System]:
    """A system whose target has the clinic's users."""
    with running(folder, users=export.users) as one:
        yield one


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of a running Azurite."""
    with start_azurite(tmp_path_factory.mktemp("azurite")) as connection:
        yield connection
