"""What the console's tests share: an export, a running system, a browser, and storage for visits without one."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from console import csrf, door, render
from ledger.migrations import Migration
from ledger.storage import Storage
from services import identity, overview
from services.overview import NewMigration
from settings import Settings
from tests.e2e.clinic import Export, make_export
from tests.e2e.system import System, running
from tests.support.azurite import start_azurite
from tests.support.systems import new_system


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


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Settings for one test, in every module that asks for them."""

    def use(**values: Any) -> None:
        made = Settings(**values)
        monkeypatch.setattr(identity, "settings", lambda: made)
        monkeypatch.setattr(csrf, "settings", lambda: made)
        monkeypatch.setattr(render, "settings", lambda: made)

    return use


@pytest.fixture
async def store(azurite: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Storage]:
    """The storage that the console finds."""
    async with Storage.open(azurite) as opened:
        await opened.ensure()

        async def here() -> Storage:
            return opened

        monkeypatch.setattr(door, "storage", here)
        monkeypatch.setattr(csrf, "_keys", {})
        yield opened


@pytest.fixture
async def migration(store: Storage) -> Migration:
    """A migration that was just created."""
    return await overview.create(store, NewMigration(system=new_system()))
