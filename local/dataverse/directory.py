"""The directory that gives applications their tokens, as far as MSAL asks: the client credential flow of Entra ID, and
the identity endpoint of App Service.

A token says which application calls and until when; it is signed, so that it needs no store. Refusals carry the codes
of the real directory (AADSTS…).
"""

import base64
import hashlib
import hmac
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import jwt
import orjson
from cryptography import x509

from local.dataverse.catalog import stable_id

#: Seconds a token lives unless something else is asked for; the real directory's usual value.
LIFETIME: Final = 3599
_KEY: Final = hashlib.sha256(b"tokens of the Dataverse simulator").digest()
_SUFFIX: Final = "/.default"
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Refused(Exception):
    """A token that is not given: HTTP status, OAuth error, AADSTS number and text."""

    def __init__(self, status: int, error: str, number: int, text: str) -> None:
        super().__init__(f"AADSTS{number}")
        self.status, self.error, self.number, self.text = status, error, number, text

    def document(self) -> dict[str, Any]:
        moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        return {
            "error": self.error,
            "error_description": f"AADSTS{self.number}: {self.text} Trace ID: {trace} Correlation ID: {correlation} "
            f"Timestamp: {moment}",
            "error_codes": [self.number],
            "timestamp": moment,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.number}",
        }


@dataclass(slots=True, frozen=True)
class Application:
    """A registered application and the application user it is in the environment."""

    client_id: str
    name: str
    secret: str | None
    certificate: str | None  #: PEM of the public certificate
    lacks: frozenset[str]
    identity_header: str | None = None  #: it is a managed identity; whoever knows this gets its tokens

    @property
    def user(self) -> str:
        return stable_id("systemuser", "application", self.client_id)


def applications(seed: Mapping[str, Any]) -> list[Application]:
    """The ``applications`` of a seed document."""
    return [
        Application(
            str(item["client_id"]).lower(),
            str(item.get("name") or f"Application {item['client_id']}"),
            item.get("secret"),
            item.get("certificate"),
            frozenset(item.get("lacks", ())),
            item.get("identity_header"),
        )
        for item in seed.get("applications", [])
    ]


@dataclass(slots=True, frozen=True)
class Token:
    """What a token of ours says."""

    client_id: str
    audience: str
    expires: float
    number: int


