"""The directory: MSAL gets its tokens here, and the service refuses those that are not good."""

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msal  # type: ignore[import-untyped]
import pytest
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from local.dataverse.control import ENVIRONMENT
from local.dataverse.environment import Environment
from local.dataverse.server import make_app
from local.dataverse.tls import AUTHORITY, tls_context

TENANT = "8d9c6a3e-0000-4000-8000-0000000000aa"
ONE, TWO, THIRD = (f"8d9c6a3e-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))


def certificate() -> tuple[str, str]:
    """A private key and its self-signed certificate, both PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "carryover")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    form = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, form)
    return private.decode(), made.public_bytes(serialization.Encoding.PEM).decode()


KEY, CERTIFICATE = certificate()
SEED = {
    "tenant_id": TENANT,
    "applications": [
        {"client_id": ONE, "secret": "first secret", "name": "# Loader 1"},
        {"client_id": TWO, "secret": "second secret", "lacks": ["prvCreateContact"]},
        {"client_id": THIRD, "certificate": CERTIFICATE},
    ],
}


class Plain:
    """MSAL's HTTP client for an authority that is said to be https and is not."""

    def __init__(self) -> None:
        self.http = httpx.Client()

    def get(self, url: str, params: Any = None, headers: Any = None, **_: Any) -> httpx.Response:
        return self.http.get("http" + url.removeprefix("https"), params=params, headers=headers)

    def post(self, url: str, params: Any = None, data: Any = None, headers: Any = None, **_: Any) -> httpx.Response:
        # MSAL's assertions are bytes, which httpx would send as their repr.
        form = {name: value.decode() if isinstance(value, bytes) else value for name, value in (data or {}).items()}
        return self.http.post("http" + url.removeprefix("https"), params=params, data=form, headers=headers)


@dataclass
class Site:
    url: str
    environment: Environment
    api: httpx.AsyncClient

    async def ask(self, client_id: str, credential: Any, tenant: str = TENANT, **more: Any) -> dict[str, Any]:
        """What MSAL says to a request for a token."""

        def work() -> dict[str, Any]:
            application = msal.ConfidentialClientApplication(
                client_id,
                authority=f"https://{self.url.partition('://')[2]}/{tenant}",
                client_credential=credential,
                instance_discovery=False,
                **({"http_client": Plain()} | more),
            )
            answer: dict[str, Any] = application.acquire_token_for_client([f"{self.url}/.default"])
            return answer

        return await asyncio.to_thread(work)

    async def token(self, client_id: str = ONE, credential: Any = "first secret") -> str:
        answer = await self.ask(client_id, credential)
        assert "access_token" in answer, answer
        text: str = answer["access_token"]
        return text

    async def status(self, token: str, path: str = "WhoAmI") -> int:
        response = await self.api.get(path, headers={"Authorization": f"Bearer {token}"})
        return response.status_code

    async def who(self, token: str) -> str:
        response = await self.api.get("WhoAmI", headers={"Authorization": f"Bearer {token}"})
        user: str = response.json()["UserId"]
        return user

    async def check(self, **more: Any) -> None:
        self.environment.configure({"tokens": {"check": True, **more}})


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    app = make_app(":memory:", SEED)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    url = str(server.make_url("")).rstrip("/")
    async with httpx.AsyncClient(base_url=f"{url}/api/data/v9.2/") as api:
        yield Site(url, app[ENVIRONMENT], api)
    await server.close()


async def test_each_application_is_a_user_of_its_own(site: Site) -> None:
    first, second = await site.token(), await site.token(TWO, "second secret")
    users = {await site.who(first), await site.who(second), await site.who("anything")}
    assert len(users) == 3
    headers = {"Authorization": f"Bearer {first}"}
    found = await site.api.get("systemusers", params={"$filter": f"applicationid eq {ONE}"}, headers=headers)
    (user,) = found.json()["value"]
    assert (user["systemuserid"], user["fullname"]) == (await site.who(first), "# Loader 1")
    refused = await site.api.post("contacts", json={}, headers={"Authorization": f"Bearer {second}"})
    assert refused.status_code == 403


async def test_limits_are_each_applications_own(site: Site) -> None:
    first, second = await site.token(), await site.token(TWO, "second secret")
    site.environment.configure({"limits": {"requests": 1}})
    assert [await site.status(token) for token in (first, second, first, second)] == [200, 200, 429, 429]


async def test_a_certificate_is_as_good_as_a_secret(site: Site) -> None:
    credential = {"private_key": KEY, "public_certificate": CERTIFICATE}
    token = await site.token(THIRD, credential)
    await site.check()
    assert await site.status(token) == 200
    other_key, other = certificate()
    refused = await site.ask(THIRD, {"private_key": other_key, "public_certificate": other})
    assert (refused["error"], refused["error_codes"]) == ("invalid_client", [700027])


async def test_refusals_carry_the_directorys_codes(site: Site) -> None:
    wrong = await site.ask(ONE, "wrong")
    assert (wrong["error"], wrong["error_codes"]) == ("invalid_client", [7000215])
    assert wrong["error_description"].startswith("AADSTS7000215: Invalid client secret provided.")
    assert {"timestamp", "trace_id", "correlation_id"} <= wrong.keys()
    unknown = await site.ask(TENANT, "first secret")
    assert (unknown["error"], unknown["error_codes"]) == ("unauthorized_client", [700016])
    with pytest.raises(ValueError, match="authority"):
        await site.ask(ONE, "first secret", tenant="elsewhere.example")


async def test_the_scope_must_be_the_environments(site: Site) -> None:
    form = {"grant_type": "client_credentials", "client_id": ONE, "client_secret": "first secret"}
    async with httpx.AsyncClient(base_url=f"{site.url}/{TENANT}/oauth2/v2.0/") as directory:
        for scope, number in (("user.read", 1002012), ("", 1002012)):
            refused = await directory.post("token", data={**form, "scope": scope})
            assert (refused.status_code, refused.json()["error_codes"]) == (400, [number])
        other = await directory.post("token", data={**form, "scope": "https://other.crm.dynamics.com/.default"})
    token = other.json()["access_token"]
    assert await site.status(token) == 200
    await site.check()
    assert await site.status(token) == 401


async def test_tokens_are_checked_where_that_is_switched_on(site: Site) -> None:
    token = await site.token()
    await site.check()
    assert await site.status(token) == 200
    assert await site.status("anything") == 401
    assert await site.status(token[:-2] + "AA") == 401
    response = await site.api.get("WhoAmI", headers={"Authorization": "Bearer anything"})
    assert response.headers["WWW-Authenticate"].startswith("Bearer authorization_uri=https://")
    assert f"resource_id={site.url}/" in response.headers["WWW-Authenticate"]


async def test_tokens_end(site: Site) -> None:
    now = 1_000_000.0
    site.environment.directory.now = lambda: now
    await site.check(seconds=60)
    answer = await site.ask(ONE, "first secret")
    assert answer["expires_in"] == 60
    assert await site.status(answer["access_token"]) == 200
    now += 61
    assert await site.status(answer["access_token"]) == 401
    assert await site.status(await site.token()) == 200


async def test_tokens_can_be_revoked(site: Site) -> None:
    await site.check()
    token = await site.token()
    async with httpx.AsyncClient(base_url=site.url) as control:
        assert (await control.post("/_sim/revoke")).json() == {"revoked": 1}
    assert await site.status(token) == 401
    assert await site.status(await site.token()) == 200


async def test_the_directory_may_fail(site: Site) -> None:
    site.environment.configure([{"match": {"path_regex": "oauth2"}, "status": 503}])
    form = {"grant_type": "client_credentials"}
    async with httpx.AsyncClient() as directory:
        answers = [await directory.post(f"{site.url}/{TENANT}/oauth2/v2.0/token", data=form) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [503, 400]


async def test_over_tls_with_the_simulators_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = TestServer(make_app(":memory:", SEED), scheme="https", host="127.0.0.1")
    await server.start_server(ssl=tls_context(tmp_path))
    url = f"https://127.0.0.1:{server.port}"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / AUTHORITY))
    trust = ssl.create_default_context(cafile=str(tmp_path / AUTHORITY))

    def work() -> dict[str, Any]:
        application = msal.ConfidentialClientApplication(
            ONE, authority=f"{url}/{TENANT}", client_credential="first secret", instance_discovery=False,
        )  # fmt: skip
        answer: dict[str, Any] = application.acquire_token_for_client([f"{url}/.default"])
        return answer

    try:
        token = (await asyncio.to_thread(work))["access_token"]
        async with httpx.AsyncClient(base_url=f"{url}/api/data/v9.2/", verify=trust) as api:
            response = await api.get("", headers={"Authorization": f"Bearer {token}"})
            assert response.json()["@odata.context"].startswith(url)
            known = await api.get(
                f"{url}/common/discovery/instance",
                params={"authorization_endpoint": f"{url}/{TENANT}/oauth2/authorize"},
            )
        assert known.json()["tenant_discovery_endpoint"].startswith(f"{url}/{TENANT}/")
    finally:
        await server.close()
    assert tls_context(tmp_path) is not None  # the files are used again
    assert (tmp_path / "server.pem").stat().st_mode & 0o077 == 0
