"""Filters and orders as SQL over one table, aliased ``t``; the service's comparison rules kept.

Text compares without regard to case; ``ne`` takes rows without a value along, as the service's SQL does.
"""

from typing import Any, Final

from local.dataverse.catalog import Catalog
from local.dataverse.errors import ApiError, bad_query
from local.dataverse.filters import Call, Compare, Literal, Logic, Name, Negation, Node, parse
from local.dataverse.model import Column
from local.dataverse.plans import Plan
from local.dataverse.store import quoted
from local.dataverse.values import guid, parse_moment

_OPERATORS: Final = {"eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_MIRROR: Final = {"eq": "eq", "ne": "ne", "gt": "lt", "ge": "le", "lt": "gt", "le": "ge"}
_PREFIX: Final = "Microsoft.Dynamics.CRM."
_TEXT: Final = frozenset({"String", "Memo", "EntityName", "MultiSelectPicklist"})
_WHOLE: Final = frozenset({"Integer", "BigInt", "Picklist", "State", "Status"})


class Where:
    """Compiles filters of one table; ``params`` collects the values in the order of the question marks."""

    def __init__(self, catalog: Catalog, plan: Plan) -> None:
        self.catalog = catalog
        self.plan = plan
        self.params: list[Any] = []

    def filter(self, text: str, aliases: dict[str, str]) -> str:
        return self.node(parse(text, aliases))

    def node(self, node: Node) -> str:
        if isinstance(node, Logic):
            return "(" + f" {node.operator.upper()} ".join(self.node(part) for part in node.parts) + ")"
        if isinstance(node, Negation):
            return f"NOT ({self.node(node.part)})"
        if isinstance(node, Compare):
            return self.compare(node)
        if isinstance(node, Call):
            return self.call(node)
        if isinstance(node, Name):
            sql, column = self.name(node)
            if column.type == "Boolean":
                return f"{sql} = 1"
        raise bad_query("The $filter expression must evaluate to a single boolean value.")

    def name(self, node: Name) -> tuple[str, Column]:
        """SQL and column of a property; a path goes through one single-valued navigation property."""
        if len(node.path) == 1:
            column = self.plan.column(node.path[0])
            return f"t.{quoted(column.name)}", column
        bind = self.plan.navs.get(node.path[0])
        if bind is None or len(node.path) != 2:
            raise bad_query(f"Could not find a property named '{node.path[0]}'.")
        target = self.catalog.tables[bind.targets[0]]
        column = self.catalog.plan(target.name).column(node.path[1])
        if column.name == target.id_column and bind.typed is None:
            return f"t.{quoted(bind.column)}", column
        collate = " COLLATE NOCASE" if column.type in _TEXT else ""
        where = f"{quoted(target.id_column)} = t.{quoted(bind.column)}"
        return f"(SELECT {quoted(column.name)} FROM {quoted(target.name)} WHERE {where}){collate}", column

    def compare(self, node: Compare) -> str:
        left, right, operator = node.left, node.right, node.operator
        if isinstance(left, Literal):
            left, right, operator = right, left, _MIRROR[operator]
        if not isinstance(left, Name):
            raise bad_query("The left side of a comparison must be a property.")
        sql, column = self.name(left)
        if isinstance(right, Name):
            other, _ = self.name(right)
            return f"{sql} {_OPERATORS[operator]} {other}"
        if not isinstance(right, Literal):
            raise bad_query("The right side of a comparison must be a literal or a property.")
        if right.value is None:
            if operator not in ("eq", "ne"):
                raise bad_query("Only eq and ne compare with null.")
            return f"{sql} IS {'NOT ' if operator == 'ne' else ''}NULL"
        self.params.append(stored(column, right))
        if operator == "ne":
            return f"({sql} <> ? OR {sql} IS NULL)"
        return f"{sql} {_OPERATORS[operator]} ?"

    def call(self, node: Call) -> str:
        if node.function.startswith(_PREFIX):
            return self.own(node, node.function.removeprefix(_PREFIX))
        if node.function not in ("contains", "startswith", "endswith") or len(node.arguments) != 2:
            raise bad_query(f"An unknown function with name '{node.function}' was found.")
        name, value = node.arguments
        if not isinstance(name, Name) or not isinstance(value, Literal) or not isinstance(value.value, str):
            raise bad_query(f"No function signature for the function with name '{node.function}' matches.")
        sql, column = self.name(name)
        if column.type not in _TEXT:
            raise bad_query(f"No function signature for the function with name '{node.function}' matches.")
        text = value.value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        before = "" if node.function == "startswith" else "%"
        after = "" if node.function == "endswith" else "%"
        self.params.append(f"{before}{text}{after}")
        return f"{sql} LIKE ? ESCAPE '\\'"

    def own(self, node: Call, function: str) -> str:
        """The service's own functions: In, NotIn, ContainValues, DoesNotContainValues."""
        named = dict(node.named)
        name, values = named.get("PropertyName"), named.get("PropertyValues")
        if not isinstance(name, Literal) or not isinstance(name.value, str) or not isinstance(values, tuple):
            raise bad_query(f"The function '{function}' needs PropertyName and PropertyValues.")
        if not all(isinstance(item.value, str) for item in values):
            raise bad_query(f"The PropertyValues of '{function}' must be quoted strings.")
        sql, column = self.name(Name((self._read_name(name.value),)))
        if function in ("In", "NotIn"):
            self.params += [listed(column, str(item.value)) for item in values]
            marks = ",".join("?" * len(values))
            return f"{sql} {'NOT ' if function == 'NotIn' else ''}IN ({marks})"
        if function in ("ContainValues", "DoesNotContainValues") and column.type == "MultiSelectPicklist":
            self.params += [f"%,{int(str(item.value))},%" for item in values]
            one = " OR ".join(["',' || " + sql + " || ',' LIKE ?"] * len(values))
            return f"({one})" if function == "ContainValues" else f"({sql} IS NULL OR NOT ({one}))"
        raise bad_query(f"An unknown function with name '{_PREFIX}{function}' was found.")

    def _read_name(self, name: str) -> str:
        """In names a column by its logical name; lookups too."""
        column = self.plan.table.columns.get(name)
        return column.read_name if column is not None else name

    def order(self, text: str) -> str:
        parts: list[str] = []
        for item in text.split(","):
            words = item.split()
            if not words or len(words) > 2 or (len(words) == 2 and words[1] not in ("asc", "desc")):
                raise bad_query(f"Syntax error in $orderby near '{item.strip()}'.")
            sql, _ = self.name(Name(tuple(words[0].split("/"))))
            parts.append(f"{sql} {words[1].upper() if len(words) == 2 else 'ASC'}")
        return ", ".join(parts)


def stored(column: Column, literal: Literal) -> Any:
    """A filter's literal as the column stores it; 400 when the types do not go together."""
    value = literal.value
    if column.is_lookup or column.type == "Uniqueidentifier":
        found = guid(value)
        if found is not None:
            return found
    elif column.type in _TEXT:
        if isinstance(value, str) and not literal.bare:
            return value
    elif column.type == "Boolean":
        if isinstance(value, bool):
            return int(value)
    elif column.type in _WHOLE:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    elif column.type == "DateTime":
        moment = _date(column, value) if literal.bare else None
        if moment is not None:
            return moment
    elif isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise _incompatible(column)


def listed(column: Column, text: str) -> Any:
    """A value of an In list: always quoted in the query, whatever the column's type."""
    if column.type in _TEXT:
        return text
    if column.is_lookup or column.type == "Uniqueidentifier":
        value: Any = guid(text)
    elif column.type == "DateTime":
        value = _date(column, text)
    elif column.type == "Boolean":
        value = {"true": 1, "1": 1, "false": 0, "0": 0}.get(text.lower())
    else:
        try:
            value = int(text) if column.type in _WHOLE else float(text)
        except ValueError:
            value = None
    if value is None:
        raise _incompatible(column)
    return value


def _date(column: Column, value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    if column.date_only:
        return value[:10]
    return parse_moment(value if "T" in value else value + "T00:00:00Z")


def _incompatible(column: Column) -> ApiError:
    return bad_query(f"A binary operator with incompatible types was detected for the property '{column.name}'.")


def split_list(text: str, mark: str = ",") -> list[str]:
    """Splits at the top level: not inside brackets or quotes."""
    parts: list[str] = []
    depth, start, inside = 0, 0, False
    for position, character in enumerate(text):
        if character == "'":
            inside = not inside
        elif inside:
            continue
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
        elif character == mark and depth == 0:
            parts.append(text[start:position].strip())
            start = position + 1
    last = text[start:].strip()
    return [*parts, last] if last else parts
