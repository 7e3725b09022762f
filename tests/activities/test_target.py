"""What the client of a chunk carries."""

from typing import Any, cast

import pytest

from activities import target
from dataverse.auth import StaticToken
from dataverse.client import BYPASS
from dataverse.pool import ClientPool
from ledger.lease import Lease
from ledger.storage import Storage


@pytest.mark.parametrize("bypass", [False, True])
async def test_plugins_and_flows_are_left_out_as_the_run_says(monkeypatch: pytest.MonkeyPatch, bypass: bool) -> None:
    """By the run's own word, that its reports repeat; not by a setting that may have changed meanwhile."""
    clients = ClientPool("https://target.example", [StaticToken("t")])

    async def pool() -> ClientPool:
        return clients

    monkeypatch.setattr(target, "pool", pool)
    job: dict[str, Any] = {"migration": "m", "user": 0, "epoch": 0, "bypass": bypass}
    store, lease = cast("Storage", None), cast("Lease", object())
    async with target.chunk_client(store, job, lease) as client:
        assert client.write_headers == (BYPASS if bypass else {})
    async with target.chunk_client(store, job) as reading:
        assert reading.write_headers == {}
    await clients.close()
