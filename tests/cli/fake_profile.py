"""The fake app's profile: two datasets, and what was picked for them."""

from typing import Any

from aiohttp import web

from tests.cli.fake_answers import refusal

_TAKEN = {"object": "patient", "confidence": 0.98, "why": "its name says so"}


class FakeProfile:
    """Its fields are what a test looks at."""

    posted: list[tuple[str, dict[str, Any]]]

    def __init__(self) -> None:
        self.picks: dict[str, dict[str, Any]] = {}

    def profile_routes(self, one: str) -> list[web.RouteDef]:
        """Below the address of one migration."""
        return [
            web.get(one + "/profile", self._profile),
            web.patch(one + "/profile/datasets", self._pick),
        ]

    async def _profile(self, request: web.Request) -> web.Response:
        people = {"name": "people", "rows": 1200, "columns": 9, "feeds": ["patient"], "why": "", "taken": _TAKEN}
        other = {"name": "tbl_x", "rows": 60, "columns": 4, "feeds": [], "why": "It feeds none.", "taken": None}
        datasets = [
            one | {"files": [], "picked": self.picks.get(str(one["name"])), "waits": False} for one in (people, other)
        ]
        return web.json_response({"name": "generated", "own": True, "yaml": "", "datasets": datasets,
                                  "outdated": bool(self.picks)})  # fmt: skip

    async def _pick(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.posted.append(("datasets", asked))
        for name, one in asked["datasets"].items():
            if name != "tbl_x":
                return refusal(404, "not_found", f"There is no dataset {name}.", "Datasets: people, tbl_x.")
            self.picks[name] = one | {"object": None if one["object"] == "none" else one["object"], "by": asked["by"]}
        changes = [
            {"dataset": "tbl_x", "before": [], "after": [one for one in (self.picks["tbl_x"]["object"],) if one]}
        ]
        return web.json_response({"picks": self.picks, "changes": changes, "next": "scope"})
