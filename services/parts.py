"""Files of any length in answers of a bounded one: an answer is held in memory whole."""

from typing import Final

from activities.errors import StepError
from ledger.storage import Storage

#: Bytes of a part.
PART: Final = 16 * 1024 * 1024
#: Bytes of a file that is answered whole, to a browser: it cannot ask for parts.
WHOLE: Final = 64 * 1024 * 1024


async def part(store: Storage, blob: str, after: str) -> tuple[bytes, str]:
    """A part of a file among the reports, from ``after`` on, and where the next begins ("" with the last).

    Raises NotStored, StepError.
    """
    if after and not after.isdecimal():
        raise StepError("bad_request", "Nothing ended there.", "Send x-continuation of the part before.")
    start = int(after or 0)
    content = await store.part("reports", blob, start, PART)
    end = start + len(content)
    more = len(content) == PART and end < await store.size("reports", blob)
    return content, str(end) if more else ""


async def whole(store: Storage, blob: str) -> bytes:
    """A file among the reports. Raises NotStored, StepError for one that is too long."""
    bounded(await store.size("reports", blob))
    return await store.get("reports", blob)


def bounded(length: int) -> None:
    """Raise StepError for what is too long to be answered whole."""
    if length > WHOLE:
        words = f"The file has {length / 1e6:,.0f} MB: too long for one answer here."
        raise StepError("too_long", words, "./carryover report brings it, in parts.")
