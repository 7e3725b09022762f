"""MSAL against a directory of a few lines: secrets, certificates, renewal, refusals."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from dataverse import auth as auth_module
from dataverse.auth import client_credential
from dataverse.directory import Directory, read_certificate
from dataverse.errors import AuthRefused, Unavailable

URL = "https://org.crm.example"
REFUSED = {
    "error": "invalid_client",
    "error_description": "AADSTS7000215: Invalid client secret provided. Trace ID: hush Zebulon",
    "error_codes": [7000215],
}


class FakeDirectory:
    """One tenant. ``answers`` go before tokens; ``base`` is its address as clients write it."""

    def __init__(self, base: str = "https://login.clinic.example", lifetime: int = 3600) -> None:
        self.base, self.lifetime = base, lifetime
        self.answers: list[httpx.Response | Exception] = []
        self.forms: list[dict[str, str]] = []
        self.urls: list[str] = []

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.urls.append(str(request.url))
        if request.url.path == "/tenant-1/v2.0/.well-known/openid-configuration":
            return httpx.Response(
                200,
                json={
                    "issuer": f"{self.base}/tenant-1/v2.0",
                    "authorization_endpoint": f"{self.base}/tenant-1/oauth2/v2.0/authorize",
                    "token_endpoint": f"{self.base}/tenant-1/oauth2/v2.0/token",
                },
            )
        if request.url.path != "/tenant-1/oauth2/v2.0/token":
            return httpx.Response(400, json={"error": "invalid_tenant", "error_description": "AADSTS90002: Zebulon"})
        self.forms.append({name: values[0] for name, values in parse_qs(request.content.decode()).items()})
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        body = {"token_type": "Bearer", "expires_in": self.lifetime, "access_token": f"token {len(self.forms)}"}
        return httpx.Response(200, json=body)

    def auth(self, tenant: str = "tenant-1", **more: Any) -> auth_module.CachedAuth:
        http = httpx.Client(transport=httpx.MockTransport(self.handle))
        given = {"secret": "s3cret", "authority": self.base, **more}
        return client_credential(URL, tenant, "client-1", http=http, **given)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that tokens are kept by."""
    now = [1_000_000.0]
    monkeypatch.setattr(auth_module.CachedAuth.__init__, "__defaults__", (lambda: now[0],))
    monkeypatch.setattr(auth_module, "time", type("T", (), {"time": staticmethod(lambda: now[0])}))
    return now


async def test_a_secret_buys_a_token_for_the_environment() -> None:
    directory = FakeDirectory()
    auth = directory.auth()
    assert [await auth.token(), await auth.token()] == ["token 1", "token 1"]
    [form] = directory.forms
    assert form["scope"] == f"{URL}/.default" and form["grant_type"] == "client_credentials"
    assert (form["client_id"], form["client_secret"]) == ("client-1", "s3cret")
    assert all(url.startswith("https://login.clinic.example/tenant-1/") for url in directory.urls)


async def test_plain_http_is_for_a_directory_on_this_machine() -> None:
    directory = FakeDirectory("http://127.0.0.1:7081")
    assert await directory.auth().token() == "token 1"
    assert all(url.startswith("http://127.0.0.1:7081/") for url in directory.urls)
    for authority in ("http://login.clinic.example", "ftp://127.0.0.1", "login.clinic.example"):
        with pytest.raises(ValueError, match="https"):
            Directory(authority)


@pytest.mark.parametrize(("lifetime", "kept", "renewed"), [(3600, 3299, 3301), (60, 29, 31)])
async def test_tokens_are_renewed_before_they_end(
    clock: list[float], lifetime: int, kept: float, renewed: float
) -> None:
    directory = FakeDirectory(lifetime=lifetime)
    auth = directory.auth()
    began = clock[0]
    tokens = []
    for clock[0] in (began, began + kept, began + renewed):
        tokens.append(await auth.token())
    assert tokens == ["token 1", "token 1", "token 2"]


async def test_a_token_that_was_refused_is_replaced_although_it_has_not_ended() -> None:
    auth = FakeDirectory().auth()
    first = await auth.token()
    auth.forget(first)
    assert await auth.token() == "token 2"
    auth.forget(first)  # somebody else's news is old
    assert await auth.token() == "token 2"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (REFUSED, "AADSTS7000215"),
        ({"error": "invalid_client"}, "invalid_client"),
        ({"error": "Zebulon was here"}, "no reason given"),
        ({}, "no reason given"),
    ],
)
async def test_refused_credentials_tell_the_code_only(body: dict[str, Any], why: str) -> None:
    directory = FakeDirectory()
    directory.answers = [httpx.Response(401, json=body)]
    auth = directory.auth()
    with pytest.raises(AuthRefused) as caught:
        await auth.token()
    assert caught.value.message == f"The directory refused the credentials ({why})."
    assert "Zebulon" not in "".join(map(str, (caught.value, caught.value.__cause__)))
    assert await auth.token() == "token 2"  # a secret that was renewed meanwhile


