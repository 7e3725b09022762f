"""Signing in for real: MSAL, the simulator's directory, and tokens that are checked."""

from collections.abc import Iterator

import pytest

from dataverse.client import DataverseClient
from dataverse.errors import AuthRefused
from dataverse.limits import Clock
from dataverse.pool import ApplicationUser, ClientPool, credentials
from dataverse.preflight import PreflightSettings, preflight
from dataverse.rows import create_rows
from dataverse.users import who_am_i
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
    assert (await who_am_i(made.first)).user_id
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
        await who_am_i(made.first)
    [finding] = await preflight({user.client_id: made.first}, SCHEMA, PreflightSettings())
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
