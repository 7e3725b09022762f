"""``GET /accounts?fetchXml=…``: FetchXML as SQL: columns, links, filters, orders, aggregates and pages."""

import re
import sqlite3
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from lxml import etree

from local.dataverse import errors
from local.dataverse.errors import ApiError, bad_query
from local.dataverse.http import Request
from local.dataverse.model import Column, Table
from local.dataverse.odata import listed
from local.dataverse.query import PAGE
from local.dataverse.session import Session
from local.dataverse.store import quoted

_ANNOTATION: Final = "@Microsoft.Dynamics.CRM."
_MOST_AGGREGATED: Final = 50_000
_COMPARE: Final = {"eq": "=", "ne": "<>", "neq": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_LIKE: Final = {
    "like": ("", ""), "not-like": ("", ""), "begins-with": ("", "%"), "not-begin-with": ("", "%"),
    "ends-with": ("%", ""), "not-end-with": ("%", ""),
}  # fmt: skip
_AGGREGATES: Final = {"count": "count(*)", "countcolumn": "count({})", "sum": "sum({})", "avg": "avg({})",
                      "min": "min({})", "max": "max({})"}  # fmt: skip


def run(session: Session, request: Request, table: Table) -> dict[str, Any]:
    """A page of the query's rows, with the paging cookie where there are more. 400 when it cannot be understood."""
    try:
        root = etree.fromstring(
            request.query["fetchXml"].encode(), etree.XMLParser(resolve_entities=False, no_network=True)
        )
    except etree.XMLSyntaxError as error:
        raise ApiError(400, "0x80041130", f"Invalid Xml: {error.msg}") from None
    entity = root.find("entity")
    if root.tag != "fetch" or entity is None or entity.get("name") != table.name:
        raise ApiError(400, "0x80041102", f"The fetchXml does not query the entity '{table.name}'.")
    fetch = _Fetch(session, aggregate=root.get("aggregate") == "true")
    fetch.entity(entity, table, "t", table.name)
    return _page(session, request, root, fetch, table)


def _page(
    session: Session, request: Request, root: etree._Element, fetch: "_Fetch", table: Table
) -> dict[str, Any]:  # fmt: skip
    top, page = _whole(root, "top"), _whole(root, "page") or 1
    size = min(_whole(root, "count") or PAGE, PAGE)
    limit = min(size, top) if top is not None else size
    sql, values = fetch.sql(distinct=root.get("distinct") == "true", key=f"t.{quoted(table.id_column)}")
    try:
        if fetch.aggregate:
            _check_size(session, fetch)
        cursor = session.store.db.execute(f"{sql} LIMIT ? OFFSET ?", (*values, limit + 1, (page - 1) * size))
    except sqlite3.Error as error:
        raise bad_query(f"The fetchXml cannot be run: {error}") from None
    found = cursor.fetchall()
    rows = [fetch.row(values) for values in found[:limit]]
    session.rows += len(rows)
    more = len(found) > limit and top is None
    document: dict[str, Any] = {"@odata.context": f"{request.base}$metadata#{table.set_name}", "value": rows}
    if request.prefers("odata.include-annotations") is not None or more:
        document[f"{_ANNOTATION}morerecords"] = more
    if more:
        # Two encodings, one inside of the other, as the service has them.
        inner = quote(quote(f'<cookie page="{page}"><last row="{page * size}" /></cookie>', safe=""), safe="")
        cookie = f'<cookie pagenumber="{page + 1}" pagingcookie="{inner}" istracking="False" />'
        document[f"{_ANNOTATION}fetchxmlpagingcookie"] = cookie
    return document


def _check_size(session: Session, fetch: "_Fetch") -> None:
    sql, values = fetch.counting()
    if session.store.db.execute(sql, values).fetchone()[0] > _MOST_AGGREGATED:
        raise ApiError(400, "0x8004e023", "The maximum record limit of 50000 is exceeded. Reduce the records.")


def _whole(element: etree._Element, name: str) -> int | None:
    text = element.get(name)
    if text is None:
        return None
    if not text.isdigit():
        raise bad_query(f"Invalid value '{text}' for {name}.")
    return int(text)


@dataclass
class _Fetch:
    """The SQL as it is put together, from the entity inwards."""

    session: Session
    aggregate: bool
    names: list[str] = field(default_factory=list)
    booleans: set[str] = field(default_factory=set)
    selected: list[str] = field(default_factory=list)
    joins: list[str] = field(default_factory=list)
    join_values: list[Any] = field(default_factory=list)
    where: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)

    def entity(self, element: etree._Element, table: Table, alias: str, name: str) -> None:
        """Columns, order, filters and links of an entity or link-entity. ``alias`` is the SQL's, ``name`` the query's."""
        self.session.security.require(self.session.caller, "Read", table)
        root = alias == "t"
        if root:
            self.joins.append(f"FROM {quoted(table.name)} t")
        if root and not self.aggregate:
            self._select(f"t.{quoted(table.id_column)}", table.id_column)
        for child in element:
            if child.tag == "attribute":
                self._attribute(child, table, alias, "" if root else f"{name}.")
            elif child.tag == "all-attributes":
                for column in table.columns.values():
                    self._column(column, alias, column.read_name if root else f"{name}.{column.name}")
            elif child.tag == "order":
                self._order(child, table, alias)
            elif child.tag == "filter":
                sql, values = self._filter(child, table, alias)
                self.where.append(sql)
                self.values += values
            elif child.tag == "link-entity":
                self._link(child, table, alias)
            elif isinstance(child.tag, str):
                raise bad_query(f"The element '{child.tag}' is not supported in fetchXml.")

    def sql(self, *, distinct: bool, key: str) -> tuple[str, list[Any]]:
        where = " AND ".join(self.where) or "1"
        group = f" GROUP BY {', '.join(self.groups)}" if self.groups else ""
        orders = self.orders if self.aggregate or distinct else [*self.orders, key]
        order = f" ORDER BY {', '.join(orders)}" if orders else ""
        head = f"SELECT {'DISTINCT ' if distinct else ''}{', '.join(self.selected)}"
        return f"{head} {' '.join(self.joins)} WHERE {where}{group}{order}", [*self.join_values, *self.values]

    def counting(self) -> tuple[str, list[Any]]:
        where = " AND ".join(self.where) or "1"
        return f"SELECT count(*) {' '.join(self.joins)} WHERE {where}", [*self.join_values, *self.values]

    def row(self, values: tuple[Any, ...]) -> dict[str, Any]:
        named = zip(self.names, values, strict=True)
        return {n: bool(v) if n in self.booleans and v is not None else v for n, v in named}

    def _select(self, sql: str, name: str) -> None:
        if name not in self.names:
            self.selected.append(sql)
            self.names.append(name)

    def _column(self, column: Column, alias: str, name: str) -> None:
        if column.type == "Boolean":
            self.booleans.add(name)
        self._select(f"{alias}.{quoted(column.name)}", name)

    def _attribute(self, element: etree._Element, table: Table, alias: str, prefix: str) -> None:
        column = _find(table, element.get("name"))
        sql = f"{alias}.{quoted(column.name)}"
        given = element.get("alias")
        if not self.aggregate:
            self._column(column, alias, given or (prefix + column.name if prefix else column.read_name))
            return
        if given is None:
            raise ApiError(400, "0x8004e014", "An attribute of an aggregate query needs an alias.")
        if element.get("groupby") == "true":
            self.groups.append(sql)
            self._select(sql, given)
            return
        shape = _AGGREGATES.get(element.get("aggregate", ""))
        if shape is None:
            raise bad_query(f"The aggregate '{element.get('aggregate')}' is not supported.")
        inner = f"DISTINCT {sql}" if element.get("distinct") == "true" else sql
        self._select(shape.format(inner), given)

    def _order(self, element: etree._Element, table: Table, alias: str) -> None:
        way = " DESC" if element.get("descending") == "true" else " ASC"
        named = element.get("alias")
        if named is not None and named in self.names:
            self.orders.append(f"{self.selected[self.names.index(named)]}{way}")
        else:
            self.orders.append(f"{alias}.{quoted(_find(table, element.get('attribute')).name)}{way}")

    def _link(self, element: etree._Element, table: Table, alias: str) -> None:
        other = self.session.catalog.tables.get(str(element.get("name")))
        if other is None:
            raise bad_query(f"There is no entity '{element.get('name')}'.")
        number = f"l{len(self.joins)}"
        kind = element.get("link-type", "inner")
        if kind not in ("inner", "outer"):
            raise bad_query(f"The link-type '{kind}' is not supported.")
        near, far = _find(table, element.get("to")), _find(other, element.get("from"))
        on = f"{number}.{quoted(far.name)} = {alias}.{quoted(near.name)}"
        at, mark = len(self.joins), len(self.join_values)
        self.joins.append("")
        outside = self.where, self.values
        self.where, self.values = [], []
        self.entity(element, other, number, element.get("alias") or f"{other.name}{at}")
        # The filters of a link belong to it, so that an outer link keeps the rows for which they do not hold.
        condition = " AND ".join([on, *self.where])
        self.joins[at] = f"{'LEFT' if kind == 'outer' else 'INNER'} JOIN {quoted(other.name)} {number} ON {condition}"
        self.join_values[mark:mark] = self.values
        self.where, self.values = outside

    def _filter(self, element: etree._Element, table: Table, alias: str) -> tuple[str, list[Any]]:
        parts: list[str] = []
        values: list[Any] = []
        for child in element:
            if child.tag not in ("filter", "condition"):
                continue
            sql, more = (self._filter if child.tag == "filter" else self._condition)(child, table, alias)
            parts.append(sql)
            values += more
        if not parts:
            return "1", []
        return f"({(' OR ' if element.get('type') == 'or' else ' AND ').join(parts)})", values

    def _condition(self, element: etree._Element, table: Table, alias: str) -> tuple[str, list[Any]]:
        column = _find(table, element.get("attribute"))
        sql, operator = f"{alias}.{quoted(column.name)}", element.get("operator", "")
        if operator in ("null", "not-null"):
            return f"{sql} IS {'NOT ' if operator == 'not-null' else ''}NULL", []
        given = [str(child.text or "") for child in element.findall("value")]
        if element.get("value") is not None:
            given.insert(0, str(element.get("value")))
        if not given:
            raise bad_query(f"The condition on '{column.name}' has no value.")
        if operator in _COMPARE:
            value = listed(column, given[0])
            if operator in ("ne", "neq"):
                return f"({sql} <> ? OR {sql} IS NULL)", [value]
            return f"{sql} {_COMPARE[operator]} ?", [value]
        if operator in ("in", "not-in"):
            marks = ",".join("?" * len(given))
            return f"{sql} {'NOT ' if operator == 'not-in' else ''}IN ({marks})", [listed(column, v) for v in given]
        if operator in ("between", "not-between") and len(given) == 2:
            return f"{sql} {operator.replace('-', ' ').upper()} ? AND ?", [listed(column, v) for v in given]
        if operator in _LIKE:
            before, after = _LIKE[operator]
            return f"{sql} {'NOT ' if operator.startswith('not') else ''}LIKE ?", [f"{before}{given[0]}{after}"]
        raise bad_query(f"The operator '{operator}' is not supported.")


def _find(table: Table, name: str | None) -> Column:
    column = table.columns.get(re.sub(r"\s", "", name or ""))
    if column is None:
        raise errors.ApiError(
            400, "0x80041103", f"'{table.name}' entity doesn't contain attribute with Name = '{name}'."
        )
    return column
