"""One Azurite for all ledger tests; each test has clients and a migration id of its own."""

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ledger.storage import Storage
from tests.support.azurite import start_azurite

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of a running Azurite."""
    with start_azurite(tmp_path_factory.mktemp("azurite")) as connection:
        yield connection


@pytest.fixture
async def storage(azurite: str) -> AsyncIterator[Storage]:
    """Open clients; containers and tables exist."""
    async with Storage.open(azurite) as opened:
        await opened.ensure()
        yield opened


@pytest.fixture
def migration() -> str:
    """A migration id that no other test uses."""
    return f"m-{next(_numbers):08x}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder."""
    return tmp_path