async def test_an_unknown_tenant_is_told() -> None:
    with pytest.raises(AuthRefused, match="tenant") as caught:
        await FakeDirectory().auth("tenant-2").token()
    assert "Zebulon" not in str(caught.value) and caught.value.__suppress_context__


@pytest.mark.parametrize(
    "answer", [httpx.ConnectError("Zebulon"), httpx.Response(503, text="busy"), httpx.Response(429, json=REFUSED)]
)
async def test_a_directory_that_is_not_there_now_is_no_refusal(answer: Any) -> None:
    directory = FakeDirectory()
    directory.answers = [answer]
    auth = directory.auth()
    with pytest.raises(Unavailable) as caught:
        await auth.token()
    assert "Zebulon" not in str(caught.value)
    assert await auth.token() == "token 2"


async def test_credentials_need_something_to_prove() -> None:
    with pytest.raises(AuthRefused, match="secret or a certificate"):
        client_credential(URL, "tenant-1", "client-1")


Pair = tuple[rsa.RSAPrivateKey, x509.Certificate]


@pytest.fixture(scope="module")
def pair() -> Pair:
    """A key and its self-signed certificate."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "clinic")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def pem(pair: Pair) -> bytes:
    key, certificate = pair
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM) + secret


def pfx(pair: Pair) -> bytes:
    return pkcs12.serialize_key_and_certificates(b"clinic", *pair, None, NoEncryption())


@pytest.mark.parametrize(("name", "form"), [("app.pem", pem), ("app.pfx", pfx)])
async def test_a_certificate_signs_for_the_application(
    pair: Pair, tmp_path: Path, name: str, form: Callable[[Pair], bytes]
) -> None:
    file = tmp_path / name
    file.write_bytes(form(pair))
    directory = FakeDirectory()
    assert await directory.auth(secret=None, certificate=file).token() == "token 1"
    [sent] = directory.forms
    assert "client_secret" not in sent
    assert sent["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assertion = sent["client_assertion"]
    claims = jwt.decode(
        assertion,
        pair[0].public_key(),
        algorithms=["PS256", "RS256"],
        audience="https://login.clinic.example/tenant-1/oauth2/v2.0/token",
    )
    assert claims["iss"] == claims["sub"] == "client-1"
    thumbprint = jwt.get_unverified_header(assertion)["x5t#S256"]
    assert jwt.utils.base64url_decode(thumbprint) == pair[1].fingerprint(hashes.SHA256())


def sealed(pair: Pair) -> bytes:
    return pkcs12.serialize_key_and_certificates(b"clinic", *pair, None, BestAvailableEncryption(b"password"))


def half(pair: Pair) -> bytes:
    return pair[1].public_bytes(Encoding.PEM)


def broken(pair: Pair) -> bytes:
    return pem(pair).replace(b"\nM", b"\nX")


@pytest.mark.parametrize(
    ("name", "form"),
    [("app.pem", half), ("app.pem", broken), ("app.pem", sealed), ("app.pfx", sealed), ("app.pfx", half)],
)
async def test_a_certificate_that_cannot_be_used_is_refused(
    pair: Pair, tmp_path: Path, name: str, form: Callable[[Pair], bytes]
) -> None:
    file = tmp_path / name
    file.write_bytes(form(pair))
    with pytest.raises(AuthRefused, match="certificate"):
        await FakeDirectory().auth(secret=None, certificate=file).token()


async def test_a_certificate_that_is_not_there_is_told(tmp_path: Path) -> None:
    for name in ("none.pem", "none.pfx"):
        with pytest.raises(AuthRefused, match="certificate"):
            await FakeDirectory().auth(secret=None, certificate=tmp_path / name).token()


def test_a_certificate_file_needs_both_parts(tmp_path: Path) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----"
    certificate = "-----BEGIN CERTIFICATE-----\nBB==\n-----END CERTIFICATE-----"
    file = tmp_path / "both.pem"
    file.write_text(f"{certificate}\n{key}\n")
    assert read_certificate(file) == {"private_key": key, "public_certificate": certificate}
