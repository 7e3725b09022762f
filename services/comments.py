"""Comments on fields of the latest sample's diff, by named people. They explain nothing and unblock nothing."""

from typing import Any

from activities import comments
from activities.errors import StepError
from ledger.storage import Storage
from services import notes, sample


async def shown(store: Storage, id: str) -> dict[str, Any]:
    """``{"sample", "comments"}``: what was said of the latest sample, in the order of time."""
    of, said = await comments.read(store, id)
    return {"sample": of, "comments": said}


async def add(store: Storage, id: str, by: str, name: str, field: str, source_id: str, text: str) -> None:
    """A person comments on a field of one record, or of all of an object's where ``source_id`` is empty.

    Raises StepError for a field or record that the sample does not show, and without a text.
    """
    if not text:
        raise StepError("no_text", "The comment is empty.", "Write it; no names or values of patients.")
    if not await sample.shows(store, id, name, field, source_id):
        raise StepError(
            "not_found", "The sample shows no such field.", "Look its object, field and record up in the diff."
        )
    of, _ = await comments.read(store, id)
    await notes.add(store, id, "comment", comments.about(of, name, source_id), field, text, by)
