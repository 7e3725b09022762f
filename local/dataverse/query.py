"""Reads: one row, a collection with its pages, $expand, and the annotations a client may ask for."""

import base64
from fnmatch import fnmatchcase
from typing import Any, Final
from urllib.parse import quote

import orjson

from local.dataverse import errors
from local.dataverse.http import Request
from local.dataverse.model import Column, Table
from local.dataverse.odata import Where, split_list
from local.dataverse.plans import Plan, Reading
from local.dataverse.session import Session
from local.dataverse.store import quoted, type_column

#: Largest and default page, and the most that $count answers.
PAGE: Final = 5000
_KNOWN: Final = frozenset({"$select", "$filter", "$orderby", "$top", "$count", "$expand", "$skiptoken", "$apply"})
_LABEL: Final = "@OData.Community.Display.V1.FormattedValue"


def one(session: Session, request: Request, table: Table, identity: str) -> dict[str, Any]:
    """A row as JSON with context and etag; 404 when it is not there."""
    session.security.require(session.caller, "Read", table)
    plan = session.catalog.plan(table.name)
    reading = plan.reading(_select(request.query))
    sql = f"SELECT {reading.columns} FROM {quoted(table.name)} t WHERE t.{quoted(table.id_column)} = ?"
    found = session.store.db.execute(sql, (identity,)).fetchone()
    if found is None:
        raise errors.not_found(table.name, identity)
    session.rows += 1
    session.saw(table, [identity])
    row = reading.row(found)
    _decorate(session, request, plan, reading, [row])
    selected = request.query.get("$select")
    shape = f"({selected})" if selected else ""
    return {"@odata.context": f"{request.base}$metadata#{table.set_name}{shape}/$entity", **row}


def many(session: Session, request: Request, table: Table, fixed: str = "", fixed_params: tuple[Any, ...] = ()
         ) -> dict[str, Any]:  # fmt: skip
    """A page of rows; ``fixed`` is a further condition, for the rows of a navigation property."""
    session.security.require(session.caller, "Read", table)
    query = request.query
    _check_options(query)
    plan = session.catalog.plan(table.name)
    reading = plan.reading(_select(query))
    where, params = _where(session, plan, query, fixed, fixed_params)
    page = request.prefers("odata.maxpagesize")
    size = min(int(page), PAGE) if page and page.isdigit() and int(page) > 0 else None
    top = _whole(query, "$top") if size is None else None
    limit = min(size or PAGE, top or PAGE)
    token = _token(query)
    order = query.get("$orderby")
    if order:
        tail = f"ORDER BY {Where(session.catalog, plan).order(order)}, t.rowid LIMIT ? OFFSET ?"
        tail_params: tuple[Any, ...] = (limit + 1, token)
    else:
        where = f"{where} AND t.rowid > ?"
        params = [*params, token]
        tail, tail_params = "ORDER BY t.rowid LIMIT ?", (limit + 1,)
    sql = f"SELECT {reading.columns}, t.rowid FROM {quoted(table.name)} t WHERE {where} {tail}"
    found = session.store.db.execute(sql, (*params, *tail_params)).fetchall()
    more = len(found) > limit
    found = found[:limit]
    rows = [reading.row(values) for values in found]
    session.rows += len(rows)
    if session.faults is not None:
        session.saw(table, [row[table.id_column] for row in rows])
    _decorate(session, request, plan, reading, rows)
    document: dict[str, Any] = {"@odata.context": f"{request.base}$metadata#{table.set_name}{_shape(query)}"}
    if query.get("$count") == "true":
        document["@odata.count"] = min(count(session, request, table, fixed, fixed_params), PAGE)
    document["value"] = rows
    if more and top is None:
        following = token + limit if order else found[-1][-1]
        document["@odata.nextLink"] = _next(request, following)
    return document


def count(session: Session, request: Request, table: Table, fixed: str = "", fixed_params: tuple[Any, ...] = ()) -> int:
    """How many rows the filter holds for."""
    plan = session.catalog.plan(table.name)
    where, params = _where(session, plan, request.query, fixed, fixed_params)
    sql = f"SELECT count(*) FROM {quoted(table.name)} t WHERE {where}"
    return int(session.store.db.execute(sql, params).fetchone()[0])


