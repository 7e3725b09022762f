"""What these tests share: one stage, which each of them leaves as it was."""

from collections.abc import Iterator

import pytest

from tests.chaos.stage import Stage, stage
from tests.e2e.system import ROOT


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A prepared migration to copy, and a quiet run of it to compare with."""
    if not (ROOT / "node_modules" / ".bin" / "azurite").exists():
        pytest.skip("Azurite is not installed: run `make setup`")
    with stage(tmp_path_factory.mktemp("chaos")) as one:
        yield one
