"""What can go wrong with Dataverse, as a small tree of exceptions, and how an HTTP answer becomes one of them.

Dataverse's own messages quote what they refuse (a literal, a key value, a date), so none of them reaches an
exception unread: codes that are known speak our words, and everything else goes through ``clean``.
Codes and shapes: the error table of the Dataverse Web API (Learn: "Web service error codes", "Compose HTTP
requests and handle errors") and the service protection limits page.
"""

import re
from collections.abc import Mapping
from typing import Final, TypeGuard

import orjson


class DataverseError(Exception):
    """An answer, or a silence, of Dataverse that is not success.

    ``status`` is the HTTP status (0 when there was none), ``code`` Dataverse's hexadecimal code in lower case ("" when
    it gave none), ``message`` words without values, ``table`` the logical table it was about, ``column`` the logical
    column when the answer names one.
    """

    def __init__(
        self, message: str, *, status: int = 0, code: str = "", table: str | None = None, column: str | None = None
    ) -> None:
        self.message = message
        self.status = status
        self.code = code
        self.table = table
        self.column = column
        where = f" [{table}]" if table else ""
        what = " ".join(part for part in (str(status) if status else "", code) if part)
        super().__init__(f"{message}{where}" + (f" ({what})" if what else ""))


class Transient(DataverseError):
    """May succeed when tried again; the client has already done so as often as it is allowed to.

    ``slow``: somebody stopped waiting (we, a gateway, the database), so that a smaller request may do.
    """

    slow: bool = False


class Throttled(Transient):
    """A service protection limit was met. ``retry_after`` is in seconds, ``which`` the facet."""

    def __init__(self, message: str, *, retry_after: float, which: str, code: str, table: str | None = None) -> None:
        super().__init__(message, status=429, code=code, table=table)
        self.retry_after = retry_after
        self.which = which


class Unavailable(Transient):
    """The service, or the database behind it, could not do it now."""


class LostReply(Transient):
    """A write was sent and no answer of Dataverse's own came back: it may or may not have happened."""


class Refused(DataverseError):
    """Dataverse understood the request and will not do it; the same request fails again."""


class AuthRefused(Refused):
    """The caller's token, or the caller, is not accepted at all."""


class PrivilegeMissing(Refused):
    """The caller, or the owner named in a row, lacks a privilege. ``privilege`` is its name when the answer tells."""

    privilege: str = ""


class NotFound(Refused):
    """No such row, table, key or path."""


class Duplicate(Refused):
    """A row with this id or these key values exists."""


class VersionMismatch(Refused):
    """The row has changed since the version named in If-Match."""


class BadPayload(Refused):
    """Malformed: an unknown property, a wrong JSON type, a missing navigation property."""


class BadValue(Refused):
    """A value is outside what its column takes."""


class AttachmentRefused(Refused):
    """A file is blocked or too large."""


class BadAnswer(DataverseError):
    """The answer is not what the Web API promises; nothing can be concluded from it."""


#: Codes that are worth another try although the answer was an error: deadlock, time-out, aborted transaction,
#: another import or publish running, and "An unexpected error occurred" (which is capped, it can be permanent).
UNEXPECTED: Final = "0x80040216"
SQL_TIMEOUT: Final = "0x80044151"
RETRY_CODES: Final = frozenset({UNEXPECTED, "0x80044150", SQL_TIMEOUT, "0x80040255", "0x80040251", "0x80071151"})
RETRY_STATUSES: Final = frozenset({429, 502, 503, 504})

STORAGE_FULL: Final = 507

_FACETS: Final = {"0x80072322": "requests", "0x80072321": "execution time", "0x80072326": "concurrency"}

