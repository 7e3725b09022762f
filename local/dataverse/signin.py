"""The directory's endpoints: instance discovery, a tenant's OpenID configuration, its token endpoint, and the endpoint at
which an app of Azure gets its managed identity's tokens.

Addresses are told as https, since MSAL takes no others; who comes over plain HTTP maps them back.
"""

from typing import Any, Final

import orjson
from aiohttp import web

from local.dataverse.control import ENVIRONMENT
from local.dataverse.directory import Refused
from local.dataverse.environment import Environment

_NONE: Final = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}


def _json(document: Any, status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=orjson.dumps(document), headers=_NONE, content_type="application/json", charset="utf-8"
    )


def _tenant(request: web.Request) -> str:
    return f"https://{request.host}/{request.match_info['tenant']}"


async def discover(request: web.Request) -> web.Response:
    """Instance discovery: every authority that is asked about is known here."""
    asked = request.query.get("authorization_endpoint", "")
    if not asked.startswith("https://"):
        return _json(Refused(400, "invalid_instance", 50049, "Unknown or invalid instance.").document(), 400)
    tenant = asked.removeprefix("https://").split("/")[1:2]
    place = f"https://{request.host}/{tenant[0] if tenant else 'common'}/v2.0/.well-known/openid-configuration"
    return _json({"tenant_discovery_endpoint": place, "api-version": "1.1", "metadata": []})


async def configuration(request: web.Request) -> web.Response:
    """A tenant's OpenID configuration."""
    tenant = _tenant(request)
    try:
        request.app[ENVIRONMENT].directory.check_tenant(request.match_info["tenant"])
    except Refused as refused:
        return _json(refused.document(), refused.status)
    return _json(
        {
            "issuer": f"{tenant}/v2.0",
            "authorization_endpoint": f"{tenant}/oauth2/v2.0/authorize",
            "token_endpoint": f"{tenant}/oauth2/v2.0/token",
            "device_authorization_endpoint": f"{tenant}/oauth2/v2.0/devicecode",
            "jwks_uri": f"{tenant}/discovery/v2.0/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "response_types_supported": ["token"],
            "scopes_supported": ["openid"],
            "subject_types_supported": ["pairwise"],
        }
    )


async def token(request: web.Request) -> web.Response:
    """The client credential flow: a secret or a certificate's assertion for a token."""
    environment: Environment = request.app[ENVIRONMENT]
    form = {name: str(value) for name, value in (await request.post()).items()}
    try:
        environment.directory.check_tenant(request.match_info["tenant"])
        endpoint = f"{_tenant(request)}/oauth2/v2.0/token"
        return _json(environment.directory.token(form, endpoint, environment.faults.token_seconds))
    except Refused as refused:
        return _json(refused.document(), refused.status)


async def identity(request: web.Request) -> web.Response:
    """The identity endpoint of App Service: the header that only the app knows, for a token."""
    environment: Environment = request.app[ENVIRONMENT]
    header = request.headers.get("X-IDENTITY-HEADER", "")
    try:
        return _json(environment.directory.identity(request.query, header, environment.faults.token_seconds))
    except Refused as refused:
        return _json({"statusCode": refused.status, "message": refused.text}, refused.status)
