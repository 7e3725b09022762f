"""How the practice system writes dates and times: several ways, as exports do."""

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

#: The clinic's wall clock; ``naive`` and ``us_time`` leave it out of the text.
CLINIC_ZONE: Final = ZoneInfo("America/New_York")

#: The morning the export of day 1 was made.
EXPORTED: Final = datetime(2025, 6, 2, 6, 0)


def exported(day: int) -> datetime:
    """When the export of that day (1, 2, …) was made, on the clinic's clock."""
    return EXPORTED + timedelta(days=day - 1)


def iso_z(local: datetime) -> str:
    """A time on the clinic's clock as UTC with Z."""
    return local.replace(tzinfo=CLINIC_ZONE).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_offset(local: datetime) -> str:
    """A time on the clinic's clock with its offset: -05:00 in winter, -04:00 in summer."""
    return local.replace(tzinfo=CLINIC_ZONE).isoformat()


def naive(local: datetime) -> str:
    """A time on the clinic's clock without a word about the zone."""
    return local.isoformat(sep=" ")


def us(day: date) -> str:
    """MM/DD/YYYY."""
    return f"{day.month:02d}/{day.day:02d}/{day.year:04d}"


def us_time(local: datetime) -> str:
    """MM/DD/YYYY hh:mm AM on the clinic's clock, without a zone."""
    return f"{us(local)} {(local.hour - 1) % 12 + 1:02d}:{local.minute:02d} {'AM' if local.hour < 12 else 'PM'}"