#: Codes we have our own words for, and the class they belong to.
_KNOWN: Final[dict[str, tuple[type[Refused], str]]] = {
    "0x80040237": (Duplicate, "A row with this id exists."),
    "0x80060892": (Duplicate, "A row with this alternate key exists."),
    "0x80040333": (Duplicate, "A duplicate detection rule of the target was hit."),
    "0x80040217": (NotFound, "The row, or a row it refers to, does not exist."),
    "0x80060891": (NotFound, "No row has this alternate key."),
    "0x80060890": (BadPayload, "The alternate key is not defined."),
    "0x8006088a": (NotFound, "The address is not known to the target."),
    "0x80060882": (VersionMismatch, "The row has changed since it was read."),
    "0x80040220": (PrivilegeMissing, "The application user lacks a privilege."),
    "0x80040231": (PrivilegeMissing, "The owner of the row lacks a privilege on the table."),
    "0x80042f09": (PrivilegeMissing, "The user has no security role."),
    "0x80040225": (BadValue, "The owner is disabled or not a member of a business unit."),
    "0x80041d1f": (BadValue, "The owner is disabled."),
    "0x8004a112": (BadValue, "The owner is disabled."),
    "0x80040229": (BadValue, "The owner does not exist."),
    "0x80044331": (BadValue, "A text is longer than its column."),
    "0x8004431a": (BadValue, "A choice value is not one of its column's options."),
    "0x8004432f": (BadValue, "A whole number is outside its column's range."),
    "0x80044330": (BadValue, "A decimal number is outside its column's range."),
    "0x80040239": (BadValue, "A date is outside what the target can hold."),
    "0x80040278": (BadValue, "A text holds characters the target does not take."),
    "0x80040200": (BadValue, "A column that the target requires is empty."),
    "0x80040203": (BadValue, "An argument is not valid."),
    "0x80048408": (BadValue, "The status reason does not belong to the row's state."),
    "0x8004022e": (BadValue, "The row cannot be changed in its state."),
    "0x80048d19": (BadPayload, "The payload has a property the target does not know, or of another type."),
    "0x80060888": (BadPayload, "The request names something the target does not know."),
    "0x80040315": (BadPayload, "The batch is too large or not supported."),
    "0x80043e09": (AttachmentRefused, "The file's type is blocked in the target."),
    "0x80044a02": (AttachmentRefused, "The file is too large for the target or of a blocked type."),
    "0x80040265": (Refused, "A plug-in of the target refused the row."),
    "0x80040224": (Refused, "A plug-in of the target failed."),
}

_BY_STATUS: Final[dict[int, tuple[type[Refused], str]]] = {
    401: (AuthRefused, "The target does not accept the credentials."),
    403: (PrivilegeMissing, "The target forbids it."),
    404: (NotFound, "There is no such row or address."),
    412: (VersionMismatch, "A condition of the request does not hold."),
    413: (BadPayload, "The request is too large."),
}

#: Where the answers name a column. A name is a schema word (lower-case logical name, no spaces): never a value.
_COLUMN: Final = (
    re.compile(r"length of the '([a-z][a-z0-9_]{0,99})' attribute"),
    re.compile(r"value for attribute '?([a-z][a-z0-9_]{0,99})'? "),
    re.compile(r"attribute '([a-z][a-z0-9_]{0,99})' (?:of|on) "),
    re.compile(r"undeclared property '([A-Za-z][A-Za-z0-9_]{0,99})'"),
    re.compile(r"property named '([A-Za-z][A-Za-z0-9_]{0,99})' on type"),
)
_LIMIT: Final = re.compile(r"maximum allowed length of '(\d{1,9})'")
_PRIVILEGE: Final = re.compile(r"\b(prv[A-Za-z0-9_]{2,120})\b")

_GUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.I)
#: Quotes and brackets are taken greedily, from the first to the last: a value may hold the closing mark itself.
_STRIP: Final = (
    re.compile(r"['\"‘“«].*['\"’”»]", re.S),
    re.compile(r"['\"‘“«].*", re.S),
    re.compile(r"<.*>", re.S),
    re.compile(r"\{.*\}", re.S),
    re.compile(r"\[.*\]", re.S),
    re.compile(r"(?i)(?:actual value|value|supplied|provided)\s*[:=]\s*[^,;.]*"),
    re.compile(r"\S+@\S+"),
    re.compile(r"(?<![0-9A-Fa-fx-])\+?\d[\d\s./:,-]*\d(?![0-9A-Fa-f-])"),
)


