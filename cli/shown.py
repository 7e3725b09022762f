"""The app's documents as people read them in a terminal of 80 columns."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.columns import Columns
from rich.markup import escape
from rich.padding import Padding

from cli.errors import DONE, WITH_EXCEPTIONS
from cli.output import Out, count, seconds, table, words

DISPOSITIONS: Final = ("migrated", "unchanged", "exported", "excepted", "excluded")

#: Rows of a listing that a terminal shows; the report has them all.
SHOWN: Final = 40

#: The table of the scope's report that tells what changed.
DRIFT: Final = "What changed since the last source"

Summary = dict[str, Any]


def show_objects(out: Out, summary: Summary) -> None:
    """A row for each object: what was read, where each record went, and what reading back found."""
    made = table("object", "read", *DISPOSITIONS, "verified", numbers=("read", *DISPOSITIONS, "verified"), gap=1)
    for name, counted in summary["objects"].items():
        excepted = counted.get("excepted", 0) + counted.get("fields_excepted", 0)
        style = "warn" if excepted or counted.get("fields_differing") else ""
        made.add_row(
            f"[{style or 'name'}]{escape(words(name))}[/]",
            *(count(counted.get(column)) for column in ("read", *DISPOSITIONS)),
            count(counted.get("fields_verified")),
        )
    out.show(made)
    for name, counted in summary["objects"].items():
        told = [
            f"{counted[key]:,} {text}"
            for key, text in (("fields_differing", "fields differ"), ("fields_excepted", "fields excepted"))
            if counted.get(key)
        ]
        if told:
            out.say(f"  [warn]{escape(words(name))}: {', '.join(told)}[/warn]")


def show_datasets(out: Out, summary: Summary) -> None:
    """A row for each dataset of the source: what its rows fed, were merged into, or why they were left out."""
    datasets = summary.get("datasets") or {}
    if not datasets:
        return
    made = table("dataset", "rows", "fed", "merged", "excluded", numbers=("rows", "fed", "merged", "excluded"))
    for name, counted in datasets.items():
        made.add_row(escape(name), *(count(_total(counted.get(key))) for key in ("rows", "fed", "merged", "excluded")))
    out.show(made)


def show_drift(out: Out, report: Mapping[str, Any]) -> None:
    """What the scope's report says of changes since the source before; nothing when there are none."""
    rows = rows_of(report, DRIFT)
    if not rows:
        return
    out.say("[step]What changed since the last source[/step]")
    made = table("what", "where", "now", "what follows")
    for row in rows[:SHOWN]:
        made.add_row(*(escape(str(row[key])) for key in ("What", "Where", "Now", "What follows")))
    out.show(made)
    if len(rows) > SHOWN:
        out.say(f"[quiet]and {len(rows) - SHOWN:,} more; the report has them all[/quiet]")


def show_warnings(out: Out, warnings: Iterable[tuple[str, str, str]]) -> None:
    """A code, what is warned of, and what to do about it ("" when the words say it), each."""
    for code, what, next in warnings:
        out.say(f"[warn]![/warn] [name]{escape(code)}[/name]  {escape(what)}")
        if next:
            out.say(f"  [quiet]Next:[/quiet] {escape(next)}")


def show_owners(out: Out, document: Mapping[str, Any]) -> None:
    """Who owns rows in the source, which user of the target that is, and what becomes of the rows."""
    for key, id in (("owners", "staff"), ("practitioners", "practitioner"), ("strangers", "id")):
        people = document[key]
        if not people:
            continue
        out.say(f"[step]{'named by records, and not in the source' if key == 'strangers' else words(key)}[/step]")
        made = table(words(id), "who", "match", "rows", "decision", numbers=("rows",))
        for one in people:
            match = str(one.get("match", "none"))
            style = "good" if match == "found" else "warn"
            shown = (
                f"{one[id]}",
                f"{one.get('email') or one.get('name') or '–'}",
                count(one["rows"]),
                f"{one['decision']}",
            )
            made.add_row(escape(shown[0]), escape(shown[1]), f"[{style}]{match}[/{style}]", shown[2], escape(shown[3]))
        out.show(made)


def _total(value: Any) -> Any:
    return sum(value.values()) if isinstance(value, dict) else value


def show_seconds(out: Out, taken: Mapping[str, float]) -> None:
    """Seconds of each step, side by side."""
    parts = [f"{escape(words(step))} [name]{seconds(float(spent))}[/name]" for step, spent in taken.items()]
    if parts:
        out.say("[quiet]time[/quiet]")
        out.show(Padding(Columns(parts, padding=(0, 3)), (0, 0, 1, 2)))


def show_places(out: Out, reports: Mapping[str, Any]) -> None:
    """The reports' places; those of one folder below it, so that lines stay short."""
    if not reports:
        return
    width = max(len(name) for name in reports)
    here = [str(Path(str(place)).parent) for place in reports.values() if "://" not in str(place)]
    folder = os.path.commonpath(here) if here else ""
    out.say(f"[quiet]reports[/quiet]  [place]{escape(folder)}/[/place]" if folder else "[quiet]reports[/quiet]")
    for name, place in reports.items():
        shown = str(Path(str(place)).relative_to(folder)) if "://" not in str(place) else str(place)
        out.people.print(f"  {escape(name):<{width}}  [place]{escape(shown)}[/place]", soft_wrap=True)


