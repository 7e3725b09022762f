"""People as the platform's sign-in names them in its headers."""

import base64

import orjson


def principal(*roles: str, name: str = "ann@clinic.example") -> dict[str, str]:
    """The headers of the platform's sign-in."""
    claims = [{"typ": "oid", "val": f"id of {name}"}, {"typ": "preferred_username", "val": name}]
    claims += [{"typ": "roles", "val": role} for role in roles]
    content = orjson.dumps({"auth_typ": "aad", "name_typ": "name", "role_typ": "roles", "claims": claims})
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(content).decode(), "X-MS-CLIENT-PRINCIPAL-NAME": name}
