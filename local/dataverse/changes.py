"""RetrieveMetadataChanges: the metadata that a query names, in one answer."""

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import orjson

from local.dataverse import describe, errors
from local.dataverse.http import Request, Response, ok
from local.dataverse.session import Session

if TYPE_CHECKING:
    from local.dataverse.environment import Environment

Document = dict[str, Any]
_ALWAYS: Final = frozenset({"MetadataId", "@odata.type"})


def metadata_changes(environment: "Environment", session: Session, request: Request, key: str | None) -> Response:
    """RetrieveMetadataChanges(Query=@p1)?@p1={EntityQueryExpression}: tables, and columns through AttributeQuery."""
    text = unquote(key or "").partition("=")[2].strip()
    text = request.query.get(text, text)
    try:
        query = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise errors.bad_query("The parameter 'Query' must be an EntityQueryExpression.") from None
    wanted = _properties(query)
    attributes = query.get("AttributeQuery") or {}
    found: list[Document] = []
    for table in session.catalog.tables.values():
        document = describe.table_document(table)
        if not _holds(query.get("Criteria"), document):
            continue
        chosen = _chosen(document, wanted)
        if wanted is None or "Attributes" in wanted:
            columns = (describe.column_document(table, column) for column in table.columns.values())
            chosen["Attributes"] = [
                {**_chosen(column, _properties(attributes)), "HasChanged": None}
                for column in columns
                if _holds(attributes.get("Criteria"), column)
            ]
        found.append({**chosen, "HasChanged": None})
    context = f"{request.base}$metadata#Microsoft.Dynamics.CRM.RetrieveMetadataChangesResponse"
    stamp = f"{environment.store.version}!{environment.store.version:08X}"
    return ok(
        {"@odata.context": context, "ServerVersionStamp": stamp, "EntityMetadata": found, "DeletedMetadata": None}
    )


def _properties(query: Document) -> frozenset[str] | None:
    """The names a query asks for; None for all of them."""
    given = query.get("Properties") or {}
    return None if given.get("AllProperties") or not given else frozenset(given.get("PropertyNames", ()))


def _chosen(document: Document, names: frozenset[str] | None) -> Document:
    return document if names is None else {n: v for n, v in document.items() if n in names or n in _ALWAYS}


def _holds(criteria: Any, document: Document) -> bool:
    """Whether a MetadataFilterExpression is true of a document."""
    if not criteria:
        return True
    results = [_condition(item, document) for item in criteria.get("Conditions", [])]
    results += [_holds(item, document) for item in criteria.get("Filters", [])]
    return any(results) if criteria.get("FilterOperator") == "Or" else all(results)


def _condition(item: Document, document: Document) -> bool:
    name, operator = item.get("PropertyName"), item.get("ConditionOperator")
    wanted = (item.get("Value") or {}).get("Value")
    if name not in document or operator not in ("Equals", "NotEquals", "In"):
        raise errors.bad_query(f"The metadata condition on '{name}' is not supported.")
    if operator == "In":
        return document[name] in (wanted if isinstance(wanted, list) else str(wanted).split(","))
    return bool((document[name] == wanted) == (operator == "Equals"))
