"""The report of a sample: four proofs, what differs, and every field of it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from reports.model import Fact, Report, Table, Tone

#: Verdicts of the diff, those that need an eye first, and what each means.
VERDICTS: Final[Mapping[str, str]] = {
    "differs": "The target holds something else than was written. Find out why before signing.",
    "refused": "The value, or its whole record, was not written; the reason says why. Look whether the map can take it.",
    "changed by transform": "Written in the target's form, such as a date in UTC or the label of a choice.",
    "left to the target": "The source has no value; the column keeps its default, or what another record wrote.",
    "not migrated": "The map leaves this field out, or the record is excluded; the reason says why.",
    "same": "The target holds what the source held.",
}
#: Classes of what is not the same, those that need an eye first. What was refused or left out is in none: nothing of it
#: stands in the target.
CLASSES: Final[Mapping[str, str]] = {
    "wrong": "It differs, or a proof fails at it. Each has to be explained before the sample is signed.",
    "lossy": "Changed as the map says, and the source's value could not be made again from the target: a time of day is "
    "dropped, two values become one. Look whether somebody needs what is lost.",
    "expected": "Changed as the map says, or left to the target, and nothing is lost.",
}
_MARKS: Final[Mapping[str, Tone]] = {"differs": "bad", "refused": "attention", "wrong": "bad", "lossy": "attention"}
#: What a sample has to prove before anything else is read, by the name its rows carry.
PROOFS: Final[Mapping[str, str]] = {
    "mrn": "Medical record numbers preserved",
    "time": "Appointment dates and times equal in clinic time",
    "practitioner": "Practitioner lookups resolved",
    "insurance": "Insurance linked to the right patient",
}
_PROOF_MARKS: Final[Mapping[str, Tone]] = {
    "proved": "good", "not proved": "bad", "proved but for exceptions": "attention", "nothing to prove": "attention",
}  # fmt: skip
#: The columns of the fields, and of a diff row what each shows.
COLUMNS: Final[Mapping[str, str]] = {
    "Object": "object", "Source id": "source_id", "Field": "field", "In the source": "source", "Transform": "transform",
    "Column": "column", "In the target": "value", "Verdict": "verdict", "Class": "class", "Loses": "loses",
    "Reason": "reason", "Patient": "patient",
}  # fmt: skip
#: The title of the table that lists every field.
FIELDS: Final = "Fields"
#: Fields that the page shows; CSV and JSON hold all.
SHOWN: Final = 1000


def diff_report(
    migration: str,
    rows: Sequence[Mapping[str, Any]],
    chosen: Mapping[str, Any],
    rehearsal: Mapping[str, int],
    findings: Sequence[Mapping[str, Any]],
    zone: str,
    comments: Sequence[Mapping[str, Any]] = (),
) -> Report:
    """Every source field of every sampled record, with the value read back and a verdict.

    ``rows`` are in order, and under proof they say whether they are ``proved``; ``findings`` are what differs and is no
    field of the source; ``comments`` name an object, a field and, where they are of one record, its source id.
    """
    verdicts, classes = (Counter(row[key] for row in rows) for key in ("verdict", "class"))
    said = _said(comments)
    cut = f" This page shows the first {SHOWN:,} of {len(rows):,}; the CSV and JSON forms hold all."
    return Report(
        "diff",
        "Sample: field by field",
        "What every field of the sampled records was in the source, and what stands in the target now.",
        migration,
        [
            Fact("Patients", f"{chosen['patients']:,}", note="with all that hangs on them"),
            Fact("Fields compared", f"{len(rows):,}"),
            Fact("Differ", f"{verdicts['differs']:,}", "bad" if verdicts["differs"] else "good"),
            Fact(
                "Lossy",
                f"{classes['lossy']:,}",
                "attention" if classes["lossy"] else "good",
                "something of the value is lost",
            ),
            Fact("Findings", f"{len(findings):,}", "bad" if findings else "good", "owners, states, files, rows"),
            Fact("Refused", f"{verdicts['refused']:,}", "attention" if verdicts["refused"] else "good", "each listed"),
            Fact("Rehearsed undo", f"{rehearsal.get('deleted', 0):,}", "good", "rows deleted and proved gone"),
        ],
        [
            *_proofs(rows, zone),
            Table(
                "Findings",
                ["Object", "Source id", "Column", "Finding"],
                [[one[key] for key in ("object", "source_id", "column", "class")] for one in findings],
                "What differs in the target and is no field of the source: owners, states, files, rows that are not there.",
                "Nothing.",
            ),
            Table(
                "By verdict",
                ["Verdict", "Fields", "What it means"],
                [[verdict, verdicts[verdict], words] for verdict, words in VERDICTS.items()],
                marks=_MARKS,
            ),
            Table(
                "By class",
                ["Class", "Fields", "What it means"],
                [[name, classes[name], words] for name, words in CLASSES.items()],
                marks=_MARKS,
            ),
            Table(
                "Comments",
                ["Object", "Field", "Source id", "Comment", "By", "At"],
                [[one[key] for key in ("object", "field", "source_id", "text", "by", "at")] for one in comments],
                "What people said of a field, or of one record's. It explains nothing and keeps nobody from signing.",
                "Nobody has commented on a field.",
            ),
            Table(
                "Records that did not land",
                ["Object", "Verdict", "Reason", "Records"],
                _not_landed(rows),
                "Sampled records without a row: excepted, or excluded on purpose.",
                "Every sampled record landed.",
                marks=_MARKS,
            ),
            Table(
                FIELDS,
                [*COLUMNS, "Comments"],
                [[*(plain(row[key]) for key in COLUMNS.values()), _of(row, said)] for row in rows],
                "Those that need an eye come first." + (cut if len(rows) > SHOWN else ""),
                shown=SHOWN,
                marks=_MARKS,
                values=("In the source", "In the target"),
            ),
            *_variety(chosen),
        ],
        csv_table=7,
    )


def in_order(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The fields as the report lists them: those that need an eye first, then record by record."""
    order = {verdict: number for number, verdict in enumerate(VERDICTS)}
    return sorted(
        rows,
        key=lambda row: (
            row["class"] != "wrong", order[row["verdict"]], row["class"] != "lossy", row["object"], row["source_id"],
        ),
    )  # fmt: skip


