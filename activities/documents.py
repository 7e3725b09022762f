"""Documents: which files may go, and sending them one by one without holding more than a piece in memory."""

from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import Any, Final

from activities import jobs
from activities.papers import Papers
from activities.resources import workplace
from activities.rows import Op
from dataverse.client import DataverseClient
from dataverse.notes import create_note
from dataverse.outcomes import RowOutcome
from ledger.exceptions import ExceptionRow
from ledger.storage import Storage, bounded
from mapping.schema import SchemaTable

#: Files on their way at once, per chunk.
_PARALLEL: Final = 4


class Documents:
    """The files of one chunk's documents."""

    def __init__(self, store: Storage, papers: Papers, limits: dict[str, Any]) -> None:
        self._store, self.papers, self._limits = store, papers, limits

    @classmethod
    async def open(cls, store: Storage, job: dict[str, Any]) -> "Documents":
        """The index of uploaded files and the target's limits, as preflight found them."""
        papers = Papers(await jobs.optional_document(store, job["migration"], "files.json", {}))
        return cls(store, papers, await jobs.document(store, job["migration"], "limits.json"))

    def refusal(self, path: str | None) -> tuple[str, str] | None:
        """Why the file of a document cannot go (code, words), or None."""
        if not path:
            return "no_file", "The source names no file for this document."
        place = self.papers.find(path)
        if place is None:
            return "missing_file", "The file is not in the upload."
        if place["size"] == 0:
            return "zero_bytes", "The file is empty."
        if place["size"] > self._limits["max_bytes"]:
            return "too_large", f"The file is over the limit of {self._limits['words']}"
        extension = PurePosixPath(path).suffix.lstrip(".").lower()
        if extension in self._limits["blocked"]:
            return "blocked_type", "The target blocks files of this extension."
        return None

    def sort_out(self, ops: list[Op]) -> tuple[list[Op], list[ExceptionRow]]:
        """Documents that can go, and the others with their reason; those are listed for manual upload."""
        good: list[Op] = []
        refused: list[ExceptionRow] = []
        for op in ops:
            why = self.refusal(op.file)
            if why is None:
                good.append(op)
            else:
                refused.append(ExceptionRow("document", op.source_id, None, *why))
        return good, refused

    async def send(
        self,
        client: DataverseClient,
        table: SchemaTable,
        ops: list[Op],
        *,
        object_in_blocks: bool,
        begun: Collection[str],
    ) -> list[RowOutcome]:
        """Create the notes with their files; one outcome an op. ``object_in_blocks`` as ``create_note`` takes it;
        ``begun`` are the ids that an earlier call may have sent."""
        async with workplace("documents") as folder:

            async def one(op: Op) -> RowOutcome:
                place = self.papers.find(op.file or "") or {}
                path = Path(folder) / str(op.pos)
                await self._store.download(place["container"], place["blob"], path)
                row = {**op.body, table.id_column: op.row_id, "isdocument": True}
                result = await create_note(
                    client, table, row, path, object_in_blocks=object_in_blocks, begun=op.row_id in begun
                )
                path.unlink()
                return result

            return await bounded(one, ops, _PARALLEL)
