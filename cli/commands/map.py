"""Commands about the map: shown, put, its choices answered, its health information decided, proposed anew."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
import yaml
from rich.markup import escape

from cli import place
from cli.answers import phi_read
from cli.commands import fields, values
from cli.errors import misuse
from cli.listing import LimitOption, SinceOption, newer
from cli.output import Out, table, words
from cli.session import ByOption, JsonFlag, MigrationOption, Session, session

app = typer.Typer()
map_app = typer.Typer(
    no_args_is_help=True, help="The map: read it, change it, decide about it, or have it proposed anew."
)
app.add_typer(map_app, name="map")
map_app.registered_commands += fields.app.registered_commands + values.app.registered_commands


@map_app.command("show")
def map_show(
    migration: MigrationOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the map to a file, as YAML or JSON.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the map, or write it to a file to work on."""
    with session(as_json, migration) as s:
        shown = s.api.get(s.path("map"))
        if out is not None:
            is_json = out.suffix.lower() == ".json"
            text = (
                json.dumps(shown["map"], indent=2, ensure_ascii=False)
                if is_json
                else yaml.safe_dump(shown["map"], sort_keys=False, allow_unicode=True)
            )
            out.write_text(text, "utf-8")
            s.out.plain(f"The map is in {out}.")
        else:
            _show_map(s, shown)
        s.out.document(shown)


def _show_map(s: Session, shown: dict[str, Any]) -> None:
    for name, mapped in shown["map"].get("objects", {}).items():
        if mapped.get("match"):
            s.out.say(f"\n[step]{escape(words(name))}[/step]: {escape(_adopted_by(mapped))}")
        for route in mapped["routes"]:
            s.out.say(f"\n[step]{escape(words(name))}[/step] → [name]{escape(route['table'])}[/name]")
            made = table("source", "column", "transform", "sure", numbers=("sure",))
            for field in route["fields"]:
                column = field.get("column") or f"({field.get('reason') or field.get('status', '')})"
                sure = f"{float(field.get('confidence', 1)):.0%}"
                made.add_row(escape(field["source"]), escape(column), escape(field.get("transform", "text")), sure)
            s.out.show(made)
    s.out.plain(f"map {shown['hash']}", style="quiet")


