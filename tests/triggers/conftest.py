"""The API's handlers as the host calls them, over a storage of their own."""

from collections.abc import AsyncIterator, Iterator
from types import ModuleType
from typing import Final

import pytest

from ledger.storage import Storage
from tests.support.azurite import start_azurite
from triggers import files, maps, meta, migrations, profiles, reports, sample, steps

_MODULES: Final[tuple[ModuleType, ...]] = (files, maps, meta, migrations, profiles, reports, sample, steps)


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of a running Azurite."""
    with start_azurite(tmp_path_factory.mktemp("azurite")) as connection:
        yield connection


@pytest.fixture
async def store(azurite: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Storage]:
    """The storage that the handlers find."""
    async with Storage.open(azurite) as opened:
        await opened.ensure()

        async def here() -> Storage:
            return opened

        for module in _MODULES:
            monkeypatch.setattr(module, "storage", here)
        yield opened
