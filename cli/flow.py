"""Every step of a migration in a row, from wherever it stands, without asking."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from rich.markup import escape

from cli import place
from cli.errors import CliError, interrupted, misuse, refused
from cli.output import counted, seconds, size, words
from cli.reports import fetch, fetch_claims, reports_folder
from cli.runs import Run, conclude, follow
from cli.session import Session
from cli.shown import Summary
from cli.upload import upload

#: States in which the source may still be scoped anew.
BEFORE_MIGRATED: Final = ("scoped", "mapped", "confirmed", "prepared", "sampled", "signed_off")

#: Why a dataset that feeds nothing stays out, when nobody is asked.
OUT_OF_SCOPE: Final = "Feeds none of the objects that are migrated; it stays in the export of the source."

#: Where the way ends.
ARRIVED: Final = ("verified", "closed")


class Flow:
    """One pass through the life of a migration. Every answer a person would give is given beforehand."""

    def __init__(
        self, session: Session, *, by: str, controlled: str, target: str | None = None, pause: float | None = None
    ) -> None:
        self.session = session
        self.by = by
        self.controlled = controlled
        self.target = target
        self.pause = pause
        self.taken: dict[str, float] = {}
        self._out = session.out

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Adds the seconds of what happens inside to a step."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.taken[step] = round(self.taken.get(step, 0.0) + time.monotonic() - began, 3)

    def upload(self, source: Path) -> bool:
        """Brings the source; true when the app did not have all of it yet."""
        with self.timed("upload"):
            sent = upload(self.session.api, self._out, self.session.id, source, replace=True)
        self.tick("upload", f"{counted(sent['files'], 'file')}, {size(sent['bytes'])}")
        return bool(sent["sent"] or sent["removed"])

    def go(self, *, changed: bool) -> None:
        """Takes every step that is left. ``changed``: the source is not the one that was read before.

        Raises CliError for a run that failed (1), a shut gate (3) and a run that paused (130).
        """
        migration = self._settled()
        if migration["state"] == "closed":
            raise refused("The migration is closed.", "Start another: ./carryover create --system NAME")
        if changed and migration["state"] in BEFORE_MIGRATED:
            self.step("scope")
        elif changed and migration["state"] in ("migrated", "verified"):
            self.step("delta", paused_at(self.pause))
        migration = self.session.migration()
        while migration["state"] not in ARRIVED:
            before = migration["state"]
            self._onward(migration)
            migration = self.session.migration()
            if migration["state"] == before:
                raise CliError(f"The migration stays {words(before)}.", next=self._advice(migration))

    def _onward(self, migration: dict[str, Any]) -> None:
        match migration["state"]:
            case "created" | "scoped":
                self.step("scope")
            case "mapped":
                self.confirm()
            case "confirmed":
                self.step("prepare")
            case "prepared":
                self.step("sample")
            case "sampled":
                self.sign_off(migration)
            case "signed_off":
                self.step("plan")
                self.step("run", {"target": self._target(migration)} | paused_at(self.pause))
            case "migrated":
                self.step("verify")
            case other:
                raise CliError(f"The migration is {words(other)}, which this program does not know.")

    def step(self, step: str, options: dict[str, Any] | None = None) -> Run:
        """One step as a run, watched to its end."""
        with self.timed(step):
            run = self.session.start(step, {"by": self.by} | (options or {}))
        conclude(self._out, self.session.id, run)
        return run

    def confirm(self) -> None:
        """Confirms the map as it stands, with the policy for controlled substances. Delicate fields are migrated; what
        feeds no object stays out, and what a proposal found no column for is left behind."""
        with self.timed("confirm"):
            shown = self.session.api.get(self.session.path("map"))
            agreed = accept_all(self.session, self.by, shown["left_behind"]) or shown["hash"]
            answer = {"by": self.by, "hash": agreed, "controlled": self.controlled}
            names = (f"{one['object']}.{one['field']}" for one in shown.get("undecided", ()))
            answer["phi"] = dict.fromkeys(names, "migrate")
            answer["out_of_scope"] = dict.fromkeys(shown.get("unmarked", ()), OUT_OF_SCOPE)
            self.session.api.post(self.session.path("confirm"), answer)
        self.tick("confirm", f"map {agreed[:12]}, controlled substances: {self.controlled}")

    def sign_off(self, migration: dict[str, Any]) -> None:
        """Signs the latest sample."""
        with self.timed("sign-off"):
            sign(self.session, migration, self.by)
        self.tick("sign-off", f"by {self.by}")

    def rollback(self) -> None:
        """Takes back everything that was written."""
        self.step("rollback", {"runs": "all", "force": False, "preview": False, "remove_solution": False})

    def summary(self) -> Summary:
        """The summary document, as it is now."""
        document: Summary = self.session.api.get(self.session.path("summary"))
        return document

    def finish(self, summary: Summary) -> Summary:
        """The summary at the end: the state now, the rollback if there was one, the seconds, the reports brought here."""
        now = self.summary()
        api, id, folder = self.session.api, self.session.id, reports_folder(self.session.id)
        # The claims export is the billing system's: what it is brought for is said beforehand, too.
        places = fetch(api, id, folder) | fetch_claims(api, id, folder, {"reveal": "billing", "by": self.by})
        return summary | {
            "state": now["state"],
            "rollback": now["rollback"],
            "seconds": now["seconds"],
            "reports": {name: str(path) for name, path in places.items()},
        }

    def _settled(self) -> dict[str, Any]:
        migration = self.session.migration()
        if active := migration.get("active_run"):
            run = follow(self.session.api, self._out, self.session.id, str(active))
            conclude(self._out, self.session.id, run)
            migration = self.session.migration()
        return migration

    def _target(self, migration: dict[str, Any]) -> str:
        name = str(migration.get("target_name") or "")
        if self.target is not None:
            return self.target
        if not place.is_trial():
            # --yes is for trials: the name of an organisation that others work in is typed by a person.
            raise misuse(
                "Name the target that is to be written to.", f"--target {name!r}, if that is the one you mean."
            )
        return name

    def tick(self, step: str, more: str = "") -> None:
        """Says that a step is done."""
        self._out.done(words(step), seconds(self.taken[step]), escape(more))

    @staticmethod
    def _advice(migration: dict[str, Any]) -> str:
        steps = migration.get("next") or []
        return f"{steps[0]['step']}: {steps[0].get('why', '')}" if steps else "./carryover status"


def accept_all(session: Session, by: str, left: list[dict[str, str]]) -> str:
    """Accepts that these fields are left behind, each with the reason it was proposed with, and says how many. Returns the
    hash of the map as it is then; "" when there are none."""
    if not left:
        return ""
    edits = [one | {"action": "accept"} for one in left]
    made = session.api.post(session.path("map", "fields"), {"by": by, "edits": edits})
    session.out.say(f"[quiet]{counted(len(left), 'source field')} left behind, as proposed.[/quiet]")
    return str(made["hash"])


def sign(session: Session, migration: dict[str, Any], by: str) -> dict[str, Any]:
    """Signs the latest sample: bound to the map's hash and to the sample's run. Raises CliError when there is none."""
    sample = migration.get("sample_run") or latest(migration, "sample")
    if not sample:
        raise refused("There is no sample to sign.", "./carryover sample")
    body = {"by": by, "hash": migration["map_hash"], "sample": sample}
    answer = session.api.post(session.path("sign-off"), body)
    return dict(answer or {})


def paused_at(percent: float | None) -> dict[str, Any]:
    """The option of a run that says from which share of exceptions it pauses; the app has its own."""
    return {} if percent is None else {"pause_percent": percent}


def latest(migration: dict[str, Any], kind: str) -> str | None:
    """The last run of a kind that is done; runs that are a part of another do not count."""
    runs = migration.get("runs") or []
    done = [run["id"] for run in runs if run["kind"] == kind and run["state"] == "done" and not run.get("parent")]
    return done[-1] if done else None


def find_or_create(session: Session, *, system: str, profile: str | None, plan: str | None) -> str:
    """The open migration of this system, else a new one. A system has one migration at a time."""
    for one in session.migrations():
        if one["system"].lower() == system.lower() and one["state"] != "closed":
            session.out.say(f"Going on with [name]{one['id']}[/name], which is open for {escape(system)}.")
            return str(one["id"])
    made = create(session, system=system, profile=profile, plan=plan)
    session.out.done("create", "", f"{made['id']} for {escape(system)}")
    return str(made["id"])


def create(session: Session, *, system: str, **more: Any) -> dict[str, Any]:
    """Creates a migration and makes it the one that commands mean. ``more``: members of the request; None is left out."""
    body = {"system": system} | {key: value for key, value in more.items() if value is not None}
    made: dict[str, Any] = session.api.post("/migrations", body)
    place.remember(session.api.url, str(made["id"]))
    return made


@contextmanager
def resumable(session: Session, command: str) -> Iterator[None]:
    """Ctrl-C inside becomes exit code 130 and the command that goes on."""
    try:
        yield
    except KeyboardInterrupt:
        raise interrupted("Interrupted.", f"Go on with: {command}") from None
    except CliError as error:
        if error.code == "interrupted":
            error.next = f"Go on with: {command}"
        raise