@map_app.command("put")
def map_put(
    file: Annotated[Path, typer.Argument(help="The map, YAML or JSON.", exists=True, dir_okay=False)],
    migration: MigrationOption = None,
    by: ByOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Put a map. A changed map needs a new confirmation."""
    with session(as_json, migration) as s:
        try:
            read = yaml.safe_load(file.read_text("utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise misuse(f"{file} is neither YAML nor JSON.", "./carryover map show --out map.yaml") from error
        if not isinstance(read, dict):
            raise misuse(f"{file} holds no map.", "./carryover map show --out map.yaml")
        answer = s.api.put(s.path("map"), {"by": by or place.operator(), "map": read.get("map", read)}) or {}
        s.out.say("[good]✓[/good] The map is put.")
        s.hint()
        s.out.document(answer)


@map_app.command("options")
def map_options(migration: MigrationOption = None, as_json: JsonFlag = False) -> None:
    """List the choices the map offers, with the answers to each; the first is the default."""
    with session(as_json, migration) as s:
        found = s.api.get(s.path("map", "options"))
        _show_options(s, found)
        s.out.document(found)


def _show_options(s: Session, found: dict[str, Any]) -> None:
    made = table("option", "now", "answers", "question")
    for one in found["options"]:
        answers = ", ".join(f"{a}*" if a == one["default"] else a for a in one["answers"])
        made.add_row(one["name"], one["current"] or "–", answers, one["question"])
    s.out.show(made)


@map_app.command("option")
def map_option(
    answers: Annotated[list[str], typer.Argument(metavar="NAME=ANSWER…", help="As appointment=task.")],
    migration: MigrationOption = None,
    by: ByOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Answer choices of the map. A changed map needs a new confirmation."""
    wanted = dict(one.partition("=")[::2] for one in answers)
    if not all(wanted) or not all(wanted.values()):
        raise misuse("An answer is a name, =, and what is chosen.", "./carryover map options")
    with session(as_json, migration) as s:
        made = s.api.post(s.path("map", "options"), {"by": by or place.operator(), "options": wanted})
        _show_options(s, made)
        s.hint()
        s.out.document(made)


@map_app.command("match")
def map_match(
    name: Annotated[str, typer.Argument(metavar="OBJECT", help="The source object: patient, location…")],
    rules: Annotated[
        list[str] | None,
        typer.Argument(metavar="COLUMN[,COLUMN…]…", help="Rules; the first that finds something counts."),
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="No rules: nothing is adopted.")] = False,
    owner: Annotated[
        Literal["keep", "set"] | None,
        typer.Option("--owner", help="Whether an adopted row keeps its owner (as at first) or gets the record's."),
    ] = None,
    migration: MigrationOption = None,
    by: ByOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say by which columns records are found in the target, to be adopted there. Shows the rules when none is given.

    A changed rule needs a new confirmation.
    """
    with session(as_json, migration) as s:
        if off and rules:
            raise misuse("Give rules, or --off.", "./carryover map match --help")
        shown = s.api.get(s.path("map"))
        mapped = shown["map"]["objects"].get(name)
        if mapped is None:
            raise misuse(f"The map has no object {name}.", "One of: " + ", ".join(shown["map"]["objects"]))
        if rules or off:
            mapped["match"] = [[column.strip() for column in rule.split(",")] for rule in rules or []]
        if owner:
            mapped["match_owner"] = owner
        if rules or off or owner:
            asked = {"by": by or place.operator(), "map": shown["map"], "version": shown["version"]}
            s.api.put(s.path("map"), asked)
        s.out.plain(f"{name}: {_adopted_by(mapped)}")
        if rules or off or owner:
            s.hint()
        s.out.document({"object": name, "match": mapped["match"], "match_owner": mapped["match_owner"]})


def _adopted_by(mapped: dict[str, Any]) -> str:
    """The match rules of an object in words."""
    rules = ", else by ".join(" and ".join(rule) for rule in mapped["match"])
    owner = "keep their owner" if mapped["match_owner"] == "keep" else "get the record's owner"
    return f"rows of the target are adopted by {rules}; they {owner}." if rules else "nothing is adopted."


@map_app.command("log")
def map_log(
    since: SinceOption = None, limit: LimitOption = None, migration: MigrationOption = None, as_json: JsonFlag = False
) -> None:
    """List every version of the map, the latest first: who made it, when, by what."""
    with session(as_json, migration) as s:
        found = s.api.get(s.path("map", "versions"))
        found["versions"] = newer(found["versions"], "at", since)[:limit]
        made = table("version", "at", "by", "what", "hash", numbers=("version",))
        for one in found["versions"]:
            at = one["at"][:16].replace("T", " ")
            made.add_row(str(one["version"]), at, escape(one["by"]), escape(one["cause"]), one["hash"][:12])
        s.out.show(made)
        s.out.document(found, found["versions"])


@map_app.command("diff")
def map_diff(
    older: Annotated[int | None, typer.Argument(help="A version; without it, the one before.", min=1)] = None,
    newer: Annotated[int | None, typer.Argument(help="A version; without it, the latest.", min=1)] = None,
    migration: MigrationOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what differs between two versions of the map, field by field."""
    with session(as_json, migration) as s:
        newest = newer or s.api.get(s.path("map"))["version"]
        found = s.api.get(s.path("map", "versions", str(newest), "diff"), **{"from": older})
        made = table("where", "what", f"version {found['from']}", f"version {found['to']}")
        for one in found["differences"]:
            where = ".".join(filter(None, (one["object"], one["field"])))
            made.add_row(*(escape(text) for text in (where or "the map", one["what"], one["before"], one["after"])))
        if found["differences"]:
            s.out.show(made)
        else:
            s.out.plain("Nothing differs." if found["from"] else "This is the first version.")
        s.out.document(found, found["differences"])


@map_app.command("phi")
def map_phi(
    decisions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WHAT=DECISION…", help="A class (ssn) or a field (patient.ssn): migrate, redact, leave_out."
        ),
    ] = None,
    migration: MigrationOption = None,
    by: ByOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the classes of health information, or decide what becomes of classes and fields.

    The latest decision stands; a changed map needs a new confirmation.
    """
    decided = phi_read(decisions or [])
    with session(as_json, migration) as s:
        if decided:
            found = s.api.post(s.path("map", "phi"), {"by": by or place.operator(), "phi": decided})
        else:
            found = s.api.get(s.path("map", "phi"))
        made = table("class", "fields", "migrate", "redact", "leave out", "nobody decided", "not migrating", "by")
        for one in found["classes"]:
            counts = {standing: len(fields) for standing, fields in one["fields"].items()}
            style = "warn" if one["needed"] else "name"
            made.add_row(
                f"[{style}]{words(one['class'])}[/{style}]",
                str(sum(counts.values())),
                *(str(counts.get(key) or "·") for key in ("migrate", "redact", "leave_out", "open", "ignored")),
                escape(one["by"]),
            )
        s.out.show(made)
        if decided:
            s.hint()
        s.out.document(found)


@map_app.command("propose")
def map_propose(
    schema: Annotated[
        Path | None, typer.Option("--schema", help="A schema document (JSON): needs no app, no source, no migration.")
    ] = None,
    migration: MigrationOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Propose the map anew from the source as it is now (reads the source again); or a map from a schema alone."""
    if schema is not None:
        from cli.proposal import propose_from  # half of the time in which every command starts, for this one alone

        propose_from(schema, Out(as_json))
        return
    with session(as_json, migration) as s:
        s.step("scope")
