"""Patients' values are masked until a person who may see them says what for; that is kept, by name."""

from collections.abc import Mapping
from typing import Final

from activities.errors import StepError
from ledger import migrations
from ledger.storage import Storage
from services.decisions import anchor

#: What values may be shown for: by the name that programs give, the words that are kept.
PURPOSES: Final[Mapping[str, str]] = {
    "sample": "Reviewing the sample",
    "map": "Checking the map",
    "exception": "Mending an exception",
    "conflict": "Deciding a conflict",
    "documents": "Filing documents by hand",
    "billing": "Handing over the billing",
    "records": "Keeping the records",
}


def purpose_of(given: str) -> str:
    """A purpose, as it is named. Raises StepError for what is none."""
    if not given:
        raise StepError("masked", "That holds patients' values.", f"Say what for, with reveal: {', '.join(PURPOSES)}.")
    if given not in PURPOSES:
        raise StepError("bad_request", "That is nothing to show values for.", f"Purposes: {', '.join(PURPOSES)}.")
    return given


async def note(store: Storage, id: str, by: str, file: str, purpose: str) -> None:
    """Keep who takes which file with values unmasked, and what for. Raises StepError for a purpose that is none."""
    words = PURPOSES[purpose_of(purpose)]
    await anchor(store, await migrations.load(store, id), "download", by, words, {"file": file})
