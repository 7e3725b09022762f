"""A small app that speaks the HTTP API, holds migrations in memory and moves them on as it is asked."""

import asyncio
import hashlib
import json
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.cli.fake_answers import refusal
from tests.cli.fake_files import FakeFiles
from tests.cli.fake_map import FakeMap
from tests.cli.fake_owners import FakeOwners
from tests.cli.fake_profile import FakeProfile
from tests.cli.fake_reports import FakeReports

KEY = "the-key"
OBJECTS = ("staff", "location", "patient", "custom_property", "claim")

#: step -> (state it needs, state it leads to, kind of its run)
STEPS = {
    "scope": ({"created", "scoped", "mapped", "confirmed", "prepared", "sampled", "signed_off"}, "mapped", "scope"),
    "prepare": ({"confirmed"}, "prepared", "prepare"),
    "sample": ({"prepared"}, "sampled", "sample"),
    "plan": ({"prepared", "sampled", "signed_off", "migrated", "verified"}, None, "plan"),
    "run": ({"signed_off"}, "migrated", "migrate"),
    "retry": ({"signed_off", "migrated", "verified"}, "migrated", "retry"),
    "delta": ({"migrated", "verified"}, "migrated", "delta"),
    "verify": ({"migrated", "verified"}, "verified", "verify"),
    "rollback": ({"sampled", "signed_off", "migrated", "verified"}, "confirmed", "rollback"),
}
ONWARD = {"created": "scope", "mapped": "confirm", "confirmed": "prepare", "prepared": "sample", "migrated": "verify"}


def _named(runs: list[dict[str, Any]], body: dict[str, Any]) -> web.Response | None:
    """The refusal of a rollback of a run that is not there, or that others came after."""
    name = body.get("runs", "all")
    places = [place for place, run in enumerate(runs) if run["id"] == name]
    if name in ("all", "last"):
        return None
    if not places:
        return refusal(409, "nothing_stands", f"There is no run {name} of which anything stands in the target.")
    if places[0] < len(runs) - 1 and not body.get("later"):
        return refusal(409, "later_runs", f"{name} cannot be taken back alone: {runs[-1]['id']} came after it.")
    return None


