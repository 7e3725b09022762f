"""Unbound functions and actions: WhoAmI, solution import and publish, closing opportunities, counts."""

import base64
import binascii
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote
from xml.sax.saxutils import quoteattr

import orjson

from local.dataverse import errors, rows, uploads
from local.dataverse.bulkdelete import bulk_delete
from local.dataverse.changes import metadata_changes
from local.dataverse.custom import CustomizationError
from local.dataverse.define import create_entities
from local.dataverse.errors import ApiError
from local.dataverse.http import Request, Response, no_content, ok
from local.dataverse.install import install
from local.dataverse.security import BUSINESS_UNIT_ID, ORGANIZATION_ID
from local.dataverse.session import Session
from local.dataverse.values import guid

if TYPE_CHECKING:
    from local.dataverse.environment import Environment

Function = Callable[["Environment", Session, Request, str | None], Response]
Action = Callable[["Environment", Session, Request], Response]

_VERSION: Final = "9.2.25063.00198"
_IMPORT_FAILED: Final = "0x8004801e"
_IMPORT_OPERATION: Final = 203


def _who_am_i(_: "Environment", session: Session, request: Request, __: str | None) -> Response:
    return ok(
        {
            "@odata.context": f"{request.base}$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse",
            "BusinessUnitId": BUSINESS_UNIT_ID,
            "UserId": session.caller.user,
            "OrganizationId": ORGANIZATION_ID,
        }
    )


def _version(_: "Environment", __: Session, request: Request, ___: str | None) -> Response:
    context = f"{request.base}$metadata#Microsoft.Dynamics.CRM.RetrieveVersionResponse"
    return ok({"@odata.context": context, "Version": _VERSION})


def _record_counts(environment: "Environment", _: Session, request: Request, key: str | None) -> Response:
    """RetrieveTotalRecordCount(EntityNames=@p1)?@p1=["contact"]: from a snapshot in the real service."""
    text = unquote(key or "").partition("=")[2].strip()
    text = request.query.get(text, text) if text.startswith("@") else text
    try:
        names = orjson.loads(text.replace("'", '"'))
    except orjson.JSONDecodeError:
        raise errors.bad_query("EntityNames must be a list of table names.") from None
    for name in names:
        if name not in environment.catalog.tables:
            raise ApiError(404, "0x80060888", f"The entity with a name = '{name}' was not found in the metadata cache.")
    counts = [environment.store.count(name) for name in names]
    context = f"{request.base}$metadata#Microsoft.Dynamics.CRM.RetrieveTotalRecordCountResponse"
    collection = {"Count": len(names), "IsReadOnly": False, "Keys": names, "Values": counts}
    return ok({"@odata.context": context, "EntityRecordCountCollection": collection})


def _import_results(_: "Environment", session: Session, request: Request, key: str | None) -> Response:
    job = guid((key or "").partition("=")[2])
    held = session.store.fetch(session.catalog.tables["importjob"], job, ("data",)) if job else None
    if held is None:
        raise errors.not_found("importjob", job or "?")
    context = f"{request.base}$metadata#Microsoft.Dynamics.CRM.RetrieveFormattedImportJobResultsResponse"
    return ok({"@odata.context": context, "FormattedResults": held[0]})


def _package(body: dict[str, Any]) -> tuple[bytes, str]:
    """The zip and the import job's id out of the parameters of ImportSolution."""
    for name in ("OverwriteUnmanagedCustomizations", "PublishWorkflows", "CustomizationFile", "ImportJobId"):
        if name not in body:
            raise errors.bad_payload("", f"The parameter '{name}' is required.")
    job = guid(body["ImportJobId"])
    try:
        package = base64.b64decode(str(body["CustomizationFile"]), validate=True)
    except (binascii.Error, ValueError):
        raise errors.cannot_convert("", "(CustomizationFile)", "Binary") from None
    if job is None:
        raise errors.cannot_convert("", body["ImportJobId"], "Guid")
    return package, job


def _import(session: Session, package: bytes, job: str) -> str | None:
    """Imports and keeps the outcome in the import job; the reason when it failed."""
    problem: str | None = None
    name = "solution"
    try:
        name = install(session, package).unique_name
    except CustomizationError as error:
        problem = str(error)
    outcome = "success" if problem is None else "failure"
    data = (
        f"<importexportxml><solutionManifests><solutionManifest><UniqueName>{name}</UniqueName>"
        f'<result result="{outcome}" errortext={quoteattr(problem or "")}/>'
        "</solutionManifest></solutionManifests></importexportxml>"
    )
    values = {"name": "Customizations", "solutionname": name, "data": data, "startedon": session.now,
              "progress": 100.0 if problem is None else 0.0, "completedon": session.now}  # fmt: skip
    rows.insert_system(session, "importjob", job, values)
    return problem


def _import_solution(environment: "Environment", session: Session, request: Request) -> Response:
    _refuse_second(environment, "Import")
    session.security.require_named(session.caller, "prvImportCustomization")
    package, job = _package(request.json())
    problem = _import(session, package, job)
    if problem is not None:
        raise ApiError(400, _IMPORT_FAILED, f"Solution import failed: {problem}")
    return no_content()


