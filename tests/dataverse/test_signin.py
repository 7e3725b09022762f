"""Signing in for real: MSAL, the simulator's directory and identity endpoint, and tokens that are checked."""

from collections.abc import Iterator

import pytest

from dataverse.auth import CachedAuth, managed_identity
from dataverse.client import DataverseClient
from dataverse.errors import AuthRefused, Unavailable
from dataverse.limits import Clock
from dataverse.pool import ApplicationUser, ClientPool, credentials
from dataverse.preflight import PreflightSettings, preflight
from dataverse.rows import create_rows
from dataverse.users import who_am_i
from local.dataverse.catalog import stable_id
from tests.dataverse.conftest import Simulator
from tests.dataverse.fake import FakeClock
from tests.dataverse.samples import CONTACT, SCHEMA
from tests.dataverse.test_faults import ready
from tests.dataverse.test_target import new_ids, people

USERS = [ApplicationUser("app-1", "secret-1"), ApplicationUser("app-2", "secret-2")]


@pytest.fixture
def strict(simulator: Simulator) -> Iterator[Simulator]:
    """A target that takes tokens of its directory only."""
    simulator.control("faults", {"tokens": {"check": True}})
    yield simulator
    simulator.control("faults", {})


def pool(simulator: Simulator, url: str, users: list[ApplicationUser]) -> ClientPool:
    auths = credentials(url, "tenant-1", users, authority=url)
    return ClientPool(url, auths, clock=Clock(sleep=FakeClock().sleep))


async def test_application_users_are_users_of_their_own(strict: Simulator) -> None:
    made = pool(strict, strict.url, USERS)
    identities = []
    for index in range(2):
        async with made.client(index) as client:
            identities.append((await who_am_i(client)).user_id)
    assert len(set(identities)) == 2
    await made.close()


async def test_tokens_that_are_revoked_in_the_middle_of_a_load_are_renewed(simulator: Simulator) -> None:
    await ready(simulator)
    made = pool(simulator, simulator.url, USERS[:1])
    simulator.control("faults", {"tokens": {"check": True}})
    try:
        async with made.client(0) as client:
            for _ in range(3):
                assert all(o.ok for o in await create_rows(client, CONTACT, people(new_ids(20)), batch=10))
                assert simulator.control("revoke", {})["revoked"] >= 1
    finally:
        simulator.control("faults", {})
        await made.close()


async def test_the_same_over_tls(strict: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(strict.authority))
    made = pool(strict, strict.tls_url, USERS[:1])
    assert (await who_am_i(made.all[0])).user_id
    await made.close()


@pytest.mark.parametrize(
    ("user", "code"),
    [
        (ApplicationUser("app-1", "wrong"), "AADSTS7000215"),
        (ApplicationUser("app-9", "secret-1"), "AADSTS700016"),
    ],
)
async def test_refused_credentials_are_a_finding(strict: Simulator, user: ApplicationUser, code: str) -> None:
    made = pool(strict, strict.url, [user])
    with pytest.raises(AuthRefused, match=code):
        await who_am_i(made.all[0])
    [finding] = await preflight({user.client_id: made.all[0]}, SCHEMA, PreflightSettings())
    assert finding.code == "auth_refused" and code in finding.message
    assert "wrong" not in finding.message and "secret" not in finding.message.replace("secret or", "")
    await made.close()


async def test_each_application_user_has_to_be_let_in(strict: Simulator) -> None:
    users = [USERS[0], ApplicationUser("app-2", "wrong")]
    made = pool(strict, strict.url, users)
    clients = dict(zip((user.client_id for user in users), made.all, strict=True))
    found = await preflight(clients, SCHEMA, PreflightSettings())
    [refused] = [one for one in found if one.code == "auth_refused"]
    assert refused.subject == "app-2" and "AADSTS7000215" in refused.message
    assert {one.code for one in found} >= {"organization", "file_limit"}  # the first user's checks are made
    await made.close()


async def test_a_token_of_another_directory_is_not_taken(strict: Simulator) -> None:
    async with strict.client() as client:
        assert isinstance(client, DataverseClient)
        with pytest.raises(AuthRefused):
            await who_am_i(client)


@pytest.fixture
def in_azure(strict: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """The app has a managed identity, as the platform tells it by its environment."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{strict.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "known-to-the-app")
    return strict


def client_of(simulator: Simulator, identity: CachedAuth) -> DataverseClient:
    return DataverseClient(simulator.url, identity, clock=FakeClock().clock())


@pytest.mark.parametrize("client_id", [None, "app-of-azure"])
async def test_a_managed_identity_signs_in(in_azure: Simulator, client_id: str | None) -> None:
    """System-assigned, and user-assigned by its client id."""
    async with client_of(in_azure, managed_identity(in_azure.url, client_id)) as client:
        assert (await who_am_i(client)).user_id == stable_id("systemuser", "application", "app-of-azure")


async def test_a_refused_token_of_a_managed_identity_is_not_given_again(in_azure: Simulator) -> None:
    """The library that fetches it keeps it, too."""
    identity = managed_identity(in_azure.url)
    async with client_of(in_azure, identity) as client:
        await who_am_i(client)
        first = await identity.token()
        assert await identity.token() == first
        assert in_azure.control("revoke", {})["revoked"] >= 1
        await who_am_i(client)
        assert await identity.token() != first


async def test_a_managed_identitys_token_is_renewed_when_it_ends(in_azure: Simulator) -> None:
    in_azure.control("faults", {"tokens": {"check": True, "seconds": 0}})
    identity = managed_identity(in_azure.url)
    assert await identity.token() != await identity.token()


@pytest.mark.parametrize(("header", "client_id"), [("guessed", None), ("known-to-the-app", "app-of-somebody-else")])
async def test_who_is_not_the_app_gets_no_token(
    in_azure: Simulator, monkeypatch: pytest.MonkeyPatch, header: str, client_id: str | None
) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", header)
    async with client_of(in_azure, managed_identity(in_azure.url, client_id)) as client:
        with pytest.raises(AuthRefused) as refused:
            await who_am_i(client)
    assert "guessed" not in str(refused.value)


@pytest.mark.parametrize("trouble", [{"status": 503}, {"status": 502, "gateway": True}, {"reset": "before"}])
async def test_an_identity_endpoint_that_fails_now_and_then_is_asked_again(
    in_azure: Simulator, trouble: dict[str, object]
) -> None:
    rule = {"match": {"path_regex": "/msi/token"}, "times": 2, **trouble}
    in_azure.control("faults", {"tokens": {"check": True}, "rules": [rule]})
    async with client_of(in_azure, managed_identity(in_azure.url)) as client:
        assert (await who_am_i(client)).user_id
    assert in_azure.control("faults")["rules"] == [2]


async def test_an_identity_endpoint_that_stays_away_is_no_refusal(in_azure: Simulator) -> None:
    """The step may be started again; nobody has to change a setting."""
    rule = {"match": {"path_regex": "/msi/token"}, "every": 1, "status": 500}
    in_azure.control("faults", {"tokens": {"check": True}, "rules": [rule]})
    async with client_of(in_azure, managed_identity(in_azure.url)) as client:
        with pytest.raises(Unavailable):
            await who_am_i(client)
