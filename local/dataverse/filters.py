"""$filter as text to a tree: the part of OData's grammar that the service takes, and its own functions.

A parser of its own rather than a library's: it must take ``Microsoft.Dynamics.CRM.In(PropertyValues=['a','b'])``, whose
brackets are not OData, and hundreds of values in well under a millisecond.
"""

import re
from dataclasses import dataclass
from typing import Final

import orjson

from local.dataverse.errors import bad_query


@dataclass(slots=True, frozen=True)
class Name:
    """A property, perhaps through navigation properties: ``sdkmessageid/name`` is ("sdkmessageid", "name")."""

    path: tuple[str, ...]


@dataclass(slots=True, frozen=True)
class Literal:
    value: str | int | float | bool | None
    bare: bool = False  #: a GUID or a date, written without quotes


@dataclass(slots=True, frozen=True)
class Compare:
    operator: str
    left: "Node"
    right: "Node"


@dataclass(slots=True, frozen=True)
class Logic:
    operator: str  #: and, or
    parts: tuple["Node", ...]


@dataclass(slots=True, frozen=True)
class Negation:
    part: "Node"


@dataclass(slots=True, frozen=True)
class Call:
    """``contains(name,'x')``, or with named arguments for the service's own functions."""

    function: str
    arguments: tuple["Node", ...]
    named: tuple[tuple[str, "Node | tuple[Literal, ...]"], ...] = ()


Node = Name | Literal | Compare | Logic | Negation | Call

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')"
    r'|(?P<json>"(?:[^"\\]|\\.)*")'
    r"|(?P<guid>[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})"
    r"|(?P<date>\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?)"
    r"|(?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<alias>@\w+)"
    r"|(?P<enum>[A-Za-z_][\w.]*'[^']*')"
    r"|(?P<word>[A-Za-z_][\w.]*(?:/[A-Za-z_]\w*)*)"
    r"|(?P<mark>[(),=\[\]]))"
)
_COMPARISONS: Final = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})
_WORDS: Final = {"null": None, "true": True, "false": False}


def parse(text: str, aliases: dict[str, str]) -> Node:
    """The tree of a filter; 400 when it does not parse. ``aliases`` are the query's ``@p1`` parameters."""
    parser = _Parser(text, aliases)
    node = parser.either()
    parser.end()
    return node


class _Parser:
    def __init__(self, text: str, aliases: dict[str, str]) -> None:
        self.aliases = aliases
        self.tokens: list[tuple[str, str]] = []
        position = 0
        text = text.rstrip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if found is None or found.lastgroup is None:
                raise bad_query(f"Syntax error at position {position} in the filter.")
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            position = found.end()
        self.tokens.append(("end", ""))
        self.at = 0

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at]

    def take(self) -> tuple[str, str]:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def expect(self, mark: str) -> None:
        if self.take() != ("mark", mark):
            raise bad_query(f"'{mark}' expected in the filter.")

    def end(self) -> None:
        if self.peek()[0] != "end":
            raise bad_query(f"Syntax error in the filter near '{self.peek()[1][:20]}'.")

    def either(self) -> Node:
        parts = [self.both()]
        while self.peek() == ("word", "or"):
            self.take()
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else Logic("or", tuple(parts))

    def both(self) -> Node:
        parts = [self.comparison()]
        while self.peek() == ("word", "and"):
            self.take()
            parts.append(self.comparison())
        return parts[0] if len(parts) == 1 else Logic("and", tuple(parts))

    def comparison(self) -> Node:
        if self.peek() == ("word", "not"):
            self.take()
            return Negation(self.comparison())
        left = self.operand()
        kind, word = self.peek()
        if kind == "word" and word in _COMPARISONS:
            self.take()
            return Compare(word, left, self.operand())
        return left

    def operand(self) -> Node:
        kind, text = self.take()
        if kind == "mark" and text == "(":
            node = self.either()
            self.expect(")")
            return node
        if kind == "word" and text not in _WORDS:
            if self.peek() == ("mark", "("):
                return self.call(text)
            return Name(tuple(text.split("/")))
        if kind == "alias":
            return self.alias(text)
        return literal(kind, text)

    def alias(self, name: str) -> Node:
        value = self.aliases.get(name)
        if value is None:
            raise bad_query(f"The parameter alias '{name}' has no value.")
        return parse(value, {})

    def call(self, function: str) -> Node:
        self.expect("(")
        arguments: list[Node] = []
        named: list[tuple[str, Node | tuple[Literal, ...]]] = []
        while self.peek() != ("mark", ")"):
            kind, text = self.peek()
            if kind == "word" and self.tokens[self.at + 1] == ("mark", "="):
                self.at += 2
                named.append((text, self.argument()))
            else:
                arguments.append(self.either())
            if self.peek() == ("mark", ","):
                self.take()
        self.expect(")")
        return Call(function, tuple(arguments), tuple(named))

    def argument(self) -> Node | tuple[Literal, ...]:
        kind, text = self.peek()
        if kind == "alias" and self.aliases.get(text, "").lstrip().startswith("["):
            self.take()
            return _Parser(self.aliases[text], {}).values()
        return self.values() if (kind, text) == ("mark", "[") else self.operand()

    def values(self) -> tuple[Literal, ...]:
        self.expect("[")
        found: list[Literal] = []
        while self.peek() != ("mark", "]"):
            kind, text = self.take()
            # A list may be JSON: Microsoft's own client writes it so.
            found.append(Literal(orjson.loads(text)) if kind == "json" else literal(kind, text))
            if self.peek() == ("mark", ","):
                self.take()
        self.expect("]")
        return tuple(found)


def literal(kind: str, text: str) -> Literal:
    if kind == "string":
        return Literal(text[1:-1].replace("''", "'"))
    if kind == "enum":
        return Literal(text.partition("'")[2][:-1])
    if kind in ("guid", "date"):
        return Literal(text, bare=True)
    if kind == "number":
        return Literal(int(text) if text.lstrip("+-").isdigit() else float(text))
    if kind == "word" and text in _WORDS:
        return Literal(_WORDS[text])
    raise bad_query(f"Syntax error in the filter near '{text[:20]}'.")
