"""What people said of fields of the sample's diff: of one record's, or of a field of all records.

A comment is kept as a note on ``sample/object`` or ``sample/object/source id``, which says the field, too. It belongs to
one sample, and explains nothing: what differs is explained in ``services.differences``.
"""

from typing import TypedDict

from activities import differences
from ledger import notes
from ledger.storage import Storage


class Comment(TypedDict):
    """One comment. ``source_id`` is empty where the field of all records is meant."""

    object: str
    field: str
    source_id: str
    text: str
    by: str
    at: str


async def read(store: Storage, id: str) -> tuple[str, list[Comment]]:
    """The latest sample's run, and what was said of it, in the order of time."""
    sample = str((await differences.kept(store, id))["sample"])
    said = [note for some in (await notes.read(store, id, "comment")).values() for note in some]
    ours = [note for note in said if note.about.startswith(f"{sample}/")]
    return sample, [_comment(note) for note in sorted(ours, key=lambda note: note.at)]


def about(sample: str, name: str, source_id: str) -> str:
    """What a comment's note is about."""
    return "/".join(part for part in (sample, name, source_id) if part)


def _comment(said: notes.Note) -> Comment:
    _, name, source_id = [*said.about.split("/", 2), ""][:3]
    return {
        "object": name,
        "field": said.what,
        "source_id": source_id,
        "text": said.reason,
        "by": said.by,
        "at": said.at.isoformat(timespec="seconds"),
    }
