"""Microsoft's own Python client (PyPI: PowerPlatform-Dataverse-Client) against the simulator, over TLS.

The client takes https addresses only, and trusts what REQUESTS_CA_BUNDLE names. Test modules skip themselves when it
is not installed.
"""

import asyncio
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from aiohttp import web
from azure.core.credentials import AccessToken

from local.dataverse.control import ENVIRONMENT
from local.dataverse.environment import Environment
from local.dataverse.server import make_app
from local.dataverse.tls import AUTHORITY, tls_context

if TYPE_CHECKING:
    from PowerPlatform.Dataverse.client import DataverseClient

SEED = {"users": [{"email": "ana.ruiz@clinic.example", "first": "Ana", "last": "Ruiz"}]}


class AnyToken:
    """The simulator's default: any token is the application user."""

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken("local", int(time.time()) + 3600)


@dataclass
class Simulator:
    url: str
    trust: str
    environment: Environment

    def faults(self, document: Any) -> None:
        response = httpx.post(
            f"{self.url}/_sim/faults", json=document, verify=ssl.create_default_context(cafile=self.trust)
        )
        assert response.status_code == 200, response.text


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """The simulator in a thread of its own: the client blocks."""
    folder = tmp_path_factory.mktemp("tls")
    context = tls_context(folder)
    loop = asyncio.new_event_loop()
    app = make_app(":memory:", SEED)
    runner = web.AppRunner(app, access_log=None)
    loop.run_until_complete(runner.setup())
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    loop.run_until_complete(site.start())
    (host, port) = runner.addresses[0][:2]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield Simulator(f"https://{host}:{port}", str(folder / AUTHORITY), app[ENVIRONMENT])
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


@pytest.fixture
def simulator(running: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """A new environment."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", running.trust)
    response = httpx.post(f"{running.url}/_sim/reset", verify=ssl.create_default_context(cafile=running.trust))
    assert response.status_code == 200
    return running


@pytest.fixture
def client(simulator: Simulator) -> "Iterator[DataverseClient]":
    from PowerPlatform.Dataverse.client import DataverseClient

    with DataverseClient(simulator.url, AnyToken()) as made:
        yield made