def _said(comments: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str, str], list[str]]:
    """Comments in one line each, by object, field and source id."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for one in comments:
        found.setdefault((one["object"], one["field"], one["source_id"]), []).append(f"{one['by']}: {one['text']}")
    return found


def _of(row: Mapping[str, Any], said: Mapping[tuple[str, str, str], list[str]]) -> str:
    """What was said of a field of a record, and of the field in all records."""
    of = (row["object"], row["field"])
    return "\n".join([*said.get((*of, ""), ()), *said.get((*of, row["source_id"]), ())])


def _proofs(rows: Sequence[Mapping[str, Any]], zone: str) -> list[Table]:
    """The four proofs, n of n each, and the fields at which one fails."""
    asked = [row for row in rows if row["proof"]]
    failed = [row for row in asked if not row["proved"]]
    of, lacking = Counter(row["proof"] for row in asked), Counter(row["proof"] for row in failed)
    why: dict[str, Counter[str]] = {}
    for row in failed:
        why.setdefault(row["proof"], Counter())[_why(row)] += 1
    return [
        Table(
            "Four proofs",
            ["Proof", "Proved", "Of", "Verdict", "Why not"],
            [
                [words, of[key] - lacking[key], of[key], _proof_verdict(of[key], why.get(key, {})),
                 ", ".join(f"{code}: {count:,}" for code, count in sorted(why.get(key, {}).items()))]
                for key, words in PROOFS.items()
            ],
            "What was read back against what the source says itself: numbers as text, times on the clinic's clock "
            f"({zone}), links by the id that the linked contact carries. Records that did not land count as not proved; "
            "excluded ones are not counted.",
            marks=_PROOF_MARKS,
        ),
        Table(
            "Not proved",
            ["Proof", "Object", "Source id", "Field", "Verdict", "Why not"],
            [
                [PROOFS[row["proof"]], *(row[key] for key in ("object", "source_id", "field", "verdict")), _why(row)]
                for row in failed
            ],
            empty="Nothing: every proof holds.",
            marks=_MARKS,
        ),
    ]  # fmt: skip


def _why(row: Mapping[str, Any]) -> str:
    """The code of the exception that keeps a proof from holding, else that it is not so."""
    return str(row["reason"]) if row["verdict"] == "refused" else "not equal"


def _proof_verdict(of: int, why: Mapping[str, int]) -> str:
    if not of:
        return "nothing to prove"
    if not why:
        return "proved"
    return "not proved" if "not equal" in why else "proved but for exceptions"


def _not_landed(rows: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """Records without a row by object and reason."""
    records = {
        (row["object"], "refused" if row["verdict"] == "refused" else "not migrated", row["reason"], row["source_id"])
        for row in rows
        if not row["landed"] and row["verdict"] in ("refused", "not migrated")
    }
    groups = Counter((name, verdict, reason) for name, verdict, reason, _ in records)
    return [[*group, count] for group, count in sorted(groups.items())]


def _variety(chosen: Mapping[str, Any]) -> list[Table]:
    """What the sample covers, by object and kind by kind, and what it does not, and why. A kind's first word names the
    object; behind a tab stands a value or label."""
    covered, left, unseen = (chosen[name] for name in ("covered", "not_covered", "not_seen"))
    figures = [Counter(kind.split(" ")[0] for kind in kinds) for kinds in (covered, left, unseen)]
    looked = f"{chosen['looked_at']:,} of {chosen['of']:,} patients were looked at field by field"
    return [
        Table(
            "Variety",
            ["Object", "Kinds in the data", "In the sample", "Not in the sample", "In the map only"],
            [
                [name, figures[0][name] + figures[1][name], *(one[name] for one in figures)]
                for name in sorted(set().union(*figures))
            ],
            "Filled columns, custom fields without a value, labels of choices, entries of value maps, transforms, longest and "
            "shortest texts, sets of insurance, practitioners, owner rules, states, refusals. The patients were chosen to "
            f"show as many as that many patients can. {looked}; what hangs on keys and refusals is known of all.",
        ),
        Table(
            "Not in the sample",
            ["Object", "Kind", "Value", "Why"],
            [
                *([*one, "in the data, but with no patient of the sample"] for one in _parts(left)),
                *([*one, "in the map; no record that was looked at shows it"] for one in _parts(unseen)),
            ],
            empty=f"Every kind that was found is in the sample. {looked}.",
            values=("Value",),
        ),
        Table("In the sample", ["Object", "Kind", "Value"], _parts(covered), values=("Value",), shown=200),
    ]


def _parts(kinds: Iterable[str]) -> list[list[str]]:
    """Kinds in parts: object, words, value."""
    made = []
    for kind in kinds:
        words, _, value = kind.partition("\t")
        name, _, words = words.partition(" ")
        made.append([name, words, value])
    return made


def plain(value: Any) -> Any:
    """A value as a cell holds it."""
    return ", ".join(str(one) for one in value) if isinstance(value, list) else value
