"""The ten warnings: what goes wrong in such migrations, where each is looked for, and the words for the person it meets.

``docs/reference/warnings.md`` explains them; a warning that was not looked for yet says so instead of looking good.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict

#: Custom tables that Sales Professional allows (Dynamics 365 Licensing Guide, November 2021, appendix D).
PROFESSIONAL_TABLES: Final = 15
#: Requests a day that all application users of a tenant share at least (Power Platform request limits, May 2025).
DAILY_REQUESTS: Final = 500_000

#: Warning -> the step that looks for it. In the design's order.
WARNINGS: Final[Mapping[str, str]] = {
    "no_public_api": "scope",
    "billing_proprietary": "scope",
    "custom_fields_vary": "scope",
    "unstructured_documents": "scope",
    "schedule_templates": "scope",
    "fifteen_tables": "prepare",
    "price_at_renewal": "scope",
    "columns_before_write": "prepare",
    "request_limits": "plan",
    "inactive_owner": "prepare",
}

State = Literal["applies", "does not apply", "not said", "checked in prepare", "checked in plan"]
Found = tuple[State, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a scope has seen of a source. ``properties``: name -> values; ``odd`` and ``rebuild``: what -> how many."""

    records: Mapping[str, int]
    custom_tables: int
    daily: int = DAILY_REQUESTS
    plan: str | None = None
    seats: int | None = None
    renewal: date | None = None
    properties: Mapping[str, int] = field(default_factory=dict)
    documents: int = 0
    odd: Mapping[str, int] = field(default_factory=dict)
    rebuild: Mapping[str, int] = field(default_factory=dict)
    billing_files: int = 0
    new_properties: int = 0  #: since the source before
    lost_properties: int = 0


def warnings_of(seen: Seen) -> list[list[str]]:
    """A row for each of the ten: id, state, words."""
    found: dict[str, Found] = {
        "no_public_api": _no_public_api(),
        "billing_proprietary": _billing(seen),
        "custom_fields_vary": _custom_fields(seen),
        "unstructured_documents": _documents(seen),
        "schedule_templates": _templates(seen),
        "fifteen_tables": _tables(seen),
        "price_at_renewal": price_at_renewal(seen.plan, seen.seats, seen.renewal),
        "columns_before_write": (
            "checked in prepare",
            "Every table, column, choice, lookup and key of the map is looked for in the target before the first write.",
        ),
        "request_limits": _requests(seen),
        "inactive_owner": (
            "checked in prepare",
            f"The {seen.records.get('staff', 0):,} staff of the source are matched with users by e-mail; who is not "
            "found there, or disabled, owns nothing. Verify compares the owner of every row.",
        ),
    }
    return [[id, *found[id]] for id in WARNINGS]


def _no_public_api() -> Found:
    return "applies", (
        "The source is an upload: it cannot say what changed or was deleted since, so each delta needs a full export. Ask "
        "the vendor for one on the day of cutover and for one a day later."
    )


def _billing(seen: Seen) -> Found:
    claims, files = seen.records.get("claim", 0), seen.billing_files
    if not claims and not files:
        return "does not apply", "No billing was found."
    words = [f"{claims:,} claims leave as CSV and JSON, nothing of them goes to Dataverse"] if claims else []
    if files:
        words.append(
            f"{files:,} billing files that the profile does not know are exported as they are, with a dictionary"
        )
    return "applies", "; ".join(words) + "."


def _custom_fields(seen: Seen) -> Found:
    if not seen.properties:
        return "does not apply", "No custom patient properties were found."
    since = ""
    if seen.new_properties or seen.lost_properties:
        since = f" Since the last source {seen.new_properties:,} came and {seen.lost_properties:,} went."
    return "applies", (
        f"{len(seen.properties):,} custom properties with {sum(seen.properties.values()):,} values become columns of this "
        f"clinic only.{since} Those that a later export brings are excepted and listed in the delta report."
    )


