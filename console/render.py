"""Templates: the environment they are rendered in, and how values are worded."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from console import charts, static, words
from settings import settings

_TEMPLATES: Final = Path(__file__).parent / "templates"


def render(template: str, context: Mapping[str, Any]) -> bytes:
    """A template's HTML. Everything put into it is escaped; a name that is missing is an error."""
    return environment().get_template(template).render(context).encode()


@cache
def environment() -> Environment:
    """The one environment of the process."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": number,
        "moment": moment,
        "spoken": words.spoken,
        "size": size,
        "lasting": lasting,
        "band": band,
    }
    made.globals |= {
        "static": static.address,
        "bar": charts.bar,
        "stack": charts.stack,
        "states": words,
        "states_role": words.role,
        "sign_out": sign_out,
    }
    return made


def sign_out() -> str:
    """Where the platform signs people out; nowhere on one's own machine."""
    return "/.auth/logout?post_logout_redirect_uri=/console" if settings().app_service_auth else ""


def number(value: Any) -> str:
    """12,345; nothing for None."""
    return "" if value is None else f"{value:,}"


def moment(value: datetime | str | None) -> str:
    """2026-11-23 14:05 UTC."""
    if not value:
        return ""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return f"{found.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def size(octets: int) -> str:
    """1.4 MB."""
    amount, unit = float(octets), "B"
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if amount >= 10 or unit == "B" else f"{amount:.1f} {unit}"


def lasting(seconds: float | timedelta | None) -> str:
    """How long: 40 s, 12 min, 3.5 h; nothing for None."""
    if seconds is None:
        return ""
    amount = seconds.total_seconds() if isinstance(seconds, timedelta) else float(seconds)
    if amount < 90:
        return f"{amount:.0f} s"
    return f"{amount / 60:.0f} min" if amount < 5400 else f"{amount / 3600:.1f} h"


def band(left: tuple[float, float] | None) -> str:
    """How long at the least and at the most: 12 to 18 min, 50 s to 2 min, or 12 min; nothing for None."""
    if left is None:
        return ""
    least, most = lasting(left[0]), lasting(left[1])
    if least == most:
        return least
    amount, unit = least.split(" ")
    return f"{amount} to {most}" if most.endswith(f" {unit}") else f"{least} to {most}"
