"""The evidence of a migration, to be filed or handed to an auditor: what was decided, done, compared and taken back.

Ids, the names of those who decided, and counts; no value of a patient's record, and nothing that a person typed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from reports.estimates import several
from reports.model import Fact, Report, Table, Tone
from reports.words import moment

#: The report's name.
NAME: Final = "evidence"
#: The ends of a source record; their sum is what was read.
DISPOSITIONS: Final = ("migrated", "unchanged", "exported", "excepted", "excluded")
#: What a verification says of the rows in the target, and how that reads.
_VERDICTS: Final[Mapping[str | None, tuple[str, Tone]]] = {
    "clean": ("nothing differs", "good"),
    "differences": ("differences", "bad"),
    "accepted": ("differences, accepted", "attention"),
    None: ("not checked", "bad"),
}
_TONES: Final[Mapping[str, Tone]] = {
    "adds up": "good", "does not add up": "bad", "failed": "bad", "paused": "attention", "stopped": "attention",
    "proved": "good", "not proved": "bad", "proved but for exceptions": "attention", "nothing to prove": "attention",
}  # fmt: skip
_HOW: Final = (
    "Each line holds the SHA-256 of the line before it, so the last hash stands for all lines; and the line of a run's end holds "
    "where each chain of its operations ended. A copy of this list that is kept elsewhere shows a later rewriting of the log and "
    "the manifest together. To check it all: ./carryover audit verify, or Check on the console's page Audit "
    "log. Without the app: bring log and manifest with ./carryover audit export, and check them with python -m scripts.check_log; "
    "docs/concepts/audit-log.md says how the hashes are made."
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the audit log's manifest: a gate, or the end of a run (``run``). ``sha256`` is over its text."""

    at: datetime
    kind: str
    run: str | None
    by: str
    chains: int
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is on record of a migration."""

    migration: Any  #: ``ledger.states.Migration``
    target: str  #: the target's name; "" before it was prepared
    runs: Sequence[Any]  #: ``ledger.states.Run``, in order
    objects: Mapping[str, Mapping[str, int]]  #: figures by object, of the latest load and verification
    findings: Mapping[str, int]  #: what the latest verification found, by class
    proofs: Sequence[Mapping[str, Any]]  #: rows of the sample's table Four proofs
    causes: Sequence[Sequence[Any]]  #: of the exceptions that hold: object, of a, code, count, message
    undone: Mapping[str, Mapping[str, int]]  #: by run that took back: rows deleted, restored, kept, left
    audit: Mapping[str, Any]  #: what a check of the log found: whole, rows, partitions, findings, onward (in part)
    lines: Sequence[Line] = field(default_factory=list)


def as_of(one: Evidence) -> datetime:
    """When the latest thing happened that is on record."""
    moments: list[datetime] = [one.migration.created, *(run.ended or run.started for run in one.runs)]
    return max(moments + [line.at for line in one.lines])


def evidence_report(one: Evidence) -> Report:
    """Everything on a few pages."""
    m = one.migration
    read, *ends = ([figures[key] for figures in one.objects.values()] for key in ("read", *DISPOSITIONS))
    migrated, excepted = sum(ends[0]), sum(ends[3])
    verdict, tone = _VERDICTS[m.reconciliation]
    return Report(
        NAME,
        "Evidence of the migration",
        "What was decided, done, compared and taken back. It holds ids and counts and the names of those who decided: no value "
        "of a patient's record.",
        m.id,
        [
            Fact("State", m.state.replace("_", " "), note=_written(m)),
            Fact("Records read", f"{sum(read):,}"),
            Fact("Records migrated", f"{migrated:,}", note="" if m.written or not migrated else "and taken back since"),
            Fact("Records excepted", f"{excepted:,}", "attention" if excepted else "plain", "each with its cause"),
            Fact("Read back and compared", verdict, tone, "every field of every record"),
            _whole(one.audit),
        ],
        [
            Table("The migration", ["What", "On record"], _frame(m, one.target)),
            Table(
                "Runs",
                ["Run", "End", "By", "Began", "Ended", "What it did"],
                [[run.id, run.state, run.by, moment(run.started), moment(run.ended), _did(run)] for run in one.runs],
                "A run that is part of another comes after it.",
                "Nothing has run.",
                marks=_TONES,
            ),
            Table(
                "Records",
                ["Object", "Read", *(name.capitalize() for name in DISPOSITIONS), "Sum"],
                [_disposed(name, figures) for name, figures in one.objects.items()],
                "As the latest load counted them: each source record has one end, and the ends add up to what was read.",
                "Nothing was loaded.",
                marks=_TONES,
            ),
            Table(
                "Fields read back",
                ["Object", "Read back", "Differ", "Refused"],
                [
                    [name, *(figures[f"fields_{key}"] for key in ("verified", "differing", "excepted"))]
                    for name, figures in one.objects.items()
                ],
                "As the latest verification counted them. Refused: left empty in a record that landed, and listed as an exception."
                if m.reconciliation
                else "Not checked: nothing was verified since rows were written or taken back.",
                "Nothing was loaded.",
            ),
            Table(
                "Findings of the verification",
                ["What", "Findings"],
                sorted(one.findings.items()),
                empty="None." if m.reconciliation else "Not checked.",
                marks=dict.fromkeys(one.findings, "bad"),
            ),
            Table(
                "Four proofs of the sample",
                ["Proof", "Proved", "Of", "Verdict", "Why not"],
                [list(row.values()) for row in one.proofs],
                "Held against the source by ways that share nothing with the map.",
                "No sample stands.",
                marks=_TONES,
            ),
            Table(
                "Exceptions by cause",
                ["Object", "Of a", "Code", "Count", "What"],
                one.causes,
                "Of the latest run that loaded.",
                "None.",
            ),
            Table(
                "Taken back",
                ["Run", "Deleted", "Restored", "Kept", "Left"],
                [
                    [run, *(counts[key] for key in ("deleted", "restored", "kept", "left"))]
                    for run, counts in one.undone.items()
                ],
                "Rows. Undo runs rehearse the way back with the sample. Kept: changed by others since. Left: rows of others "
                "hang on them.",
                "Nothing was taken back.",
            ),
            Table(
                "The audit log's manifest",
                ["Line", "When", "What", "By", "Chains", "Rows", "SHA-256"],
                [
                    [number, moment(line.at), line.run or line.kind, line.by, line.chains, line.rows, line.sha256]
                    for number, line in enumerate(one.lines, 1)
                ],
                _HOW,
                "Nothing was anchored yet.",
            ),
        ],
        csv_table=2,
        data={"audit": dict(one.audit), "digest": one.lines[-1].sha256 if one.lines else None},
    )


def _whole(audit: Mapping[str, Any]) -> Fact:
    """What a check of the log said, made for this report."""
    checked = f"{several(audit['rows'], 'row')} in {several(audit['partitions'], 'chain')}, checked for this report"
    if not audit["whole"]:
        return Fact("Audit log", several(len(audit["findings"]), "finding"), "bad", checked)
    if audit["onward"]:
        return Fact(
            "Audit log", "checked in part", "attention", f"{checked}; ./carryover audit verify checks all of it"
        )
    return Fact("Audit log", "whole" if audit["rows"] else "empty", "good" if audit["rows"] else "plain", checked)


def _written(m: Any) -> str:
    if m.state == "closed":
        return "final: nothing can be taken back any more"
    return "rows are in the target, and can be taken back" if m.written else "no row of it is in the target"


def _frame(m: Any, target: str) -> list[list[str]]:
    """What was migrated, by which map, and who decided it."""
    signed = "not signed"
    if m.signed_by:
        figures = ", ".join(f"{count:,} {what.replace('_', ' ')}" for what, count in m.signed_counts.items())
        signed = f"{m.signed_by}, {m.signed_role}, {moment(m.signed_at)}: {m.signed_sample} with map version {m.signed_version}"
        signed += f" ({figures})" if figures else ""
    return [
        ["Source system", f"{m.system}, read as {m.profile or 'a system without a profile'}"],
        ["Target", target or "not prepared"],
        ["Migration", f"{m.id}, created {moment(m.created)}"],
        ["Map", f"version {m.map_version}, hash {m.map_hash}" if m.map_hash else "none"],
        ["Map confirmed", _decided(m.confirmed_by, m.confirmed_at, m.confirmed_hash == m.map_hash) or "not confirmed"],
        ["Sample signed", signed],
        ["Differences accepted", m.accepted_by or "none were"],
        ["Closed", _decided(m.closed_by, m.closed_at) or "not closed"],
    ]


def _decided(by: str | None, at: datetime | None, current: bool = True) -> str:
    return f"{by}, {moment(at)}" + ("" if current else ", of an earlier version") if by else ""


def _disposed(name: str, figures: Mapping[str, int]) -> list[Any]:
    ends = [figures[key] for key in DISPOSITIONS]
    read = figures["read"]
    return [name, read, *ends, "adds up" if sum(ends) == read else "does not add up"]


def _did(run: Any) -> str:
    return f"{run.message} Taken back by {run.undone_by}.".strip() if run.undone_by else run.message