def _documents(seen: Seen) -> Found:
    odd = {what: many for what, many in seen.odd.items() if many}
    if not odd and not seen.documents:
        return "does not apply", "The upload holds no documents."
    if not odd:
        return "does not apply", "Every document has its index entry, patient, extension, type and content."
    listed = ", ".join(f"{ODD[what]}: {many:,}" for what, many in odd.items())
    return "applies", f"{listed}. The manual-upload report lists each."


#: What can be odd about a document, in words.
ODD: Final[Mapping[str, str]] = {
    "no_index": "files that no record names",
    "no_patient": "documents without a patient",
    "no_file": "documents that name no file",
    "missing_file": "documents whose file is not there",
    "no_extension": "file names without an extension",
    "wrong_mime": "types that do not fit the file name",
    "zero_bytes": "empty files",
}


def _templates(seen: Seen) -> Found:
    rebuild = {what: many for what, many in seen.rebuild.items() if many}
    if not rebuild:
        return "does not apply", "No templates, recurring rules, reminders or workflows were found."
    listed = ", ".join(f"{what.lower()}: {many:,}" for what, many in rebuild.items())
    return "applies", f"Not migrated ({listed}): the rebuild inventory says what to set up anew."


def _tables(seen: Seen) -> Found:
    words = f"The map needs {seen.custom_tables} custom tables"
    if seen.custom_tables > PROFESSIONAL_TABLES and seen.plan != "sales_enterprise":
        return "applies", f"{words}; Sales Professional allows {PROFESSIONAL_TABLES}."
    if seen.plan == "sales_enterprise":
        return "does not apply", f"{words}; Sales Enterprise sets no limit."
    return "checked in prepare", f"{words}; with those of the target, Sales Professional allows {PROFESSIONAL_TABLES}."


def _requests(seen: Seen) -> Found:
    # Each record is written once and read back once; both count.
    needed = 2 * sum(rows for name, rows in seen.records.items() if name not in ("staff", "claim"))
    words = f"About {needed:,} requests of {seen.daily:,} a day"
    if needed > seen.daily:
        return (
            "applies",
            f"{words}: {-(-needed // seen.daily)} days. A run that has spent its day waits for the next one.",
        )
    return "checked in plan", f"{words}. The forecast holds the load against the five-minute limits, too."


class _Before(BaseModel):
    model_config = ConfigDict(extra="forbid")
    price: Decimal
    until: date


class _Plan(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str
    price: Decimal
    before: _Before


class ListPrices(BaseModel):
    """List prices of the plans, when they were read, and where."""

    model_config = ConfigDict(extra="forbid")
    source: str
    read: date
    currency: str
    unit: str
    plans: dict[str, _Plan]


@cache
def list_prices() -> ListPrices:
    """The dated, sourced list prices."""
    text = (Path(__file__).parent / "data" / "list_prices.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.load(text, Loader=yaml.BaseLoader)
    return ListPrices.model_validate(document)


def price_at_renewal(plan: str | None, seats: int | None, renewal: date | None) -> Found:
    """What the seats cost from the renewal on, at list price; or which of the three facts is missing."""
    prices = list_prices()
    dated = f"List prices read on {prices.read:%Y-%m-%d} from {prices.source}."
    missing = [name for name, given in (("plan", plan), ("seats", seats), ("renewal date", renewal)) if given is None]
    if plan is None or seats is None or renewal is None:
        each = ", ".join(f"{one.title} {one.price}" for one in prices.plans.values())
        return "not said", (
            f"Say {_and(missing)} when the migration is created. {prices.currency} a {prices.unit}: {each}. {dated}"
        )
    one = prices.plans[plan]
    monthly = one.price * seats
    words = (
        f"From the renewal on {renewal:%Y-%m-%d}, {seats:,} seats of {one.title} at {one.price} {prices.currency} are "
        f"{monthly:,} a month and {monthly * 12:,} a year at list price."
    )
    rise = (one.price - one.before.price) * seats * 12
    if rise:
        words += (
            f" A contract at the price until {one.before.until:%Y-%m-%d}, {one.before.price}, rises by {rise:,} a year."
        )
    return "applies", f"{words} {dated}"


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
