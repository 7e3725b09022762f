"""The latest sample's diff, as pages show it: its figures at once, its fields a page of records at a time."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from activities import comments, jobs
from activities.comments import Comment
from activities.kept_diff import HEAD
from activities.resources import workplace
from ledger import duck, paths
from ledger.storage import Storage

#: Records on a page.
RECORDS: Final = 20
#: Of a filter's values, the most that are offered.
OFFERED: Final = 500

Row = dict[str, Any]

#: What needs an eye: a field that differs or was refused, or at which a proof fails.
_EYE: Final = "(verdict IN ('differs', 'refused') OR proved = false)"
#: Filters by what the address says, and the column that each is about.
_COLUMNS: Final = {
    "kind": "class", "object": "object", "field": "field", "patient": "patient", "transform": "transform", "proof": "proof",
}  # fmt: skip
#: What a comment is on.
_PLACE: Final = ("object", "field", "source_id")
#: A field that somebody commented on, in this record or in all.
_COMMENTED: Final = """EXISTS (SELECT 1 FROM comments AS said WHERE said.object = fields.object AND said.field = fields.field
                               AND said.source_id IN ('', fields.source_id))"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to show: empty texts mean all. ``verdict`` may be "eye", too; ``kind`` is one of ``reports.diff.CLASSES``;
    ``proof`` means where it fails; any text in ``commented`` asks for what somebody commented on.

    ``patient`` is no id but what stands for it in an address.
    """

    verdict: str = ""
    kind: str = ""
    object: str = ""
    field: str = ""
    patient: str = ""
    transform: str = ""
    proof: str = ""
    commented: str = ""

    def where(self) -> tuple[str, dict[str, str]]:
        """The condition in SQL, and its parameters."""
        given = {name: value for name in _COLUMNS if (value := getattr(self, name))}
        parts = [f"{_COLUMNS[name]} = ${name}" for name in given]
        if self.commented:
            parts.append(_COMMENTED)
        if self.proof:
            parts.append("proved = false")
        match self.verdict:
            case "":
                pass
            case "eye":
                parts.append(_EYE)
            case verdict:
                parts.append("verdict = $verdict")
                given["verdict"] = verdict
        return " AND ".join(parts) or "true", given


@dataclass(slots=True)
class Page:
    """A page of the diff: records (object, source id) with their fields, and what may be asked for."""

    records: dict[tuple[str, str], list[Row]]
    found: int  #: records that fit
    number: int
    pages: int
    verdicts: Counter[str]  #: fields of the whole sample by verdict
    classes: Counter[str]  #: and by class
    choices: dict[str, list[str]] = field(default_factory=dict)  #: filter -> its values


async def head(store: Storage, id: str) -> dict[str, Any] | None:
    """The diff's facts, and its tables by title, all but the fields; None when no sample was made yet."""
    found = await jobs.optional_document(store, id, HEAD, None)
    return None if found is None else found | {"tables": {one["title"]: one["rows"] for one in found["tables"]}}


async def page(store: Storage, id: str, wanted: Wanted, number: int, stands_for: Callable[[str], str]) -> Page:
    """One page of the records that have a field like that. ``stands_for``: from a patient's id to what stands for it.

    Raises NotStored before the first sample.
    """
    async with workplace("diff") as folder:
        file = await _index(store, id, folder)
        _, said = await comments.read(store, id)
        return await asyncio.to_thread(read, file, wanted, number, stands_for, said)


async def shows(store: Storage, id: str, name: str, field: str, source_id: str) -> bool:
    """Whether the sample shows a field of a record, or of any record of an object where ``source_id`` is empty.

    Raises NotStored before the first sample.
    """
    async with workplace("diff") as folder:
        return await asyncio.to_thread(_shows, await _index(store, id, folder), (name, field, source_id))


async def _index(store: Storage, id: str, folder: Path) -> Path:
    file = folder / "fields.parquet"
    file.write_bytes(await store.get("reports", paths.diff_index(id)))
    return file


def _shows(file: Path, wanted: tuple[str, str, str]) -> bool:
    with duck.cursor() as db:
        asked = "SELECT 1 FROM read_parquet($1) WHERE object = $2 AND field = $3 AND $4 IN ('', source_id) LIMIT 1"
        return db.execute(asked, [str(file), *wanted]).fetchone() is not None


def read(
    file: Path, wanted: Wanted, number: int, stands_for: Callable[[str], str], said: Sequence[Comment] = ()
) -> Page:
    """The page from the index. Each field gets its ``comments``: those on it in this record, and in all."""
    with duck.cursor() as db:
        db.execute(f"CREATE TEMP VIEW fields AS SELECT * FROM read_parquet('{file}')")
        db.execute("CREATE TEMP TABLE comments (object VARCHAR, field VARCHAR, source_id VARCHAR)")
        for one in said:
            db.execute(
                "INSERT INTO comments VALUES ($object, $field, $source_id)", {name: one[name] for name in _PLACE}
            )
        choices = {name: _values(db, name) for name in ("object", "field", "transform", "patient")}
        if wanted.patient:
            meant = [one for one in choices["patient"] if stands_for(one) == wanted.patient]
            wanted = replace(wanted, patient=meant[0] if meant else "\0")
        where, given = wanted.where()
        verdicts, classes = (
            Counter(dict(db.execute(f"SELECT {column}, count(*) FROM fields GROUP BY 1").fetchall()))
            for column in ("verdict", "class")
        )
        found = _one(
            db.execute(
                f"SELECT count(*) FROM (SELECT DISTINCT object, source_id FROM fields WHERE {where})", given
            ).fetchone()
        )
        pages = max(1, -(-found // RECORDS))
        number = min(max(1, number), pages)
        cursor = db.execute(
            f"""WITH here AS (SELECT object, source_id, min(place) AS first FROM fields WHERE {where} GROUP BY 1, 2
                              ORDER BY first LIMIT {RECORDS} OFFSET {(number - 1) * RECORDS})
                SELECT fields.*, ({where}) AS fits
                FROM fields JOIN here USING (object, source_id) ORDER BY first, place""",
            given,
        )
        names = [column[0] for column in cursor.description or []]
        records: dict[tuple[str, str], list[Row]] = {}
        for values in cursor.fetchall():
            row = dict(zip(names, values, strict=True))
            row["comments"] = [one for one in said if _on(one, row)]
            records.setdefault((row["object"], row["source_id"]), []).append(row)
    return Page(records, found, number, pages, verdicts, classes, choices)


def _on(one: Comment, row: Row) -> bool:
    """Whether a comment is on this field of this record."""
    return (one["object"], one["field"]) == (row["object"], row["field"]) and one["source_id"] in ("", row["source_id"])


def _values(db: Any, column: str) -> list[str]:
    asked = f"SELECT DISTINCT {column} FROM fields WHERE {column} IS NOT NULL ORDER BY 1 LIMIT {OFFERED}"
    return [row[0] for row in db.execute(asked).fetchall()]


def _one(row: tuple[Any, ...] | None) -> int:
    return int(row[0]) if row else 0
