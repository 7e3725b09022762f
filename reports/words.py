"""How every form of a report says a cell, a tone and a time."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from reports.model import Tone

#: What stands before a word that has a tone, so that colour is never the only sign.
SIGNS: Final[Mapping[Tone, str]] = {"good": "✓\u00a0", "bad": "✗\u00a0", "attention": "!\u00a0", "plain": ""}


def shown(value: Any) -> str:
    """A cell as people read it."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case _:
            return str(value)


def moment(at: datetime | None) -> str:
    """A time, to the minute; "" for none."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if at else ""
