"""What became of one row of a write."""

from dataclasses import dataclass, replace

from dataverse.errors import DataverseError, LostReply, Refused

#: A write whose answer stayed lost: the row was not there when read again, but the write may still be on its way.
LOST = "lost_reply"
#: The row has changed since it was read, and not by this write.
CONFLICT = "conflict"
#: A row was to be created under an id that a row of somebody else's has.
TAKEN = "id_taken"
#: Landed, by an earlier try.
FOUND = "found"


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """``index`` is the row's place in the request. ``ok`` rows have landed; the others carry Dataverse's code.

    ``unknown`` rows are neither landed nor refused: read them again after a quiet period. ``code`` is "" or "found"
    (landed by an earlier try) on success. ``message`` holds no values.
    """

    index: int
    ok: bool
    code: str = ""
    message: str = ""
    column: str | None = None
    unknown: bool = False

    @classmethod
    def failed(cls, index: int, error: DataverseError) -> "RowOutcome":
        """The outcome of a row whose only request met this error."""
        if isinstance(error, LostReply):
            return cls.lost(index)
        return cls(index, False, error.code or f"http_{error.status}", error.message, error.column)

    @classmethod
    def of(cls, index: int, error: DataverseError, lost: int) -> "RowOutcome":
        """The outcome of a row whose last request met this error, after ``lost`` requests without an answer.

        One of those may still land. Only a refusal for the row's own sake, which it meets as well, proves that it won't.
        """
        own = isinstance(error, Refused) and error.status < 500
        failed = cls.failed(index, error)
        return replace(failed, unknown=failed.unknown or (lost > 0 and not own))

    @classmethod
    def lost(cls, index: int) -> "RowOutcome":
        """The outcome of a row whose write was never answered."""
        return cls(index, False, LOST, "No answer came back; read again later.", unknown=True)

    @classmethod
    def there(cls, index: int, *, ours: bool) -> "RowOutcome":
        """The outcome of a row to be created whose id is in the target: by a request of ours, or else by somebody else."""
        if ours:
            return cls(index, True, FOUND)
        return cls(
            index,
            False,
            TAKEN,
            "A row with this id is in the target already, and this migration did not make it; it was left as it is. Another "
            "migration of a system with this name does so: roll that one back, or create this one with another name.",
        )
