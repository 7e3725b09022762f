"""What of a sample a person has to explain before it is signed: fields that differ, findings, proofs that fail.

A refusal is no difference: its code is an exception that is listed, and its record or field counts as excepted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from activities import jobs
from ledger.storage import Storage

Row = Mapping[str, Any]

#: The document that lists what differs in the latest sample: its run, and the source ids by cause.
_DOCUMENT: Final = "differences.json"
#: Verdicts of what became of a field as the map says.
_AS_MAPPED: Final = ("changed by transform", "left to the target")


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


def classify(rows: Iterable[dict[str, Any]]) -> None:
    """Says of each field, after ``prove``, of which of ``reports.diff.CLASSES`` it is; "" for none."""
    for row in rows:
        row["class"] = (
            "wrong" if _wrong(row) else "lossy" if row["loses"] else "expected" if row["verdict"] in _AS_MAPPED else ""
        )


def _wrong(row: Row) -> Literal["differs", "proof"] | None:
    """What is wrong with a field, and to be explained; None where nothing is."""
    if row["verdict"] == "differs":
        return "differs"
    return "proof" if row["proof"] and not row["proved"] and row["verdict"] != "refused" else None


def differences(rows: Iterable[Row], findings: Iterable[Row]) -> list[Difference]:
    """Everything to explain, each thing once. ``findings``: those of ``unseen_in_fields``."""
    found = [Difference("finding", one["object"], one["class"], str(one["source_id"])) for one in findings]
    for row in rows:
        if row["reason"] == "no_row":
            continue  # a row that is not there is one finding, not one for each of its fields
        if kind := _wrong(row):
            what = row["field" if kind == "differs" else "proof"]
            found.append(Difference(kind, row["object"], what, row["source_id"]))
    return found


async def keep(store: Storage, migration: str, sample: str, found: Iterable[Difference]) -> None:
    """Keep what differs in a new sample."""
    causes: dict[str, list[str]] = {}
    for one in found:
        causes.setdefault(one.cause, []).append(one.source_id)
    await jobs.keep_document(store, migration, _DOCUMENT, {"sample": sample, "causes": causes})


async def kept(store: Storage, migration: str) -> dict[str, Any]:
    """What differs in the latest sample: ``{"sample", "causes": {cause: [source id]}}``; "" and none before the first."""
    return dict(await jobs.optional_document(store, migration, _DOCUMENT, {"sample": "", "causes": {}}))
