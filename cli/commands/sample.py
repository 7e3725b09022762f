"""Commands for the sample: made, read field by field and commented, what differs explained, and signed."""

from typing import Annotated, Any, Final

import typer
from rich.markup import escape

from cli import flow, place
from cli.errors import misuse, refused
from cli.listing import LimitOption, ObjectOption
from cli.output import table
from cli.reports import RevealOption, revealing
from cli.session import ByOption, JsonFlag, MigrationOption, Session, YesFlag, session
from cli.shown import SHOWN, rows_of, show_fields, show_report

app = typer.Typer()

#: The table of the diff's report that lists every field.
FIELDS: Final = "Fields"

ReasonOption = Annotated[
    str | None, typer.Option("--reason", help="Why, in your words; no names or values of patients.")
]


@app.command()
def sample(
    migration: MigrationOption = None,
    patients: Annotated[
        int | None, typer.Option("--patients", min=50, max=100, help="The most patients to take.", show_default="100")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Migrate a sample, read it back, undo it, prove it undone, and migrate it again."""
    with session(as_json, migration) as s:
        s.step("sample", {"patients": patients} if patients else None)


@app.command()
def diff(
    object: ObjectOption = None,
    limit: LimitOption = None,
    migration: MigrationOption = None,
    reveal: RevealOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the sample's field-level diff: source value, transform, column, value read back, verdict."""
    with session(as_json, migration) as s:
        document = s.api.get(s.path("reports", "diff.json"), **revealing(reveal))
        for part in document["tables"]:
            if object:
                part["rows"] = [one for one in part["rows"] if one.get("Object", object) == object]
            if part["title"] == FIELDS:
                part["rows"] = part["rows"][:limit]
        others = [part for part in document["tables"] if part["title"] != FIELDS]
        show_report(s.out, document | {"tables": others}, limit or SHOWN)
        show_fields(s.out, rows_of(document, FIELDS), limit or SHOWN)
        s.out.document(document, rows_of(document, FIELDS))


@app.command()
def differences(migration: MigrationOption = None, as_json: JsonFlag = False) -> None:
    """List what differs in the sample, by cause, and what was said of it. None may be left unexplained at the sign-off."""
    with session(as_json, migration) as s:
        _show(s, s.api.get(s.path("differences")))


@app.command()
def explain(
    about: Annotated[str, typer.Argument(metavar="CAUSE[/ID]", help="A cause, or one record of it.")],
    reason: ReasonOption = None,
    migration: MigrationOption = None,
    by: ByOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say by name why something in the sample differs: for a whole cause, or for one record of it."""
    with session(as_json, migration) as s:
        given = _reason(s, reason)
        body = {"by": by or place.operator(), "about": about, "reason": given}
        _show(s, s.api.post(s.path("differences"), body))


@app.command()
def comments(migration: MigrationOption = None, as_json: JsonFlag = False) -> None:
    """List what people said of fields of the sample. It explains nothing and keeps nobody from signing."""
    with session(as_json, migration) as s:
        _show_comments(s, s.api.get(s.path("comments")))


@app.command()
def comment(
    field: Annotated[str, typer.Argument(metavar="OBJECT.FIELD", help="A field, as the diff names it.")],
    record: Annotated[
        str, typer.Option("--record", metavar="ID", help="One record, by its source id.", show_default="all records")
    ] = "",
    text: Annotated[
        str | None, typer.Option("--text", help="What you want to say; no names or values of patients.")
    ] = None,
    migration: MigrationOption = None,
    by: ByOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Comment by name on a field of the sample's diff. What differs is explained instead: that is what a signature waits for."""
    name, dot, source = field.partition(".")
    if not (name and dot and source):
        raise misuse(f"{field} names no field.", "./carryover comment patient.birth_date")
    with session(as_json, migration) as s:
        said = _words(s, text, "Comment (no names or values of patients)", misuse("Say what.", '--text "your comment"'))
        body = {"by": by or place.operator(), "object": name, "field": source, "source_id": record, "text": said}
        _show_comments(s, s.api.post(s.path("comments"), body))


def _show_comments(s: Session, found: dict[str, Any]) -> None:
    made = table("field", "record", "comment", "by", "at")
    for one in found["comments"]:
        field, record = f"{one['object']}.{one['field']}", one["source_id"] or "all"
        made.add_row(*map(escape, (field, record, one["text"], one["by"], one["at"][:16].replace("T", " "))))
    if found["comments"]:
        s.out.show(made)
    else:
        s.out.say("Nobody has commented on a field of this sample.")
    s.out.document(found, found["comments"])


def _show(s: Session, found: dict[str, Any]) -> None:
    made = table("cause", "records", "to explain", "explained by", numbers=("records", "to explain"))
    for one in found["causes"]:
        who = ", ".join(dict.fromkeys(note["by"] for note in one["notes"]))
        made.add_row(escape(one["cause"]), f"{one['count']:,}", f"{one['left']:,}", escape(who))
    if found["causes"]:
        s.out.show(made)
    left = found["left"]
    s.out.say(f"[warn]{left:,} to explain.[/warn]" if left else "[good]✓[/good] Nothing is unexplained.")
    s.out.document(found, found["causes"])


def _reason(s: Session, given: str | None) -> str:
    lacking = misuse("Say why.", '--reason "the words that will be kept"')
    return _words(s, given, "Why (no names or values of patients)", lacking)


def _words(s: Session, given: str | None, prompt: str, lacking: Exception) -> str:
    """What somebody says: as an option, else asked for; ``lacking`` where nobody can be asked."""
    if given:
        return given
    if not s.out.asks:
        raise lacking
    return str(typer.prompt(prompt, err=True))


@app.command("sign-off")
def sign_off(
    migration: MigrationOption = None,
    by: ByOption = None,
    revoke: Annotated[
        bool, typer.Option("--revoke", help="Take the signature back, until the full run begins; needs --reason.")
    ] = False,
    reason: ReasonOption = None,
    yes: YesFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Sign the latest sample. Refused while something in it differs and nobody has explained it, with --yes, too."""
    with session(as_json, migration) as s:
        who = by or place.operator()
        if revoke:
            answer = dict(s.api.post(s.path("sign-off", "revoke"), {"by": who, "reason": _reason(s, reason)}))
            s.out.say(f"[good]✓[/good] The signature was taken back by [name]{escape(who)}[/name].")
        else:
            found = s.migration()
            s.agreed(f"Sign the sample as {who}?", yes, refused("Not signed.", "./carryover diff"))
            answer = flow.sign(s, found, who)
            s.out.say(f"[good]✓[/good] Signed by [name]{escape(who)}[/name].")
        s.hint()
        s.out.document(answer or {"migration": s.id, "by": who})
