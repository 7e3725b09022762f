"""BulkDelete: a job that deletes the rows a query finds, each by itself."""

import uuid
from typing import TYPE_CHECKING, Any, Final

from local.dataverse import cascade, errors, rows
from local.dataverse.errors import ApiError
from local.dataverse.http import Request, Response, ok
from local.dataverse.model import Table
from local.dataverse.session import Session
from local.dataverse.store import quoted
from local.dataverse.values import guid

if TYPE_CHECKING:
    from local.dataverse.environment import Environment

_OPERATION: Final = 13
_PARAMETERS: Final = (
    "QuerySet", "JobName", "SendEmailNotification", "ToRecipients", "CCRecipients", "RecurrencePattern", "StartDateTime",
)  # fmt: skip


def bulk_delete(environment: "Environment", session: Session, request: Request) -> Response:
    """BulkDelete {QuerySet, …} → {JobId}; the asyncoperation of that id tells how it went."""
    body = request.json()
    for name in _PARAMETERS:
        if name not in body:
            raise errors.bad_payload("", f"The parameter '{name}' is required.")
    queries = [_query(session, item) for item in body["QuerySet"]]
    operation = str(uuid.uuid4())
    rows.insert_system(
        session, "asyncoperation", operation,
        {"name": str(body["JobName"]), "operationtype": _OPERATION, "statecode": 0, "statuscode": 0,
         "startedon": session.now},
    )  # fmt: skip

    def work(_: Session) -> None:
        _delete(environment.session(request), queries, operation)

    environment.start_job(operation, work)
    context = f"{request.base}$metadata#Microsoft.Dynamics.CRM.BulkDeleteResponse"
    return ok({"@odata.context": context, "JobId": operation})


def _query(session: Session, item: Any) -> tuple[Table, str, list[Any]]:
    """A QueryExpression as table, condition and values. Conditions may ask for In and Equal."""
    table = session.catalog.tables.get(str(item.get("EntityName")))
    if table is None:
        raise ApiError(404, "0x80060888", f"There is no table '{item.get('EntityName')}'.")
    parts, values = ["1"], []
    for condition in (item.get("Criteria") or {}).get("Conditions", []):
        column = table.columns.get(str(condition.get("AttributeName")))
        if column is None or condition.get("Operator") not in ("In", "Equal"):
            raise errors.bad_query("The query of a bulk delete is not supported.")
        given = [value.get("Value") for value in condition.get("Values", [])]
        parts.append(f"{quoted(column.name)} IN ({','.join('?' * len(given))})")
        values += [guid(value) or value for value in given]
    return table, " AND ".join(parts), values


def _delete(session: Session, queries: list[tuple[Table, str, list[Any]]], operation: str) -> None:
    failed = 0
    for table, where, values in queries:
        sql = f"SELECT {quoted(table.id_column)} FROM {quoted(table.name)} WHERE {where}"
        for (identity,) in session.store.db.execute(sql, values).fetchall():
            try:
                with session.store.transaction():
                    cascade.delete(session, table, identity)
            except ApiError:
                failed += 1
    done: dict[str, Any] = {"statecode": 3, "statuscode": 31 if failed else 30, "completedon": session.now}
    if failed:
        done["message"] = f"{failed} records were not deleted."
    session.store.update(session.catalog.tables["asyncoperation"], operation, done)
