"""What people did outside the app, told by them: kept, and counted in the cutover checklist."""

from activities.cutover import keep_checklist
from activities.errors import StepError
from ledger import migrations, notes
from ledger.notes import Kind, Note
from ledger.storage import Storage


async def add(store: Storage, id: str, kind: Kind, about: str, what: str, reason: str, by: str) -> Note:
    """Keep a note. Raises StepError without a reason, NoMigration."""
    if not reason:
        raise StepError("no_reason", "Say why.", "Give a reason; no names or values of patients.")
    await migrations.load(store, id)
    note = Note(kind=kind, about=about, what=what, reason=reason, by=by)
    await notes.append(store, id, note)
    await keep_checklist(store, id)
    return note
