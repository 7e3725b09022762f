"""A simulator of its own for each test, behind real HTTP on a free port."""

import base64
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from aiohttp.test_utils import TestServer

from local.dataverse.control import ENVIRONMENT
from local.dataverse.environment import Environment
from local.dataverse.server import make_app
from tests.simulator import packages

SEED = {
    "users": [
        {"email": "ana.ruiz@clinic.example", "first": "Ana", "last": "Ruiz"},
        {"email": "left.long.ago@clinic.example", "first": "Left", "last": "Ago", "disabled": True},
        {
            "email": "narrow@clinic.example",
            "first": "Nar",
            "last": "Row",
            "lacks": ["prvReadContact", "prvCreateAccount"],
        },
    ],
    "teams": ["Front desk"],
}


@dataclass
class Dataverse:
    """The client side of one simulator: ``api`` is rooted at the Web API, ``control`` at ``/_sim``."""

    api: httpx.AsyncClient
    control: httpx.AsyncClient
    environment: Environment

    async def create(self, set_name: str, **body: Any) -> str:
        """POSTs a row and gives its id."""
        response = await self.api.post(set_name, json=body)
        assert response.status_code == 204, response.text
        return response.headers["OData-EntityId"].rpartition("(")[2][:-1]

    async def row(self, path: str, **params: str) -> dict[str, Any]:
        response = await self.api.get(path, params=params)
        assert response.status_code == 200, response.text
        document: dict[str, Any] = response.json()
        return document

    async def user(self, email: str) -> str:
        found = await self.row("systemusers", **{"$filter": f"internalemailaddress eq '{email}'"})
        identity: str = found["value"][0]["systemuserid"]
        return identity

    async def install(self, package: bytes) -> None:
        body = {
            "OverwriteUnmanagedCustomizations": True,
            "PublishWorkflows": True,
            "CustomizationFile": base64.b64encode(package).decode(),
            "ImportJobId": str(uuid.uuid4()),
        }
        response = await self.api.post("ImportSolution", json=body)
        assert response.status_code == 204, response.text

    async def ready(self) -> None:
        """Imports the visits solution and waits for its keys."""
        await self.install(packages.visits())
        for table in ("cms_visit", "contact"):
            await self.row(f"EntityDefinitions(LogicalName='{table}')/Keys")


@pytest.fixture
async def dv() -> AsyncIterator[Dataverse]:
    app = make_app(":memory:", SEED)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    root = str(server.make_url("/"))
    headers = {"Authorization": "Bearer test"}
    async with (
        httpx.AsyncClient(base_url=f"{root}api/data/v9.2/", headers=headers) as api,
        httpx.AsyncClient(base_url=f"{root}_sim/") as control,
    ):
        yield Dataverse(api, control, app[ENVIRONMENT])
    await server.close()


def code(response: httpx.Response) -> tuple[int, str]:
    """Status and error code of a refusal."""
    return response.status_code, response.json()["error"]["code"]


async def configure(dv: Dataverse, document: Any) -> None:
    """Sets the faults; a wrong configuration fails the test."""
    response = await dv.control.post("faults", json=document)
    assert response.status_code == 200, response.text
