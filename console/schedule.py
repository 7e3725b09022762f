"""When a timer's next turn is, as far as its pattern says it plainly."""

import re
from datetime import datetime, timedelta
from typing import Final

#: Second, minute, hour, and every day: what the templates set. Steps such as */30 are allowed.
_PATTERN: Final = re.compile(r"(\*|\*/\d+|\d+) (\*|\*/\d+|\d+) (\*|\*/\d+|\d+) \* \* \*")


def following(pattern: str, after: datetime) -> datetime | None:
    """The first turn of an NCRONTAB pattern after a moment (UTC); None for patterns of days, weeks or months."""
    found = _PATTERN.fullmatch(pattern.strip())
    if found is None:
        return None
    seconds, minutes, hours = (_values(text, most) for text, most in zip(found.groups(), (60, 60, 24), strict=True))
    if not (seconds and minutes and hours):
        return None
    for day in (after, after + timedelta(days=1)):
        for hour in hours:
            for minute in minutes:
                for second in seconds:
                    turn = day.replace(hour=hour, minute=minute, second=second, microsecond=0)
                    if turn > after:
                        return turn
    return None


def _values(text: str, most: int) -> list[int]:
    if text.isdecimal():
        return [int(text)] if int(text) < most else []
    step = int(text[2:]) if "/" in text else 1
    return list(range(0, most, step)) if step else []
