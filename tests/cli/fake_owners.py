"""Who owns rows, as the fake app tells it."""

from typing import Any

from aiohttp import web


class FakeOwners:
    """One staff member, who is a practitioner and a user of the target; and, when a test says so, somebody nobody knows."""

    posted: list[tuple[str, dict[str, Any]]]

    def __init__(self) -> None:
        self.unmatched = 0  #: rows of somebody whom the target does not know

    def owner_routes(self, one: str) -> list[web.RouteDef]:
        """The routes below a migration."""
        return [web.get(one + "/owners", self._owners), web.post(one + "/owners", self._fallback)]

    async def _fallback(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.posted.append(("fallback", asked))
        return web.json_response({"fallback": asked["fallback"]})

    async def _owners(self, request: web.Request) -> web.Response:
        told = {"rows": 12, "objects": {"patient": 12}, "decision": "owns the rows", "by": "Ada"}
        ann = {"staff": "7", "name": "Ann", "email": "a@clinic.example", "match": "found", "active": "Active"}
        return web.json_response(
            {
                "owners": [ann | told | {"disposition": "unchanged", "reason": ""}],
                "practitioners": [
                    {
                        "practitioner": "p1",
                        "name": "Ann",
                        "email": "a@clinic.example",
                        "staff": "7",
                        "match": "found",
                        **told,
                        "reason": "",
                    }
                ],
                "strangers": [{"kind": "staff", "id": "9", **told, "rows": self.unmatched}] * bool(self.unmatched),
            }
        )
