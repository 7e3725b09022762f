"""The options that choose from a list, the same words wherever something is listed."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

import typer

#: The twelve: the names of ``mapping.objects``.
ObjectName = Literal[
    "staff", "location", "practitioner", "patient", "custom_property", "insurance", "appointment", "encounter",
    "prescription", "referral", "document", "claim",
]  # fmt: skip

_UNITS: Final = {"h": "hours", "d": "days"}


def _moment(given: str) -> datetime:
    """A time in UTC unless it says otherwise, or so many hours or days ago."""
    if ago := re.fullmatch(r"(\d{1,4})([hd])", given):
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise typer.BadParameter(f"{given} is no time: 2026-11-29, 2026-11-29T14:00, 36h or 2d.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


ObjectOption = Annotated[
    ObjectName | None, typer.Option("--object", metavar="OBJECT", help="Only those of this object, as patient.")
]
LimitOption = Annotated[int | None, typer.Option("--limit", min=1, help="At most so many.", show_default="all")]
SinceOption = Annotated[
    datetime | None,
    typer.Option("--since", parser=_moment, metavar="TIME", help="Only what is newer: 2026-11-29T14:00, 36h, 2d."),
]


def newer(rows: list[dict[str, Any]], key: str, since: datetime | None) -> list[dict[str, Any]]:
    """The rows whose time, an ISO text under ``key``, is not before ``since``."""
    return rows if since is None else [one for one in rows if datetime.fromisoformat(one[key]) >= since]
