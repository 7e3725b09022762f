"""The fake app's map: one of a few fields, with its versions, options and decisions."""

from typing import Any

from aiohttp import web

from tests.cli.fake_answers import refusal


class FakeMap:
    """Its fields are what a test looks at and turns."""

    migrations: dict[str, dict[str, Any]]
    posted: list[tuple[str, dict[str, Any]]]

    def __init__(self) -> None:
        self.delicate = False  #: a field of the map that nobody has decided about
        self.left_behind: list[dict[str, str]] = []  #: fields that a proposal found no column for
        self.unmarked: list[str] = []  #: datasets that nobody has marked out of scope

    def map_routes(self, one: str) -> list[web.RouteDef]:
        """Below the address of one migration."""
        return [
            web.get(one + "/map", self._map),
            web.put(one + "/map", self._put_map),
            web.post(one + "/map/fields", self._fields),
            web.get(one + "/map/values", self._values),
            web.post(one + "/map/options", self._options),
            web.get(one + "/map/versions", self._versions),
            web.get(one + "/map/versions/{version}/diff", self._differences),
            web.get(one + "/map/phi", self._phi),
            web.post(one + "/map/phi", self._phi),
        ]

    async def _map(self, request: web.Request) -> web.Response:
        found = self.migrations[request.match_info["id"]]
        empty: dict[str, Any] = {"args": {}, "values": None, "phi": "none", "status": "proposed", "reason": "by name"}
        fields = [
            empty | {"source": "FIRST", "column": "firstname", "transform": "text", "confidence": 0.97},
            empty | {"source": "SEX", "column": "gendercode", "transform": "choice", "confidence": 0.6}
            | {"args": {"separator": ";"}, "values": {"M": "Male"}},
            empty | {"source": "SEX", "column": "Gender", "transform": "choice", "confidence": 0.9},
            empty | {"source": "SSN", "column": "governmentid", "transform": "text", "confidence": 1.0, "phi": "ssn"},
        ]  # fmt: skip
        routes = [{"table": "contact", "fields": fields}]
        shown = {"objects": {"patient": {"routes": routes, "match": [], "match_owner": "keep"}}}
        needed = {
            "object": "patient",
            "field": "",
            "message": "Patient records need “Last name”.",
            "unfilled": "lastname",
        }
        undecided = [{"object": "patient", "field": "SSN", "phi": "ssn"}] if self.delicate else []
        return web.json_response(
            {
                "map": shown, "hash": found["map_hash"], "version": 3, "undecided": undecided,
                "problems": [needed], "confirmed": False, "unmarked": self.unmarked,
                "left_behind": self.left_behind, "values": {"said": "Taken by a default: 2 values in 9 records."},
            }
        )  # fmt: skip

    async def _fields(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.posted.append(("fields", asked))
        if any(one["action"] == "accept" for one in asked["edits"]):
            self.left_behind = []
            return web.json_response({"hash": self.migrations[request.match_info["id"]]["map_hash"], "version": 4})
        return web.json_response({"hash": "e" * 64, "version": 4})

    async def _values(self, request: web.Request) -> web.Response:
        one = {"field": "patient.0.1", "object": "patient", "source": "SEX", "column": "gendercode", "default": None}
        other = {"value": "Q", "records": 2, "default": "Other"}
        return web.json_response({"values": [one | {"value": "X", "records": 7}, one | other], "uncounted": []})

    async def _options(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.posted.append(("options", asked))
        one = {"name": "appointment", "question": "Where?", "answers": ["ClinicAppointment", "task"],
               "means": {"ClinicAppointment": "A table of their own.", "task": "Tasks."}}  # fmt: skip
        return web.json_response({"options": [one | {"default": "ClinicAppointment", "current": "task"}]})

    async def _versions(self, request: web.Request) -> web.Response:
        one = {"hash": "f" * 64, "by": "Ada", "at": "2026-11-23T14:05:00+00:00", "cause": "confirm patient.FIRST"}
        return web.json_response({"versions": [one | {"version": number} for number in (3, 2, 1)]})

    async def _differences(self, request: web.Request) -> web.Response:
        newer = int(request.match_info["version"])
        older = int(request.query.get("from", newer - 1))
        one = {"object": "patient", "table": "contact", "field": "FIRST", "what": "column"}
        differences = [one | {"before": "firstname", "after": "nickname"}] if older and older != newer else []
        return web.json_response({"from": older, "to": newer, "differences": differences})

    async def _phi(self, request: web.Request) -> web.Response:
        if request.method == "POST":
            self.posted.append(("phi", await request.json()))
        one = {"class": "name", "decision": None, "needed": False, "by": "", "at": None}
        return web.json_response({"classes": [one | {"fields": {"open": ["patient.FIRST"]}}]})

    async def _put_map(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if not asked.get("by"):
            return refusal(400, "bad_request", "The map does not fit its form: by.")
        self.posted.append(("map", asked))
        self.migrations[request.match_info["id"]]["state"] = "mapped"
        return web.json_response({"hash": "f" * 64})