def _import_solution_async(environment: "Environment", session: Session, request: Request) -> Response:
    _refuse_second(environment, "Import")
    session.security.require_named(session.caller, "prvImportCustomization")
    package, job = _package(request.json())
    operation = str(uuid.uuid4())
    rows.insert_system(
        session, "asyncoperation", operation,
        {"name": "Import solution", "operationtype": _IMPORT_OPERATION, "statecode": 0, "statuscode": 0,
         "startedon": session.now},
    )  # fmt: skip

    def work(later: Session) -> None:
        problem = _import(later, package, job)
        done = {"statecode": 3, "statuscode": 30 if problem is None else 31, "completedon": later.now}
        if problem is not None:
            done |= {"message": f"Solution import failed: {problem}", "friendlymessage": problem}
        later.store.update(later.catalog.tables["asyncoperation"], operation, done)

    environment.start_job(operation, work)
    context = f"{request.base}$metadata#Microsoft.Dynamics.CRM.ImportSolutionAsyncResponse"
    return ok({"@odata.context": context, "AsyncOperationId": operation, "ImportJobKey": job})


def _refuse_second(environment: "Environment", what: str) -> None:
    environment.faults.refuse_customization(what)
    if environment.jobs.running:
        raise errors.customization_running(what)


def _publish(environment: "Environment", session: Session, _: Request) -> Response:
    _refuse_second(environment, "Publish")
    session.security.require_named(session.caller, "prvPublishCustomization")
    return no_content()


def _create_entities(environment: "Environment", session: Session, request: Request) -> Response:
    _refuse_second(environment, "Customization")
    return create_entities(session, request)


def _reactivate_key(_: "Environment", session: Session, request: Request) -> Response:
    body = request.json()
    table = session.catalog.tables.get(str(body.get("EntityLogicalName")))
    key = next((k for k in table.keys if k.name == body.get("EntityKeyLogicalName")), None) if table else None
    if table is None or key is None:
        raise errors.bad_key(str(body.get("EntityLogicalName")))
    key.status = "Pending"
    return no_content()


def _close(session: Session, request: Request, state: int) -> Response:
    """Win or lose an opportunity: sets its state and adds the closed activity that tells of it."""
    body = request.json()
    close, status = body.get("OpportunityClose"), body.get("Status")
    if not isinstance(close, dict) or type(status) is not int:
        raise errors.bad_payload("", "The parameters 'Status' and 'OpportunityClose' are required.")
    plan = session.catalog.plan("opportunity")
    bind = session.catalog.plan("opportunityclose").navs["opportunityid"]
    target = close.get("opportunityid@odata.bind")
    if target is None:
        raise errors.required_missing("opportunityid", "opportunityclose")
    closes = session.catalog.tables["opportunityclose"]
    _, identity = session.resolve(closes, bind, target)
    session.security.require(session.caller, "Write", plan.table)
    held = session.store.fetch(plan.table, identity, ("statecode", "estimatedvalue", "ownerid", "ownerid__type"))
    if held is None:
        raise errors.not_found("opportunity", identity)
    if held[0] != 0:
        raise ApiError(400, "0x80043b0e", "The opportunity has already been closed.")
    status = int(plan.states[state].default_status or 0) if status == -1 else status
    if plan.statuses.get(status) != state:
        raise errors.bad_status(status, plan.states[state].label, "Opportunity", identity)
    activity = rows.create(session, closes, close)
    ended = session.store.fetch(closes, activity, ("actualend", "actualrevenue")) or (None, None)
    moment = str(ended[0] or session.now)
    done = {"statecode": 1, "statuscode": 2, "actualend": moment, "opportunitystatecode": state,
            "opportunitystatuscode": status}  # fmt: skip
    session.store.update(closes, activity, done)
    value = ended[1] if ended[1] is not None else held[1] if state == 1 else 0.0
    session.store.update(
        plan.table, identity,
        {"statecode": state, "statuscode": status, "actualclosedate": moment[:10], "actualvalue": value,
         "modifiedon": session.now, "modifiedby": session.caller.user, "versionnumber": session.store.next_version()},
    )  # fmt: skip
    return no_content()


def _win(_: "Environment", session: Session, request: Request) -> Response:
    return _close(session, request, 1)


def _lose(_: "Environment", session: Session, request: Request) -> Response:
    return _close(session, request, 2)


FUNCTIONS: Final[dict[str, Function]] = {
    "WhoAmI": _who_am_i,
    "RetrieveVersion": _version,
    "RetrieveTotalRecordCount": _record_counts,
    "RetrieveFormattedImportJobResults": _import_results,
    "RetrieveMetadataChanges": metadata_changes,
}
ACTIONS: Final[dict[str, Action]] = {
    "BulkDelete": bulk_delete,
    "CreateEntities": _create_entities,
    "ImportSolution": _import_solution,
    "ImportSolutionAsync": _import_solution_async,
    "PublishAllXml": _publish,
    "PublishXml": _publish,
    "ReactivateEntityKey": _reactivate_key,
    "WinOpportunity": _win,
    "LoseOpportunity": _lose,
    "InitializeAnnotationBlocksUpload": uploads.begin,
    "UploadBlock": uploads.block,
    "CommitAnnotationBlocksUpload": uploads.commit,
}
