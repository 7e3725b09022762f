"""``GET /accounts?sql=SELECT …``: the read-only SQL of the Web API, on the subset that the service takes.

A statement is taken apart into words, checked against the tables and the words that are allowed, and put together
again for SQLite; nothing else of it is passed on.
"""

import re
import sqlite3
from typing import Any, Final
from urllib.parse import quote

from local.dataverse.errors import ApiError
from local.dataverse.http import Request
from local.dataverse.model import Table
from local.dataverse.query import PAGE
from local.dataverse.session import Session
from local.dataverse.store import quoted

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<string>N?'(?:[^']|'')*')|(?P<number>\d+(?:\.\d+)?)|(?P<name>\[\w+\]|\w+)|(?P<mark><=|>=|<>|!=|[=<>(),.*+\-]))"
)
_KEYWORDS: Final = frozenset({
    "select", "distinct", "from", "as", "inner", "left", "outer", "join", "on", "where", "and", "or", "not", "in", "is",
    "null", "like", "between", "group", "by", "order", "asc", "desc",
})  # fmt: skip
_FUNCTIONS: Final = frozenset({"count", "sum", "avg", "min", "max"})
_REFUSED: Final = frozenset({
    "insert", "update", "delete", "drop", "alter", "create", "exec", "union", "having", "with", "cross", "right",
    "full", "case", "over",
})  # fmt: skip

Token = tuple[str, str]


def run(session: Session, request: Request) -> dict[str, Any]:
    """A page of the statement's rows; 400 when it is outside of the subset."""
    statement = _Statement(session, _tokens(request.query["sql"]))
    page = int(_page(request.query.get("$skiptoken", "")))
    start = statement.offset + (page - 1) * PAGE
    left = PAGE if statement.limit is None else min(PAGE, statement.limit - (page - 1) * PAGE)
    cursor = _execute(session, f"{statement.text} LIMIT ? OFFSET ?", (left + 1, start))
    names = [column[0] for column in cursor.description]
    found = cursor.fetchall()
    session.rows += min(left, len(found))
    booleans = {c.name for t in statement.tables for c in t.columns.values() if c.type == "Boolean"}
    rows = [
        {n: bool(v) if n in booleans and v is not None else v for n, v in zip(names, values, strict=True)}
        for values in found[:left]
    ]
    document: dict[str, Any] = {"@odata.context": f"{request.base}$metadata#{request.path}", "value": rows}
    wanted = statement.limit is None or statement.limit > page * PAGE
    if len(found) > left and wanted:
        cookie = f'<cookie pagenumber="{page + 1}" pagingcookie="{start + left}" istracking="False" />'
        document["@odata.nextLink"] = (
            f"{request.base}{request.path}?sql={quote(request.query['sql'], safe='')}&$skiptoken={quote(cookie, safe='')}"
        )
    return document


def _execute(session: Session, text: str, values: tuple[int, int]) -> Any:
    try:
        return session.store.db.execute(text, values)
    except sqlite3.Error as error:
        raise refused(str(error)) from None


def refused(why: str) -> ApiError:
    return ApiError(400, "0x80040216", f"The SQL statement cannot be run: {why}.")


def _page(token: str) -> str:
    found = re.search(r'pagenumber="(\d+)"', token)
    return found[1] if found else "1"


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    position = 0
    text = text.strip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise refused(f"syntax error near '{text[position : position + 20]}'")
        found.append((match.lastgroup or "", match.group().strip()))
        position = match.end()
    return found


class _Statement:
    """A checked statement: SQL for SQLite without its paging, the paging, and the tables it reads."""

    def __init__(self, session: Session, tokens: list[Token]) -> None:
        self.session = session
        self.tokens = tokens
        self.tables: list[Table] = []
        self.limit: int | None = None
        self.offset = 0
        if not tokens or self._word(0) != "select":
            raise refused("only SELECT is supported")
        words = self._strip_paging()
        self.text = " ".join(self._checked(words))
        if not self.tables:
            raise refused("a table must be named")

    def _word(self, at: int) -> str:
        return self.tokens[at][1].lower() if at < len(self.tokens) else ""

    def _number(self, at: int) -> int:
        if at >= len(self.tokens) or not self.tokens[at][1].isdigit():
            raise refused("a whole number is expected")
        return int(self.tokens[at][1])

    def _strip_paging(self) -> list[Token]:
        """The statement without TOP n and OFFSET … FETCH …, which are remembered."""
        top = 2 if self._word(1) == "distinct" else 1
        words = list(self.tokens)
        if self._word(top) == "top":
            self.limit = self._number(top + 1)
            del words[top : top + 2]
        for at, (kind, text) in enumerate(self.tokens):
            if kind == "name" and text.lower() == "offset":
                expected = ("rows", "fetch", "next", "", "rows", "only")
                if any(word and self._word(at + 2 + n) != word for n, word in enumerate(expected)):
                    raise refused("OFFSET n ROWS FETCH NEXT m ROWS ONLY is expected")
                self.offset, self.limit = self._number(at + 1), self._number(at + 5)
                return words[: at - len(self.tokens) + len(words)]
        return words

    def _checked(self, words: list[Token]) -> list[str]:
        out: list[str] = []
        expecting_table = False
        for at, (kind, text) in enumerate(words):
            lower = text.strip("[]").lower()
            following = words[at + 1][1] if at + 1 < len(words) else ""
            if kind == "string":
                out.append(text.removeprefix("N"))
            elif kind != "name":
                if text == "*" and (at == 0 or words[at - 1][1] != "("):
                    raise refused("SELECT * is not supported")
                out.append(text)
            elif lower in _REFUSED or (lower == "select" and at):
                raise refused(f"{lower.upper()} is not supported")
            elif expecting_table:
                out.append(self._table(lower))
                expecting_table = False
            elif following == "(" and lower not in _KEYWORDS:
                if lower not in _FUNCTIONS:
                    raise refused(f"the function {lower} is not supported")
                out.append(lower)
            elif lower in _KEYWORDS:
                out.append(lower.upper())
                expecting_table = lower in ("from", "join")
            else:
                out.append(f"[{lower}]")  # double quotes would let SQLite take an unknown column for a text
        return out

    def _table(self, name: str) -> str:
        table = self.session.catalog.tables.get(name)
        if table is None:
            raise refused(f"there is no table '{name}'")
        self.session.security.require(self.session.caller, "Read", table)
        self.tables.append(table)
        return quoted(name)
