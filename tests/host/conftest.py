"""Hosts that several tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.harness import Host


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host with two workers that consumes all completions in a replay."""
    running = Host(tmp_path_factory.mktemp("host")).start()
    yield running
    running.stop()


@pytest.fixture
def own_host(tmp_path: Path) -> Iterator[Host]:
    """A host of the test's own, not started; what is left of it is killed at the end."""
    made = Host(tmp_path)
    yield made
    made.kill()
