"""What comes back: one answer, read strictly. A body that is not what the Web API promises proves nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from dataverse.errors import BadAnswer


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer. ``seconds`` passed between sending the request and its answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float = 0.0

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; BadAnswer when it is not one."""
        try:
            document = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise BadAnswer("The answer is not JSON.", status=self.status) from None
        if not isinstance(document, dict):
            raise BadAnswer("The answer is not a JSON object.", status=self.status)
        return document

    def rows(self) -> list[dict[str, Any]]:
        """The rows of a query's answer; BadAnswer when it has none to tell, which is not the same as no rows."""
        return rows_of(self.json())


def rows_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The member ``value`` of a query's answer. Its absence must not pass for "nothing is there"."""
    rows = document.get("value")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadAnswer("The answer to a query has no list of rows.")
    return rows