def aggregate(session: Session, request: Request, table: Table) -> dict[str, Any]:
    """``$apply=aggregate($count as n)``, alone or after a filter; other aggregations are refused."""
    text = request.query["$apply"].replace(" ", "")
    prefix, suffix = "aggregate($countas", ")"
    if not text.startswith(prefix) or not text.endswith(suffix):
        raise errors.bad_query("Only aggregate($count as name) is supported in $apply.")
    number = count(session, request, table)
    if number > 50_000:
        raise errors.ApiError(400, "0x8004e023", "The maximum record limit of 50000 is exceeded. Reduce the records.")
    name = text[len(prefix) : -1]
    return {"@odata.context": f"{request.base}$metadata#{table.set_name}({name})", "value": [{name: number}]}


def _select(query: dict[str, str]) -> list[str] | None:
    text = query.get("$select", "").strip()
    return [name.strip() for name in text.split(",") if name.strip()] if text and text != "*" else None


def _shape(query: dict[str, str]) -> str:
    selected = query.get("$select")
    return f"({selected})" if selected else ""


def _check_options(query: dict[str, str]) -> None:
    for name in query:
        if name.startswith("$") and name not in _KNOWN:
            raise errors.bad_query(f"The query parameter {name} is not supported.")


def _whole(query: dict[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not text.isdigit():
        raise errors.bad_query(f"Invalid value '{text}' for {name} query option found.")
    return int(text)


def _where(session: Session, plan: Plan, query: dict[str, str], fixed: str, fixed_params: tuple[Any, ...]
           ) -> tuple[str, list[Any]]:  # fmt: skip
    conditions, params = ["1"], list(fixed_params)
    if fixed:
        conditions.append(fixed)
    text = query.get("$filter")
    if text:
        where = Where(session.catalog, plan)
        conditions.append(where.filter(text, {k: v for k, v in query.items() if k.startswith("@")}))
        params += where.params
    return " AND ".join(conditions), params


def _token(query: dict[str, str]) -> int:
    """Where the next page begins: a row number, or an offset when the rows are ordered."""
    text = query.get("$skiptoken")
    if not text:
        return 0
    try:
        return int(orjson.loads(base64.urlsafe_b64decode(text))["after"])
    except (ValueError, KeyError, TypeError):
        raise errors.bad_query("Malformed skip token.") from None


def _next(request: Request, after: int) -> str:
    token = base64.urlsafe_b64encode(orjson.dumps({"after": after})).decode()
    options = {**request.query, "$skiptoken": token}
    text = "&".join(f"{quote(name, safe='$@')}={quote(value, safe='')}" for name, value in options.items())
    return f"{request.base}{request.path}?{text}"


def _decorate(session: Session, request: Request, plan: Plan, reading: Reading, rows: list[dict[str, Any]]) -> None:
    asked = request.prefers("odata.include-annotations")
    if asked is not None:
        _annotate(session, plan, reading, rows)
        _keep_asked(asked, rows)
    expand = request.query.get("$expand")
    if expand:
        for item in split_list(expand):
            for row in rows:
                _expand(session, request, plan, item, row)


def _keep_asked(asked: str, rows: list[dict[str, Any]]) -> None:
    """Drops the annotations that the patterns of the preference do not name."""
    patterns = [pattern.strip() for pattern in asked.split(",")]
    if "*" in patterns:
        return
    for row in rows:
        for name in [name for name in row if name.find("@") > 0]:
            annotation = name.partition("@")[2]
            if not any(fnmatchcase(annotation, pattern) for pattern in patterns):
                del row[name]


def _annotate(session: Session, plan: Plan, reading: Reading, rows: list[dict[str, Any]]) -> None:
    """Adds labels, and for lookups the table, the navigation property and the name of the row they point at."""
    for column in reading.selected:
        if column.is_lookup:
            _annotate_lookup(session, plan, column, rows)
            continue
        labels = {option.value: option.label for option in column.options}
        if column.type == "Boolean":
            labels = {1: "Yes", 0: "No"}
        if not labels:
            continue
        for row in rows:
            value = row.get(column.name)
            if value is None:
                continue
            parts = [int(part) for part in value.split(",")] if column.type == "MultiSelectPicklist" else [value]
            row[column.name + _LABEL] = "; ".join(labels.get(part, str(part)) for part in parts)


def _annotate_lookup(session: Session, plan: Plan, column: Column, rows: list[dict[str, Any]]) -> None:
    name = column.read_name
    rows = [row for row in rows if row.get(name) is not None]
    if not rows:
        return
    identity = plan.table.id_column
    if column.many_targets:
        kinds = _by_id(session, plan.table, type_column(column.name), {row[identity] for row in rows})
    else:
        only = target_of(session, plan.table, column, "")
        kinds = {row[identity]: only for row in rows}
    navs = {target: bind.nav for bind in plan.binds if bind.column == column.name for target in bind.targets}
    for kind in {kind for kind in kinds.values() if kind is not None}:
        of_kind = [row for row in rows if kinds.get(row[identity]) == kind]
        target = session.catalog.tables[kind]
        names = _by_id(session, target, target.name_column or target.id_column, {row[name] for row in of_kind})
        for row in of_kind:
            row[f"{name}@Microsoft.Dynamics.CRM.lookuplogicalname"] = kind
            if kind in navs:
                row[f"{name}@Microsoft.Dynamics.CRM.associatednavigationproperty"] = navs[kind]
            if names.get(row[name]) is not None:
                row[name + _LABEL] = names[row[name]]


def _by_id(session: Session, table: Table, column: str, identities: set[str]) -> dict[str, Any]:
    """One column of several rows, by their ids."""
    marks = ",".join("?" * len(identities))
    sql = (
        f"SELECT {quoted(table.id_column)}, {quoted(column)} FROM {quoted(table.name)} "
        f"WHERE {quoted(table.id_column)} IN ({marks})"
    )
    return dict(session.store.db.execute(sql, tuple(identities)).fetchall())


def target_of(session: Session, table: Table, column: Column, identity: str) -> str | None:
    """The table that a row's lookup points at; None where the environment has not got it."""
    if column.many_targets:
        held = session.store.fetch(table, identity, (type_column(column.name),))
        return held[0] if held else None
    return column.targets[0] if column.targets and column.targets[0] in session.catalog.tables else None


def _expand(session: Session, request: Request, plan: Plan, item: str, row: dict[str, Any]) -> None:
    """One item of $expand for one row: a parent row, or the rows of a collection."""
    name, _, inner = item.partition("(")
    query = dict(part.partition("=")[::2] for part in split_list(inner.removesuffix(")"), ";"))
    identity = row[plan.table.id_column]
    nested = Request("GET", request.path, query, {}, b"", request.base, request.caller)
    bind = plan.navs.get(name)
    if bind is not None:
        kind, target = related(session, plan, name, identity)
        row[name] = None if target is None or kind is None else one(session, nested, kind, target)
        if row[name] is not None:
            row[name].pop("@odata.context")
        return
    relationship = plan.collections.get(name)
    if relationship is None:
        raise errors.unknown_property(name, plan.table.name)
    table = session.catalog.tables[relationship.referencing]
    fixed, params = collection_filter(table, relationship.column, plan.table.name, identity)
    row[name] = many(session, nested, table, fixed, params)["value"]


def related(session: Session, plan: Plan, nav: str, identity: str) -> tuple[Table | None, str | None]:
    """Table and id of the row a single-valued navigation property leads to; Nones when it is empty."""
    bind = plan.navs[nav]
    held = session.store.fetch(plan.table, identity, (bind.column,))
    if held is None:
        raise errors.not_found(plan.table.name, identity)
    kind = target_of(session, plan.table, plan.table.columns[bind.column], identity)
    if held[0] is None or kind not in bind.targets:
        return None, None
    return session.catalog.tables[kind], held[0]


def collection_filter(table: Table, column: str, referenced: str, identity: str) -> tuple[str, tuple[Any, ...]]:
    """SQL for "the rows of ``table`` that point at this one"."""
    if table.columns[column].many_targets:
        return f"t.{quoted(column)} = ? AND t.{quoted(type_column(column))} = ?", (identity, referenced)
    return f"t.{quoted(column)} = ?", (identity,)
