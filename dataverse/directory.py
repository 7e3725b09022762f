"""The road to the directory (Entra ID), and to an app's identity endpoint, for MSAL: HTTP, certificates, refusals in words.

One HTTP library for everything, the same one locally: a directory on this machine may be reached by plain HTTP, which
MSAL itself does not allow, or over TLS with a certificate named by SSL_CERT_FILE.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from dataverse.errors import AuthRefused, Unavailable

LOGIN: Final = "https://login.microsoftonline.com"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_CODE: Final = re.compile(r"AADSTS\d{4,8}")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer in the form MSAL asks of its HTTP client."""

    status_code: int
    text: str
    headers: Mapping[str, str]

    def raise_for_status(self) -> None:
        """MSAL calls this for answers that it cannot use."""
        if self.status_code >= 400:
            raise AuthRefused(f"The directory answered with status {self.status_code}.")


class Directory:
    """MSAL's ``http_client`` for one authority (an address without tenant, LOGIN or an override).

    Raises Unavailable when the directory does not answer, is busy, or fails; ValueError for an authority that is
    neither https nor on this machine.
    """

    def __init__(self, authority: str, http: httpx.Client | None = None) -> None:
        place = urlsplit(authority)
        if place.scheme != "https" and not (place.scheme == "http" and place.hostname in _LOOPBACK):
            raise ValueError("The authority must be an https address, or http on this machine.")
        self._plain = place.netloc if place.scheme == "http" else ""
        self._http = http or httpx.Client(timeout=20.0)

    def get(self, url: str, params: Any = None, headers: Any = None, **_: Any) -> Reply:
        """A GET; members that only other libraries know are left out."""
        return self._send("GET", url, params=params, headers=headers)

    def post(self, url: str, params: Any = None, data: Any = None, headers: Any = None, **_: Any) -> Reply:
        """A POST of a form."""
        # MSAL gives a signed assertion as bytes, which httpx would send as Python writes them.
        form = {name: v.decode("ascii") if isinstance(v, bytes) else v for name, v in (data or {}).items()}
        return self._send("POST", url, params=params, data=form, headers=headers)

    def close(self) -> None:
        self._http.close()

    def _send(self, method: str, url: str, **more: Any) -> Reply:
        if self._plain and urlsplit(url).netloc == self._plain:
            url = "http://" + url.partition("://")[2]
        try:
            response = self._http.request(method, url, **{name: value for name, value in more.items() if value})
        except httpx.TransportError as error:
            raise Unavailable(f"The directory did not answer: {type(error).__name__}.") from None
        if response.status_code == 429 or response.status_code >= 500:
            raise Unavailable(f"The directory is not available now (status {response.status_code}).")
        text = response.text
        if self._plain:
            # MSAL takes https addresses only: it is told those, and they become plain again above.
            text = text.replace(f"http://{self._plain}", f"https://{self._plain}")
        return Reply(response.status_code, text, dict(response.headers))


def refusal(answer: Mapping[str, Any]) -> AuthRefused:
    """What a refused token means. Only the AADSTS code, or the error's kind, is passed on: descriptions quote."""
    code = _CODE.search(str(answer.get("error_description") or ""))
    kind = re.fullmatch(r"[a-z_]{1,40}", str(answer.get("error") or ""))
    why = code.group(0) if code else kind.group(0) if kind else "no reason given"
    return AuthRefused(f"The directory refused the credentials ({why}).")


def misconfigured(error: Exception) -> AuthRefused:
    """MSAL could not even ask: it knows no such tenant or authority, or cannot use the certificate."""
    code = _CODE.search(str(error))
    why = f" ({code.group(0)})" if code else ""
    return AuthRefused(f"The directory does not know the tenant, or the certificate cannot be used{why}.")


def read_certificate(path: Path) -> dict[str, Any]:
    """MSAL's form of a PEM with key and certificate, or of a PFX without password; AuthRefused when it is neither."""
    try:
        if path.suffix.lower() in (".pfx", ".p12"):
            path.open("rb").close()
            return {"private_key_pfx_path": str(path)}
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        raise AuthRefused("The certificate file cannot be read.") from None
    blocks = re.findall(r"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----", text, re.S)
    if not any(kind.endswith("PRIVATE KEY") for kind in blocks) or "CERTIFICATE" not in blocks:
        raise AuthRefused("The certificate file must hold both a private key and a certificate.")
    return {"private_key": _pem(text, r"[A-Z ]*PRIVATE KEY"), "public_certificate": _pem(text, "CERTIFICATE")}


def _pem(text: str, kind: str) -> str:
    return "\n".join(m.group(0) for m in re.finditer(rf"-----BEGIN {kind}-----.*?-----END {kind}-----", text, re.S))