def clean(message: str) -> str:
    """A message of Dataverse without anything that may be a value.

    Everything between the first and the last quotation mark, what stands in brackets, e-mail addresses and numbers of
    two digits or more become an ellipsis; a single quotation mark cuts the rest; GUIDs stay. At most 300 characters.
    """
    held: list[str] = []

    def hold(match: re.Match[str]) -> str:
        held.append(match.group(0).lower())
        return f"\x00{chr(0xE000 + len(held) - 1)}\x00"

    text = _GUID.sub(hold, message.replace("\x00", "")[:4000])
    for pattern in _STRIP:
        text = pattern.sub("…", text)
    text = re.sub(r"\x00(.)\x00", lambda m: held[ord(m.group(1)) - 0xE000], text)
    text = re.sub(r"\s+", " ", text).strip()
    return text[:300]


def read_error(body: bytes) -> tuple[str, str]:
    """Code (lower case, "" when there is none) and raw message of an error body; never raises.

    The raw message may hold values: it must not leave this module but through ``clean`` or the patterns above.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "", ""
    if not isinstance(document, dict):
        return "", ""
    inner = document.get("error", document)
    if not isinstance(inner, dict):
        return "", ""
    code = str(inner.get("code") or "").lower()
    message = str(inner.get("message") or inner.get("Message") or "")
    return (code if re.fullmatch(r"0x[0-9a-f]{8}", code) else ""), message


def error_from(status: int, headers: Mapping[str, str], body: bytes, table: str | None = None) -> DataverseError:
    """The exception for an answer whose status is 400 or more. Codes decide before statuses do."""
    code, raw = read_error(body)
    if status == 429 and code not in RETRY_CODES:
        which = _FACETS.get(code, "requests")
        return Throttled(
            f"The service protection limit on {which} was met.",
            retry_after=retry_after(headers),
            which=which,
            code=code,
            table=table,
        )
    # A 5xx without a code of Dataverse's own is a gateway's, or a server's that fell over: it says nothing of the rows.
    dumb = status >= 500 and not code
    if dumb or code in RETRY_CODES or (status in RETRY_STATUSES and code not in _KNOWN):
        passing = Unavailable(_transient_words(code, status), status=status, code=code, table=table)
        passing.slow = status == 504 or code == SQL_TIMEOUT
        return passing
    kind, words = _KNOWN.get(code) or _BY_STATUS.get(status) or (Refused, clean(raw) or "The target refused it.")
    if status == 401 or (status == 404 and kind is not NotFound):
        kind, words = _BY_STATUS[status]
    column = next((m.group(1) for p in _COLUMN if (m := p.search(raw))), None)
    if limit := _LIMIT.search(raw):
        words = f"A text is longer than the {limit.group(1)} characters of its column."
    privilege = m.group(1) if (m := _PRIVILEGE.search(raw)) else ""
    if issubclass(kind, PrivilegeMissing) and privilege:
        words = f"{words.removesuffix('.')}: {privilege}."
    error = kind(words, status=status, code=code, table=table, column=column)
    if isinstance(error, PrivilegeMissing):
        error.privilege = privilege
    return error


def systemic(error: object) -> TypeGuard[Unavailable]:
    """Whether the target as a whole is meant and not a row: nobody is there, or there is no room left."""
    return isinstance(error, Unavailable) and (not error.code or error.status == STORAGE_FULL)


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds of a Retry-After header; 0 when it is absent or not a number of seconds."""
    try:
        return max(0.0, float(headers.get("retry-after", "0")))
    except ValueError:
        return 0.0


def _transient_words(code: str, status: int = 0) -> str:
    if status == STORAGE_FULL:
        return "The target has no room left."
    if code == "0x80071151":
        return "Another import or publish is running in the target."
    if code in ("0x80044150", "0x80044151", "0x80040255", "0x80040251"):
        return "The target's database gave the transaction up."
    return "The target is not available now."
