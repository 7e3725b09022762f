"""One migration, taken along its road over the HTTP API."""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from ledger import paths
from tests.e2e.system import System, until

TARGET: Final = "Lakeside Family Health"
BLOCK: Final = 4 * 1024 * 1024
Json = dict[str, Any]


class Road:
    """A migration of one system. Every method asserts that the app did what was asked."""

    def __init__(self, system: System, name: str = "clinic", **options: Any) -> None:
        self.system = system
        made = system.ask("POST", "migrations", json={"system": name, **options})
        self.id: str = made["id"]
        self.base = f"migrations/{self.id}"

    # -- asking --------------------------------------------------------------------------------------------------

    def get(self, path: str = "") -> Json:
        """A document of the migration."""
        return dict(self.system.ask("GET", f"{self.base}/{path}".rstrip("/")))

    def post(self, path: str, **body: Any) -> Json:
        """A decision of the tester."""
        return dict(self.system.ask("POST", f"{self.base}/{path}", json={"by": "tester", **body}))

    def refused(self, path: str, status: int = 409, **body: Any) -> Json:
        """The error of a request that must be refused."""
        return self.system.refusal("POST", f"{self.base}/{path}", status, json={"by": "tester", **body})

    def report(self, name: str) -> Json:
        """A report as JSON, with its values."""
        return self.get(f"reports/{name}.json?reveal=records&by=tester")

    def table(self, report: str, title: str) -> list[Json]:
        """The rows of one table of a report."""
        return next(one["rows"] for one in self.report(report)["tables"] if one["title"] == title)

    def audit(self) -> list[Json]:
        """The audit log, in the order of its chains."""
        answer = self.system.call("GET", f"{self.base}/audit")
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]

    # -- steps ---------------------------------------------------------------------------------------------------

    def upload(self, folder: Path) -> None:
        """The folder as it is: files that are not in it any more go from the upload, too."""
        here = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
        for one in self.get("files")["files"]:
            if one["path"] not in here:
                self.system.ask("DELETE", f"{self.base}/files", params={"file": paths.file_id(one["path"])})
        for name, path in here.items():
            self.put(name, path)

    def put(self, name: str, path: Path) -> None:
        """Uploads one file under this name."""
        content = path.read_bytes()
        blocks = [content[start : start + BLOCK] for start in range(0, len(content), BLOCK)]
        for number, block in enumerate(blocks):
            where = {"file": paths.file_id(name), "block": number}
            self.system.ask("PUT", f"{self.base}/files", params=where, content=block)
        end = {"path": name, "blocks": len(blocks), "size": len(content)}
        self.system.ask("POST", f"{self.base}/files", json={**end, "sha256": hashlib.sha256(content).hexdigest()})

    def start(self, step: str, **options: Any) -> str:
        """Starts a step; gives its run."""
        return str(self.post(f"steps/{step}", **options)["run"])

    def finish(self, run: str) -> Json:
        """Waits for the end of a run, whatever it is."""

        def ended() -> Json | None:
            document = self.get(f"runs/{run}")
            return document if document["state"] != "running" else None

        return dict(until(f"{run} has ended", ended, pause=0.2))  # each look is work for the app

    def step(self, step: str, state: str = "done", **options: Any) -> Json:
        """Takes a step to its end, which must be ``state``."""
        document = self.finish(self.start(step, **options))
        assert document["state"] == state, document
        return document

    def confirm(self, controlled: str = "include", phi: dict[str, str] | None = None) -> None:
        """Confirms the map as it stands; delicate fields are migrated unless something else is said."""
        phi = {"ssn": "migrate", "clinical_note": "migrate"} | (phi or {})
        shown = self.get("map")
        agreed = shown["hash"]
        if shown["left_behind"]:
            agreed = self.post("map/fields", edits=[one | {"action": "accept"} for one in shown["left_behind"]])["hash"]
        reasons = dict.fromkeys(shown["unmarked"], "Not wanted.")
        self.post("confirm", hash=agreed, controlled=controlled, phi=phi, out_of_scope=reasons)

    def sign_off(self) -> None:
        """Signs the latest sample."""
        one = self.get()
        self.post("sign-off", hash=one["map_hash"], sample=one["sample_run"])

    def run(self, **options: Any) -> Json:
        """The full run; nothing pauses it."""
        return self.step("run", target=TARGET, pause_percent=100, **options)

    def to_prepared(self, folder: Path, controlled: str = "include") -> None:
        """Uploaded, scoped, confirmed, prepared."""
        self.upload(folder)
        self.step("scope")
        self.confirm(controlled)
        self.step("prepare")

    def to_signed(self, folder: Path, controlled: str = "include") -> None:
        """As far as the sign-off of a sample."""
        self.to_prepared(folder, controlled)
        self.step("sample")
        self.sign_off()

    def to_migrated(self, folder: Path, controlled: str = "include") -> None:
        """Every record migrated."""
        self.to_signed(folder, controlled)
        self.run()

    def rollback(self, **options: Any) -> Json:
        """Takes back; gives the totals of the summary document."""
        self.step("rollback", **options)
        return dict(self.get("summary")["rollback"])
