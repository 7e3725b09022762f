"""What the services' tests share: storage, and a migration with the sample map."""

from collections.abc import AsyncIterator, Iterator

import pytest

from ledger.migrations import Migration
from ledger.storage import Storage
from services import overview
from services.overview import NewMigration
from tests.mapping.samples import a_map
from tests.support.azurite import start_azurite
from tests.support.maps import with_map
from tests.support.systems import new_system


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of a running Azurite."""
    with start_azurite(tmp_path_factory.mktemp("azurite")) as connection:
        yield connection


@pytest.fixture
async def store(azurite: str) -> AsyncIterator[Storage]:
    """A storage with its containers and tables."""
    async with Storage.open(azurite) as opened:
        await opened.ensure()
        yield opened


@pytest.fixture
async def mapped(store: Storage) -> Migration:
    """A migration whose source was read, with the sample map."""
    made = await overview.create(store, NewMigration(system=new_system()))
    return await with_map(store, made, a_map(controlled=None))