class FakeApp(FakeFiles, FakeMap, FakeOwners, FakeProfile, FakeReports):
    """The app; its fields are what a test looks at and turns."""

    def __init__(self) -> None:
        FakeFiles.__init__(self)
        FakeMap.__init__(self)
        FakeOwners.__init__(self)
        FakeProfile.__init__(self)
        FakeReports.__init__(self)
        self.migrations: dict[str, dict[str, Any]] = {}
        self.tokens: list[str] = []
        self.posted: list[tuple[str, dict[str, Any]]] = []
        self.comments: list[dict[str, str]] = []
        self.unexplained: dict[str, list[str]] = {}  #: cause of a difference in the sample -> ids nobody has explained
        self.revealed: list[dict[str, str]] = []  #: how reports were asked for
        self.excepted = 0
        self.differing = 0
        self.looks = 2  #: times a run is looked at before it ends
        self.held_back: list[dict[str, Any]] = []  #: how a run is held back, one a look; afterwards it is not
        self.ends: dict[str, dict[str, Any]] = {}  #: kind -> what its run's document says at its end
        self.unavailable = 0  #: answers with 503 before the next good one
        self.findings: list[dict[str, Any]] = []
        self.exceptions: list[dict[str, str]] = [
            {"object": "patient", "source_id": f"p{n}", "field": "ZIP", "code": "too_long"} for n in range(250)
        ]
        self.settings: list[dict[str, Any]] = []
        self.report_names = ["scope", "diff"]
        self.claims: list[tuple[str, str]] = []  #: run and name of each file, latest run first
        self.looked_at = threading.Event()  #: somebody watches a run
        self.url = ""
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    # -- the server ----------------------------------------------------------------------------------------------

    def start(self) -> "FakeApp":
        """Listens on a free port of 127.0.0.1."""
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the fake app did not start")
        return self

    def stop(self) -> None:
        """Ends the server."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        runner = web.AppRunner(self._application(), shutdown_timeout=0)
        self._loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0)
        self._loop.run_until_complete(site.start())
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    def _application(self) -> web.Application:
        app = web.Application(middlewares=[self._guard], client_max_size=5 * 1024 * 1024)
        one = "/api/migrations/{id}"
        app.add_routes(
            [
                web.get("/api/health", self._health),
                web.get("/api/settings", self._settings),
                web.get("/api/migrations", self._list),
                web.post("/api/migrations", self._create),
                web.get(one, self._migration),
                *self.file_routes(one),
                web.post(one + "/steps/{step}", self._start),
                web.get(one + "/runs/{run}", self._run),
                web.post(one + "/runs/{run}/stop", self._stop),
                *self.map_routes(one),
                *self.profile_routes(one),
                web.post(one + "/confirm", self._confirm),
                web.post(one + "/sign-off", self._sign),
                web.post(one + "/delta/shut", self._shut),
                web.post(one + "/sign-off/revoke", self._revoke),
                web.get(one + "/differences", self._unexplained),
                web.post(one + "/differences", self._explain),
                web.get(one + "/comments", self._comments),
                web.post(one + "/comments", self._comment),
                web.post(one + "/accept", self._accept),
                web.post(one + "/close", self._close),
                *self.owner_routes(one),
                web.get(one + "/exceptions", self._exceptions),
                web.get(one + "/exceptions/causes", self._causes),
                web.get(one + "/audit", self._audit),
                web.get(one + "/audit/manifest", self._manifest),
                web.get(one + "/audit/verify", self._audit_verify),
                web.get(one + "/summary", self._summary),
                web.get(one + "/claims", self._list_claims),
                web.get(one + "/claims/{run}/{name}", self._claims_file),
                web.get(one + "/reports", self._reports),
                web.get(one + "/reports/{name}", self._report),
            ]
        )
        return app

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.tokens.append(request.headers.get("authorization", ""))
        if request.headers.get("x-functions-key") != KEY:
            return web.Response(status=401)
        if self.unavailable:
            self.unavailable -= 1
            return web.Response(status=503)
        if "id" in request.match_info and request.match_info["id"] not in self.migrations:
            return refusal(404, "no_migration", "There is no such migration.", "./carryover create")
        return await handler(request)

    # -- the endpoints -------------------------------------------------------------------------------------------

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "storage": True, "dataverse": True})

    async def _settings(self, request: web.Request) -> web.Response:
        return web.json_response({"python": "3.11.7", "packages": {"duckdb": "2.0.0"}, "settings": self.settings})

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response({"migrations": list(self.migrations.values())})

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.posted.append(("create", body))
        for other in (one for one in self.migrations.values() if one["system"] == body["system"]):
            if other["state"] != "closed":
                return refusal(409, "system_open", "A migration is open for this system.", "Go on with that one.")
            if other["written"]:
                return refusal(409, "system_closed", "Its rows are final.", "Choose another name for the system.")
        made = f"m-{len(self.migrations) + 1:08x}"
        self.files[made] = {}
        self.migrations[made] = {
            "id": made, "system": body["system"], "state": "created", "profile": body.get("profile"),
            "active_run": None, "map_hash": None, "target_name": "Clinic Trial", "runs": [], "written": False,
            "next": [{"step": "scope", "why": "Read it."}],
        }  # fmt: skip
        return web.json_response(self.migrations[made], status=201)

    async def _migration(self, request: web.Request) -> web.Response:
        found = self.migrations[request.match_info["id"]]
        step = ONWARD.get(found["state"])
        found["next"] = [{"step": step, "why": "It is next."}] if step else []
        return web.json_response(found)

    async def _start(self, request: web.Request) -> web.Response:
        found, step = self.migrations[request.match_info["id"]], request.match_info["step"]
        body = await request.json()
        needs, _, kind = STEPS[step]
        if found["state"] not in needs:
            return refusal(409, "out_of_order", f"Cannot {step} yet.", ONWARD.get(found["state"], ""))
        if step == "rollback" and (refused := _named(found["runs"], body)):
            return refused
        if body.get("preview"):
            self.posted.append((step, body))
            return web.json_response(
                {"preview": True, "runs": ["migrate-0005"], "objects": {"patient": {"delete": 100}}}
            )
        if step in ("run", "retry") and body.get("target") != found["target_name"]:
            return refusal(409, "wrong_target", "That is not the target's name.")
        self.posted.append((step, body))
        run: dict[str, Any] = {
            "id": f"{kind}-{len(found['runs']) + 1:04d}", "kind": kind, "state": "running", "message": "",
            "error": None, "progress": {}, "seconds": 0.0, "step": step, "looks": 0,
        }  # fmt: skip
        found["runs"].append(run)
        found["written"] |= kind in ("sample", "migrate", "retry", "delta")
        found["active_run"] = run["id"]
        return web.json_response({"run": run["id"], "status_url": f"/runs/{run['id']}"}, status=202)

    async def _run(self, request: web.Request) -> web.Response:
        found = self.migrations[request.match_info["id"]]
        run = next((one for one in found["runs"] if one["id"] == request.match_info["run"]), None)
        if run is None:
            return refusal(404, "no_run", "There is no such run.")
        run["looks"] += 1
        self.looked_at.set()
        if run["state"] == "running":
            done = min(100, 100 * run["looks"] // max(self.looks, 1))
            run["held_back"] = self.held_back.pop(0) if self.held_back else None
            run["progress"] = {"patient": {"done": done, "total": 100, "excepted": self.excepted if done == 100 else 0}}
            if run["looks"] >= self.looks:
                self._end(found, run)
        return web.json_response({name: value for name, value in run.items() if name != "looks"})

    def _end(self, found: dict[str, Any], run: dict[str, Any]) -> None:
        run |= {"state": "done", "seconds": 1.5} | self.ends.get(run["kind"], {})
        found["active_run"] = None
        if run["state"] != "done":
            return
        if leads := STEPS[run["step"]][1]:
            found["state"] = leads
        if run["step"] == "rollback":
            found["written"] = False
        if run["step"] == "scope":
            found["map_hash"] = hashlib.sha256(run["id"].encode()).hexdigest()
        if run["step"] in ("verify", "rollback"):
            self.report_names.append("rollback" if run["step"] == "rollback" else "reconciliation")

    async def _stop(self, request: web.Request) -> web.Response:
        found = self.migrations[request.match_info["id"]]
        self.posted.append(("stop", await request.json()))
        [run] = [one for one in found["runs"] if one["id"] == found["active_run"] == request.match_info["run"]]
        run |= {"state": "stopped", "message": "Stopped."}
        found["active_run"] = None
        return web.json_response({"run": run["id"], "status_url": f"/runs/{run['id']}"}, status=202)

    async def _confirm(self, request: web.Request) -> web.Response:
        return await self._move(request, "confirm", "mapped", "confirmed")

    async def _sign(self, request: web.Request) -> web.Response:
        if left := sum(map(len, self.unexplained.values())):
            return refusal(
                409, "differences_unexplained", f"{left} differences of the sample are unexplained.", "sample"
            )
        return await self._move(request, "sign-off", "sampled", "signed_off")

    async def _revoke(self, request: web.Request) -> web.Response:
        found, body = self.migrations[request.match_info["id"]], await request.json()
        self.posted.append(("revoke", body))
        if found["state"] != "signed_off":
            return refusal(409, "not_signed_off", "There is no sign-off to take back.", "sign-off")
        found["state"] = "sampled"
        return web.json_response(found)

    async def _unexplained(self, request: web.Request) -> web.Response:
        causes = [
            {"cause": cause, "count": 2, "left": len(ids), "ids": ids, "notes": []}
            for cause, ids in self.unexplained.items()
        ]
        left = sum(map(len, self.unexplained.values()))
        return web.json_response({"sample": "sample-0001", "left": left, "causes": causes})

    async def _explain(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.posted.append(("explain", body))
        if body["about"] not in self.unexplained:
            return refusal(404, "not_found", "The sample has no such difference.")
        self.unexplained[body["about"]] = []
        return await self._unexplained(request)

    async def _comments(self, request: web.Request) -> web.Response:
        return web.json_response({"sample": "sample-0001", "comments": self.comments})

    async def _comment(self, request: web.Request) -> web.Response:
        body = await request.json()
        if body["object"] != "patient":
            return refusal(404, "not_found", "The sample shows no such field.")
        self.comments.append(body | {"at": "2026-11-29T10:00:00+00:00"})
        return await self._comments(request)

    async def _close(self, request: web.Request) -> web.Response:
        found = self.migrations[request.match_info["id"]]
        return await self._move(request, "close", "verified" if found["written"] else found["state"], "closed")

    async def _shut(self, request: web.Request) -> web.Response:
        self.posted.append(("delta/shut", await request.json()))
        return web.json_response(self.migrations[request.match_info["id"]])

    async def _accept(self, request: web.Request) -> web.Response:
        self.posted.append(("accept", await request.json()))
        return web.json_response(self.migrations[request.match_info["id"]])

    async def _move(self, request: web.Request, step: str, needs: str, leads: str) -> web.Response:
        found, body = self.migrations[request.match_info["id"]], await request.json()
        self.posted.append((step, body))
        if found["state"] != needs:
            return refusal(409, "out_of_order", f"Cannot {step} yet.", ONWARD.get(found["state"], ""))
        if step != "close" and body["hash"] != found["map_hash"]:
            return refusal(409, "map_changed", "The map has changed since it was read.", "confirm")
        if step == "confirm" and not body["out_of_scope"].keys() >= set(self.unmarked):
            return refusal(409, "scope_undecided", "Nobody has said why these datasets stay out.", "confirm")
        found["state"] = leads
        return web.json_response(found)

    async def _exceptions(self, request: web.Request) -> web.Response:
        offset = int(request.query.get("offset", 0))
        return web.json_response({"exceptions": self.exceptions[offset : offset + 100], "total": len(self.exceptions)})

    async def _causes(self, _: web.Request) -> web.Response:
        told = {"message": "Too long.", "fix": "Shorten it.", "of": "field", "code": "too_long", "retry": True}
        causes = [
            {"cause": f"{name}/field/too_long", "object": name, "count": count, "example": "p0", **told}
            for name, count in (("patient", 250), ("location", 1))
        ]
        return web.json_response({"run": "migrate-0005", "causes": causes})

    async def _audit(self, request: web.Request) -> web.Response:
        if request.query["format"] == "csv":
            return web.Response(text="seq,operation\n1,create\n")
        if request.query.get("after"):
            return web.Response(text='{"seq":2}\n')
        return web.Response(text='{"seq":1}\n', headers={"x-continuation": "1"})

    async def _manifest(self, _: web.Request) -> web.Response:
        return web.Response(text='{"kind":"gate"}\n')

    async def _audit_verify(self, request: web.Request) -> web.Response:
        last = request.query.get("after") == "p1"
        found = self.findings if last else []
        told = {"whole": not found, "findings": found, "rows": 10, "partitions": 1}
        return web.json_response(told | {"onward": "" if last else "p1"})

    async def _summary(self, request: web.Request) -> web.Response:
        found = self.migrations[request.match_info["id"]]
        counted = {
            "read": 100, "migrated": 100 - self.excepted, "unchanged": 0, "exported": 0, "excepted": 0, "excluded": 0,
            "fields_verified": 700, "fields_differing": 0, "fields_excepted": 0,
        }  # fmt: skip
        objects = {name: dict(counted, migrated=100) for name in OBJECTS}
        objects["patient"] = counted | {"excepted": self.excepted, "fields_differing": self.differing}
        undone = found["runs"] and found["runs"][-1]["kind"] == "rollback"
        return web.json_response(
            {
                "migration": found["id"], "state": found["state"], "objects": objects,
                "rollback": {"deleted": 400, "restored": 0, "kept": 0, "left": 0} if undone else None,
                "datasets": {"patients": {"rows": 100, "fed": 100, "merged": 0, "excluded": 0}},
                "reports": {}, "seconds": dict.fromkeys([run["step"] for run in found["runs"]], 1.5) | {"total": 9.0},
            }
        )  # fmt: skip

    async def _list_claims(self, request: web.Request) -> web.Response:
        return web.json_response({"claims": [{"run": run, "name": name, "bytes": 8} for run, name in self.claims]})

    async def _claims_file(self, request: web.Request) -> web.Response:
        """In two parts, as a large file comes."""
        if (request.match_info["run"], request.match_info["name"]) not in self.claims:
            return refusal(404, "not_found", "That was not made yet.")
        if request.query.get("after"):
            return web.Response(text="2,2\n")
        return web.Response(text=f"{request.match_info['run']}\n", headers={"x-continuation": "8"})

    async def _reports(self, request: web.Request) -> web.Response:
        forms = ["html", "csv", "json"]
        listed = [{"name": name, "formats": forms, "made": "today"} for name in self.report_names]
        listed.append({"name": "evidence", "formats": ["html", "pdf", "csv", "json"], "made": "today"})
        return web.json_response({"reports": listed})

    async def _report(self, request: web.Request) -> web.Response:
        name, _, form = request.match_info["name"].rpartition(".")
        if name not in (*self.report_names, "evidence", "preflight", "forecast"):
            return refusal(404, "no_report", "There is no such report.")
        if form == "json":  # in two parts, as a long one comes
            text = json.dumps({"report": name, "tables": self.tables(name)})
            half = len(text) // 2
            if request.query.get("after") == str(half):
                return web.Response(text=text[half:])
            self.revealed.append(dict(request.query))
            return web.Response(text=text[:half], headers={"x-continuation": str(half)})
        self.revealed.append(dict(request.query))
        return web.Response(text=f"<h1>{name}</h1>" if form == "html" else "a,b\n1,2\n")