@dataclass(slots=True)
class Directory:
    """Gives tokens and reads them. ``tenant``: the only one there is, None for any."""

    applications: dict[str, Application]
    tenant: str | None = None
    now: Callable[[], float] = time.time
    _issued: int = 0
    _revoked: int = 0  #: tokens up to this number are no longer good
    _read: dict[str, Token] = field(default_factory=dict)

    def check_tenant(self, tenant: str) -> None:
        if self.tenant is not None and tenant.lower() != self.tenant.lower():
            text = f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID."
            raise Refused(400, "invalid_request", 90002, text)

    def token(self, form: Mapping[str, str], endpoint: str, seconds: float | None = None) -> dict[str, Any]:
        """The answer to a token request; ``endpoint`` is the address a certificate's assertion must be made out to."""
        if form.get("grant_type") != "client_credentials":
            raise Refused(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
        client_id = form.get("client_id", "").lower()
        application = self.applications.get(client_id)
        if application is None:
            text = f"Application with identifier '{client_id}' was not found in the directory."
            raise Refused(400, "unauthorized_client", 700016, text)
        _prove(application, form, endpoint)
        scope = form.get("scope", "")
        if not scope.endswith(_SUFFIX) or " " in scope or not urlsplit(scope).netloc:
            text = (
                f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value "
                "with /.default suffixed to the resource identifier (application ID URI)."
            )
            raise Refused(400, "invalid_scope", 1002012, text)
        lifetime = LIFETIME if seconds is None else seconds
        return {
            "token_type": "Bearer",
            "expires_in": int(lifetime),
            "ext_expires_in": int(lifetime),
            "access_token": self._issue(client_id, scope.removesuffix(_SUFFIX), lifetime),
        }

    def identity(self, query: Mapping[str, str], header: str, seconds: float | None = None) -> dict[str, Any]:
        """The identity endpoint's answer; ``header`` is the request's ``X-IDENTITY-HEADER``.

        Learn: "How to use managed identities for App Service and Azure Functions", REST endpoint reference.
        """
        if query.get("api-version") != "2019-08-01" or not urlsplit(query.get("resource", "")).netloc:
            raise Refused(400, "bad_request", 0, "The api-version or the resource is missing or not known.")
        asked = query.get("client_id", "").lower()
        found = [one for one in self.applications.values() if one.identity_header and asked in ("", one.client_id)]
        if not found:
            text = "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."
            raise Refused(400, "bad_request", 0, text)
        if not hmac.compare_digest(header.encode(), str(found[0].identity_header).encode()):
            raise Refused(401, "unauthorized", 0, "The identity header is not the app's.")
        lifetime = LIFETIME if seconds is None else seconds
        return {
            "access_token": self._issue(found[0].client_id, query["resource"].rstrip("/"), lifetime),
            "expires_on": str(int(self.now() + lifetime)),
            "resource": query["resource"],
            "token_type": "Bearer",
            "client_id": found[0].client_id,
        }

    def _issue(self, client_id: str, audience: str, lifetime: float) -> str:
        self._issued += 1
        return _sign({"aud": audience, "appid": client_id, "exp": self.now() + lifetime, "jti": self._issued})

    def read(self, text: str) -> Token | None:
        """The token behind a text; None when it is none of ours. Whether it is still good: ``good``."""
        found = self._read.get(text)
        if found is None:
            found = _verify(text)
            if found is not None:
                if len(self._read) > 1000:
                    self._read.clear()
                self._read[text] = found
        return found

    def good(self, token: Token, host: str) -> bool:
        """Whether a token lets its bearer in at an address: in time, not revoked, made out to that address."""
        return token.expires > self.now() and token.number > self._revoked and urlsplit(token.audience).netloc == host

    def revoke(self) -> int:
        """No token given so far is good from now on; tells how many there were."""
        before, self._revoked = self._revoked, self._issued
        return self._issued - before


def _prove(application: Application, form: Mapping[str, str], endpoint: str) -> None:
    """Checks the secret or the certificate's assertion of a request."""
    assertion = form.get("client_assertion")
    if assertion is not None:
        if form.get("client_assertion_type") != _ASSERTION or not _holds(application, assertion, endpoint):
            text = "Client assertion failed signature validation."
            raise Refused(401, "invalid_client", 700027, text)
        return
    secret = form.get("client_secret")
    if not secret:
        text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
        raise Refused(401, "invalid_client", 7000218, text)
    if application.secret is None or not hmac.compare_digest(secret.encode(), application.secret.encode()):
        text = (
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
            f"not the client secret ID, for a secret added to app '{application.client_id}'."
        )
        raise Refused(401, "invalid_client", 7000215, text)


def _holds(application: Application, assertion: str, endpoint: str) -> bool:
    if application.certificate is None:
        return False
    key: Any = x509.load_pem_x509_certificate(application.certificate.encode()).public_key()
    try:
        claims = jwt.decode(assertion, key, algorithms=["RS256", "PS256"], audience=endpoint)
    except jwt.InvalidTokenError:
        return False
    return str(claims.get("iss", "")).lower() == application.client_id == str(claims.get("sub", "")).lower()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _sign(claims: dict[str, Any]) -> str:
    body = f"{_encode(orjson.dumps({'typ': 'JWT', 'alg': 'HS256'}))}.{_encode(orjson.dumps(claims))}"
    return f"{body}.{_encode(hmac.digest(_KEY, body.encode(), 'sha256'))}"


def _verify(text: str) -> Token | None:
    body, _, signature = text.rpartition(".")
    if body.count(".") != 1:
        return None
    try:
        if not hmac.compare_digest(_decode(signature), hmac.digest(_KEY, body.encode(), "sha256")):
            return None
        claims = orjson.loads(_decode(body.partition(".")[2]))
        return Token(claims["appid"], claims["aud"], claims["exp"], claims["jti"])
    except (ValueError, KeyError, TypeError):
        return None
