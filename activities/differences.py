"""What of a sample a person has to explain before it is signed: fields that differ, findings, proofs that fail.

A refusal is no difference: its code is an exception that is listed, and its record or field counts as excepted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs. No part is a value of a record."""

    kind: Literal["differs", "finding", "proof"]
    object: str
    what: str  #: the field that differs, the class of the finding, the proof that fails
    source_id: str

    @property
    def cause(self) -> str:
        """What it has in common with others, by which they can be explained together."""
        return f"{self.kind}/{self.object}/{self.what}"


def unseen_in_fields(rows: Iterable[Row], findings: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The findings that no field of the diff shows as differing."""
    shown = {(row["object"], row["source_id"], row["read"]) for row in rows if row["verdict"] == "differs"}
    return [one for one in findings if (one["object"], one["source_id"], one["column"]) not in shown]


def differences(rows: Iterable[Row], findings: Iterable[Row]) -> list[Difference]:
    """Everything to explain, each thing once. ``findings``: those of ``unseen_in_fields``."""
    found = [Difference("finding", one["object"], one["class"], str(one["source_id"])) for one in findings]
    for row in rows:
        if row["reason"] == "no_row":
            continue  # a row that is not there is one finding, not one for each of its fields
        if row["verdict"] == "differs":
            found.append(Difference("differs", row["object"], row["field"], row["source_id"]))
        elif row["proof"] and not row["proved"] and row["verdict"] != "refused":
            found.append(Difference("proof", row["object"], row["proof"], row["source_id"]))
    return found