def exit_code(summary: Summary) -> int:
    """0 when every record and field landed and compared equal, 4 when something was excepted or differs."""
    keys = ("excepted", "fields_excepted", "fields_differing")
    return WITH_EXCEPTIONS if any(o.get(key) for o in summary["objects"].values() for key in keys) else DONE


def show_causes(out: Out, causes: Sequence[Mapping[str, Any]]) -> None:
    """Each cause of exceptions under its key, which retry takes: how many, the first of them, and what to do."""
    width = max((len(f"{one['count']:,}") for one in causes), default=0)
    for one in causes:
        out.plain(f"{one['count']:>{width},}  {one['cause']}")
        example = f" For example {one['example']}." if one["example"] else ""
        out.plain(f"{'':<{width}}  {one['message']}{example} {one['fix']}".rstrip(), style="quiet")
    if any(one["retry"] for one in causes):
        out.say("[quiet]Once it is mended, one cause alone: ./carryover retry --cause KEY[/quiet]")


def show_document(out: Out, document: Any, limit: int = SHOWN) -> None:
    """Any document of the app: plain values as lines, lists of records as tables, the rest by its size."""
    if isinstance(document, list):
        show_rows(out, document, limit)
        return
    if not isinstance(document, dict):
        out.plain(str(document))
        return
    plain = {key: value for key, value in document.items() if not isinstance(value, dict | list)}
    _lines(out, plain)
    for key, value in document.items():
        if isinstance(value, list) and value:
            out.say(f"\n[step]{escape(words(key))}[/step]")
            show_rows(out, value, limit)
        elif isinstance(value, dict) and value:
            out.say(f"\n[step]{escape(words(key))}[/step]")
            if all(isinstance(inner, dict) for inner in value.values()):
                show_rows(out, [{"name": name} | inner for name, inner in value.items()], limit)
            else:
                _lines(out, value)


def show_report(out: Out, report: dict[str, Any], limit: int = SHOWN) -> None:
    """A report: its facts as lines, and each of its tables under its title."""
    _lines(out, report.get("facts") or {})
    for part in report.get("tables") or []:
        if part.get("rows"):
            out.say(f"\n[step]{escape(str(part.get('title', '')))}[/step]")
            show_rows(out, part["rows"], limit)


def show_fields(out: Out, fields: Sequence[Mapping[str, Any]], limit: int) -> None:
    """The diff's fields in the order of the report, worst first: what the source says, what was read back, the verdict."""
    if not fields:
        return
    out.say("\n[step]Fields[/step]")
    made = table("record", "field", "in the source", "in the target", "verdict")
    for one in fields[:limit]:
        transform = "" if one["Transform"] == "text" else f" ({one['Transform']})"
        where = (f"{one['Object']} {one['Source id']}", f"{one['Field']} → {one['Column']}{transform}")
        verdict = one["Verdict"] + (f": {one['Reason']}" if one["Reason"] else "")
        values = (str(one[key] if one[key] is not None else "") for key in ("In the source", "In the target"))
        made.add_row(*map(escape, (*where, *values, verdict)))
    out.show(made)
    if len(fields) > limit:
        out.say(f"[quiet]… and {len(fields) - limit:,} more: ./carryover report diff[/quiet]")


def _lines(out: Out, values: Mapping[str, Any]) -> None:
    width = max((len(words(str(key))) for key in values), default=0)
    for key, value in values.items():
        out.plain(f"{words(str(key)):<{width}}  {_cell(value)}")


def rows_of(report: Mapping[str, Any], title: str) -> list[dict[str, Any]]:
    """The rows of one of a report's tables; none when it has no such table."""
    return next((list(one["rows"]) for one in report.get("tables") or () if one["title"] == title), [])


def show_rows(out: Out, rows: Sequence[Any], limit: int = SHOWN) -> None:
    """A list of records as a table of its plain columns; says how many were left out."""
    records = [row if isinstance(row, dict) else {"name": row} for row in rows]
    columns: list[str] = []
    for record in records[:limit]:
        columns += [key for key, value in record.items() if key not in columns and not isinstance(value, dict)]
    # A column that is empty in every row shown tells nothing and takes room.
    columns = [key for key in columns if any(record.get(key) not in (None, "", []) for record in records[:limit])]
    numbers = tuple(
        words(key) for key in columns if all(isinstance(r.get(key), int | float | None) for r in records[:limit])
    )
    made = table(*(words(key) for key in columns), numbers=numbers)
    for record in records[:limit]:
        made.add_row(*(escape(_cell(record.get(key))) for key in columns))
    out.show(made)
    if len(records) > limit:
        out.say(f"[quiet]… and {len(records) - limit:,} more[/quiet]")


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.2f}".rstrip("0").rstrip(".")
        case list():
            return ", ".join(_cell(one) for one in value)
        case dict():
            return ", ".join(f"{name} {_cell(inner)}" for name, inner in value.items())
        case _:
            return str(value)
