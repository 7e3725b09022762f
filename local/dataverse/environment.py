"""One Dataverse environment: its database, metadata, users, faults and running jobs, behind ``handle``."""

import sqlite3
from collections.abc import Callable
from typing import Any, Final

from local.dataverse import entities, errors, others, undefine
from local.dataverse.actions import ACTIONS, FUNCTIONS
from local.dataverse.batch import run_batch
from local.dataverse.catalog import Catalog
from local.dataverse.define import write_definitions
from local.dataverse.definitions import read_definitions
from local.dataverse.directory import Directory, applications
from local.dataverse.errors import ApiError
from local.dataverse.faults import Faults
from local.dataverse.http import Request, Response, failure, ok
from local.dataverse.install import refresh_messages
from local.dataverse.jobs import Job, Jobs
from local.dataverse.late import LateCommits
from local.dataverse.security import APPLICATION_USER_ID, Caller, Security
from local.dataverse.seed import seed
from local.dataverse.session import Session
from local.dataverse.store import Store
from local.dataverse.traffic import Traffic
from local.dataverse.uploads import Upload

_DEFINITIONS: Final = frozenset({"EntityDefinitions", "RelationshipDefinitions", "GlobalOptionSetDefinitions"})
_WRITES: Final = frozenset({"POST", "PATCH", "PUT", "DELETE"})


class Environment:
    """``path`` is the database file (or ``:memory:``); ``seeding`` the seed document, used when the file is new."""

    def __init__(self, path: str, seeding: dict[str, Any] | None = None) -> None:
        self.seeding = seeding or {}
        self.store = Store(path)
        self.faults = Faults()
        self.jobs = Jobs()
        self.uploads: dict[str, Upload] = {}
        self.dop_hint = int(self.seeding.get("dop_hint", 5))
        self.late = LateCommits()
        self.traffic = Traffic()
        self.standing: Any = {}  #: the faults that a reset goes back to
        self._open()

    def _open(self) -> None:
        self.catalog = Catalog(self.store)
        self.security = Security(self.catalog)
        seed(self.store, self.catalog, self.security, self.seeding)
        registered = {each.client_id: each for each in applications(self.seeding)}
        self.directory = Directory(registered, self.seeding.get("tenant_id"))
        self.configure(self.standing)

    def configure(self, document: Any) -> None:
        """Takes a configuration of faults in place of the one before it; ``ValueError`` names what is wrong."""
        before = self.faults.behaviour
        self.faults.configure(document)
        behaviour = self.faults.behaviour
        self.catalog.behave(behaviour, self.faults.clock)
        if behaviour.no_bulk != before.no_bulk:
            with self.store.transaction():
                refresh_messages(self._system_session())

    def reset(self) -> None:
        """Back to a new environment: no rows, no custom tables, the seed again, no faults."""
        self.store.wipe()
        self.faults = Faults(self.faults.clock)
        self.jobs = Jobs()
        self.uploads = {}
        self.late.forget()
        self._open()

    def close(self) -> None:
        self.late.forget()
        self.store.close()

    def session(self, request: Request) -> Session:
        session = Session(
            self.store, self.catalog, self.security, request.caller, request.references,
            behaviour=self.faults.behaviour, faults=self.faults.striking,
        )  # fmt: skip
        if session.faults is not None:
            session.detect_duplicates = request.headers.get("mscrm.suppressduplicatedetection", "").lower() == "false"
        return session

    def _system_session(self) -> Session:
        caller = Caller(APPLICATION_USER_ID)
        return Session(self.store, self.catalog, self.security, caller, behaviour=self.faults.behaviour)

    def caller(self, token: str, host: str, impersonated: str | None = None) -> Caller | None:
        """The caller behind a bearer token; None when tokens are checked and this one is not good here.

        Unchecked, an e-mail or id names that user, and any text that says nothing else the application user.
        """
        issued = self.directory.read(token) if token.count(".") == 2 else None
        if issued is not None and issued.client_id in self.directory.applications:
            if self.faults.check_tokens and not self.directory.good(issued, host):
                return None
            token = self.directory.applications[issued.client_id].user
        elif self.faults.check_tokens:
            return None
        return self.security.caller(token, impersonated)

    def parallelism(self) -> int:
        """The recommended number of parallel requests: so many for each web server."""
        guard = self.faults.guard
        return self.faults.dop_hint or self.dop_hint * (1 if guard is None else guard.limits.servers)

    def start_job(self, identity: str, work: Callable[[Session], None]) -> None:
        """Lets a background job run, seen in the asyncoperation of that id."""
        waiting = self.faults.behaviour.jobs.start(self.faults.clock())
        self.jobs.running.append(Job(identity, work, waiting))

    def handle(self, request: Request) -> tuple[Response, int]:
        """The answer to one request and how many rows it touched; a refused request leaves nothing behind."""
        session = self.session(request)
        try:
            if request.method not in _WRITES:
                response = self._route(session, request)
                if session.edits:
                    others.act(session)
                return response, session.rows
            if self.faults.disk_full:
                raise errors.storage_full()
            with self.store.transaction():
                response = self._route(session, request)
            return response, session.rows
        except ApiError as error:
            return failure(error), session.rows
        except sqlite3.OperationalError as error:
            if "full" not in str(error):
                raise
            return failure(errors.storage_full()), session.rows

    def _route(self, session: Session, request: Request) -> Response:
        segments = request.segments() if request.path.strip("/") else []
        if not segments:
            return self._service_document(request)
        name, key = segments[0]
        rest = segments[1:]
        if name == "$batch":
            response, rows = run_batch(self, request)
            session.rows += rows
            return response
        if request.method in _WRITES and "mscrm.bypassbusinesslogicexecution" in request.headers:
            self.security.require_named(request.caller, "prvBypassCustomBusinessLogic")
        if name in _DEFINITIONS:
            if request.method == "GET":
                return read_definitions(self.catalog, request, segments)
            self.faults.refuse_customization("Customization")
            return self._define(session, request, segments)
        if name in FUNCTIONS and request.method == "GET":
            return FUNCTIONS[name](self, session, request, key)
        if name in ACTIONS and request.method == "POST":
            return ACTIONS[name](self, session, request)
        table = self.catalog.by_set(name)
        if table is None:
            raise errors.no_segment(name)
        if self.catalog.lagging and table.name in self.catalog.lagging:
            strong = request.headers.get("consistency", "").lower() == "strong"
            if not self.catalog.look(table.name, strong=strong):
                raise errors.no_segment(name)
        if request.method == "GET":
            self.jobs.polled(self, session, table.name)
        if key is None:
            response = entities.table_request(session, request, table, rest)
        else:
            response = entities.row_request(session, request, table, key, rest)
        if table.system and request.method != "GET":
            self.security.refresh()
        return response

    def _define(self, session: Session, request: Request, segments: list[tuple[str, str | None]]) -> Response:
        """A change of the metadata."""
        if request.method == "POST":
            return write_definitions(session, request, segments)
        if request.method == "PUT":
            return undefine.change(self.catalog, request, segments)
        if request.method == "DELETE":
            return undefine.remove(self.catalog, segments)
        raise errors.not_allowed(request.method)

    def _service_document(self, request: Request) -> Response:
        sets = [{"name": n, "kind": "EntitySet", "url": n} for n in sorted(self.catalog.sets)]
        return ok({"@odata.context": f"{request.base}$metadata", "value": sets})
