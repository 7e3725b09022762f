"""The simulator as a process of its own, on a free port, with its database in a temporary folder."""

import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import pytest_asyncio

from dataverse.auth import StaticToken
from dataverse.client import DataverseClient
from tests.dataverse.fake import FakeClock

REPO = Path(__file__).parents[2]
#: What a salesperson's role has not got: a table that came with a solution.
UNREAD = "prvReadown_ClinicEncounter"
SEED: dict[str, Any] = {
    "organization": {"name": "Test clinic", "maxuploadfilesize": 5_242_880},
    "users": [
        {"email": "Ann.Able@clinic.example", "first": "Ann", "last": "Able"},
        {"email": "dan.gone@clinic.example", "first": "Dan", "last": "Gone", "disabled": True},
        {
            "email": "weak@clinic.example",
            "first": "W",
            "last": "K",
            "lacks": ["prvDeleteContact", "prvOverrideCreatedOnCreatedBy", "prvBypassCustomBusinessLogic"],
        },
        {"email": "sam@clinic.example", "first": "Sam", "last": "Sales", "lacks": [UNREAD]},
    ],
    "teams": [{"name": "Front desk"}, {"name": "Night desk", "lacks": [UNREAD]}],
    "applications": [
        *({"client_id": f"app-{n}", "secret": f"secret-{n}"} for n in (1, 2)),
        {"client_id": "app-of-azure", "identity_header": "known-to-the-app"},
    ],
}


@dataclass(frozen=True)
class Simulator:
    url: str
    tls_url: str  #: the same over TLS, with a certificate of its own
    authority: Path  #: what to trust for it

    def client(self, **more: Any) -> DataverseClient:
        """A client that waits in no real time."""
        return DataverseClient(self.url, StaticToken("local"), clock=FakeClock().clock(), **more)

    def control(self, name: str, body: Any = None) -> Any:
        """A call of the simulator's own control endpoints."""
        address = f"{self.url}/_sim/{name}"
        response = httpx.get(address) if body is None else httpx.post(address, json=body)
        response.raise_for_status()
        return response.json() if response.content else None


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    folder = tmp_path_factory.mktemp("dataverse")
    (folder / "seed.json").write_bytes(orjson.dumps(SEED))
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        port, tls = one.getsockname()[1], two.getsockname()[1]
    command = [sys.executable, "-m", "local.dataverse", "--port", str(port), "--db", str(folder / "sim.db")]
    command += ["--tls-port", str(tls), "--tls-dir", str(folder / "tls")]
    with (folder / "out.txt").open("wb") as out:
        process = subprocess.Popen([*command, "--seed", str(folder / "seed.json")], cwd=REPO, stdout=out, stderr=out)
    try:
        found = Simulator(f"http://127.0.0.1:{port}", f"https://127.0.0.1:{tls}", folder / "tls" / "ca.pem")
        _wait(found, process, folder / "out.txt")
        yield found
    finally:
        process.terminate()
        process.wait(20)


def _wait(simulator: Simulator, process: subprocess.Popen[bytes], out: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"the simulator ended: {out.read_text()[-2000:]}")
        try:
            simulator.control("counts")
            return
        except httpx.TransportError:
            time.sleep(0.05)
    pytest.fail("the simulator did not start")


@pytest_asyncio.fixture
async def client(simulator: Simulator) -> AsyncIterator[DataverseClient]:
    async with simulator.client() as made:
        yield made
