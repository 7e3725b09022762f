"""Commands about single fields of the map: which need an eye, and what is decided about them."""

import json
import re
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer
from rich.markup import escape

from cli import place
from cli.errors import misuse, refused
from cli.listing import ObjectOption
from cli.output import counted, table
from cli.session import ByOption, FailOnWarning, JsonFlag, MigrationOption, Session, session

app = typer.Typer()

#: Fields that are proposed with at least this confidence need no eye.
CERTAIN: Final = 0.95

FieldName = Annotated[
    str, typer.Argument(metavar="FIELD", help="A field by its name (patient.ssn) or its place (patient.0.12).")
]


@dataclass(frozen=True, slots=True)
class Found:
    """A field of the map, and where it stands."""

    place: str  #: object, number of the route, number of the field
    name: str  #: object and source field
    table: str
    field: dict[str, Any]

    def edit(self, action: str, **more: Any) -> dict[str, Any]:
        """What the app is asked to do to it."""
        return {"field": self.place, "source": self.field["source"], "action": action, **more}


@app.command("review")
def review(
    name: ObjectOption = None,
    below: Annotated[float, typer.Option("--below", min=0, max=1, help="Proposed with less than this.")] = CERTAIN,
    fail_on_warning: FailOnWarning = False,
    migration: MigrationOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the fields that need an eye, and what keeps the map from being confirmed."""
    with session(as_json, migration) as s:
        shown = s.api.get(s.path("map"))
        wrong = {(one["object"], one["field"]): one["message"] for one in shown["problems"] if one["field"]}
        left = {one["field"] for one in shown["left_behind"]}
        open_phi = {(one["object"], one["field"]) for one in shown["undecided"]}
        made, listed = table("field", "column", "transform", "sure", "phi", "why", numbers=("sure",)), []
        for one in _fields(shown["map"]):
            kind, field = one.name.partition(".")[0], one.field
            key = (kind, field["source"])
            unsure = field["status"] == "proposed" and field["confidence"] < below
            if name not in (None, kind) or not (unsure or key in wrong or key in open_phi or one.place in left):
                continue
            why = wrong.get(key) or ("nobody decided" if key in open_phi else field["reason"])
            if one.place in left:
                why = f"left behind, undecided: {field['reason']}"
            phi = "" if field["phi"] == "none" else field["phi"]
            cells = (one.name, field["column"] or "–", field["transform"], f"{field['confidence']:.0%}", phi, why)
            made.add_row(*(escape(cell) for cell in cells))
            listed.append({"place": one.place, "name": one.name, "table": one.table, "why": why} | field)
        if listed:
            s.out.show(made)
        else:
            s.out.plain("No field needs an eye.")
        general = [one for one in shown["problems"] if not one["field"] and name in (None, one["object"])]
        for problem in general:
            s.out.plain(" ".join(filter(None, (problem["object"], problem["message"]))), style="warn")
        s.out.document({"fields": listed, "problems": shown["problems"], "undecided": shown["undecided"]}, listed)
        if fail_on_warning and (wanting := len(listed) + len(general)):
            raise refused(f"The map needs an eye in {counted(wanting, 'place')}.", "./carryover map set --help")


@app.command("set")
def set_field(
    field: FieldName,
    column: Annotated[str | None, typer.Option("--column", help="The column it lands in.")] = None,
    transform: Annotated[str | None, typer.Option("--transform", help="How the value is changed.")] = None,
    args: Annotated[
        list[str] | None,
        typer.Option(
            "--arg", metavar="NAME=VALUE", help="An argument of the transform, as JSON or text; NAME= drops it."
        ),
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--value", metavar="SOURCE=LABEL", help="A line of the value map; SOURCE= leaves the column empty."
        ),
    ] = None,
    phi: Annotated[str | None, typer.Option("--phi", help="Its class of health information.")] = None,
    comment: Annotated[str | None, typer.Option("--comment", help="No names or values of patients.")] = None,
    migration: MigrationOption = None,
    by: ByOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Change a field: its column, transform, arguments, value map or class, or comment on it. What is changed is confirmed.

    Arguments and lines of the value map that are not named stay as they are.
    """
    new_args, new_values = _pairs(args, "--arg"), _pairs(values, "--value")
    with session(as_json, migration) as s:
        found = _find(_fields(s.api.get(s.path("map"))["map"]), field)
        change: dict[str, Any] = {"column": column, "transform": transform, "phi": phi}
        if new_args:
            kept = found.field["args"] | {name: _value(text) for name, text in new_args.items() if text}
            change["args"] = {name: one for name, one in kept.items() if new_args.get(name) != ""}
        if new_values:
            change["values"] = (found.field["values"] or {}) | {
                value: text or None for value, text in new_values.items()
            }
        change = {name: one for name, one in change.items() if one is not None}
        if not change and comment is None:
            raise misuse("Say what is to be changed.", "./carryover map set --help")
        _send(s, by, [found.edit("change" if change else "comment", comment=comment or "", **change)])


@app.command("ignore")
def ignore(
    field: FieldName,
    reason: Annotated[str, typer.Option("--reason", help="Why it is left out.")],
    migration: MigrationOption = None,
    by: ByOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Leave a field out."""
    with session(as_json, migration) as s:
        found = _find(_fields(s.api.get(s.path("map"))["map"]), field)
        _send(s, by, [found.edit("ignore", reason=reason)])


@app.command("confirm")
def confirm(
    fields: Annotated[list[str] | None, typer.Argument(metavar="FIELD…", help="Fields by name or place.")] = None,
    above: Annotated[
        float | None, typer.Option("--above", min=0, max=1, help="All that are proposed with at least this confidence.")
    ] = None,
    migration: MigrationOption = None,
    by: ByOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Confirm fields of the map. The map as a whole is confirmed by the command of that name."""
    if not fields and above is None:
        raise misuse("Name fields, or a confidence.", "./carryover map confirm --above 0.95")
    with session(as_json, migration) as s:
        known = _fields(s.api.get(s.path("map"))["map"])
        chosen = {one.place: one for one in (_find(known, name) for name in fields or [])}
        if above is not None:
            sure = (one for one in known if one.field["status"] == "proposed" and one.field["confidence"] >= above)
            chosen |= {one.place: one for one in sure}
        if not chosen:
            raise misuse("No proposed field is that certain.", "./carryover map review")
        _send(s, by, [one.edit("confirm") for one in chosen.values()])


@app.command("accept")
def accept(
    fields: Annotated[list[str] | None, typer.Argument(metavar="FIELD…", help="Fields by name or place.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="All that would be left behind and nobody decided about.", show_default=False)
    ] = False,
    name: Annotated[str | None, typer.Option("--object", help="Those of this object.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why; else as it was proposed.")] = None,
    migration: MigrationOption = None,
    by: ByOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Accept that fields are left behind that a proposal found no column for. The map is not confirmed before."""
    if not (fields or every or name):
        raise misuse("Name fields, an object, or all.", "./carryover map accept --all")
    with session(as_json, migration) as s:
        shown = s.api.get(s.path("map"))
        known = _fields(shown["map"])
        chosen = {_find(known, named).place for named in fields or []}
        left = [
            one | {"action": "accept", "reason": reason or ""}
            for one in shown["left_behind"]
            if every or one["field"] in chosen or one["field"].partition(".")[0] == name
        ]
        if not left or not chosen <= {one["field"] for one in left}:
            raise misuse("Of those, not all would be left behind undecided.", "./carryover map review")
        _send(s, by, left)


def _send(s: Session, by: str | None, edits: list[dict[str, Any]]) -> None:
    answer = s.api.post(s.path("map", "fields"), {"by": by or place.operator(), "edits": edits})
    s.out.say(f"[good]✓[/good] {counted(len(edits), 'field')}; the map is at version {answer['version']}.")
    s.hint()
    s.out.document({"fields": [edit["field"] for edit in edits], **answer})


def _fields(shown: dict[str, Any]) -> list[Found]:
    """Every field of the map, in its order."""
    return [
        Found(f"{name}.{number}.{index}", f"{name}.{field['source']}", route["table"], field)
        for name, mapped in shown["objects"].items()
        for number, route in enumerate(mapped["routes"])
        for index, field in enumerate(route["fields"])
    ]


def _find(known: list[Found], named: str) -> Found:
    """The one field of that name or place. Raises misuse when there is none, or several."""
    found = [one for one in known if named in (one.place, one.name)]
    if len(found) == 1:
        return found[0]
    if found:
        places = ", ".join(f"{one.place} ({one.table}.{one.field['column'] or '–'})" for one in found)
        raise misuse(f"{named} is there more than once.", f"Name its place: {places}")
    kind, _, rest = named.partition(".")
    near = [one.name for one in known if one.name.partition(".")[0] == kind and rest[:4].lower() in one.name.lower()]
    raise misuse(f"The map has no field {named}.", f"Perhaps {', '.join(near[:5])}" if near else "./carryover map show")


def _pairs(given: list[str] | None, option: str) -> dict[str, str]:
    pairs = {}
    for one in given or []:
        name, sign, value = one.rpartition("=") if option == "--value" else one.partition("=")
        if not (name and sign):
            raise misuse(f"{option} {one} cannot be read.", f"{option} NAME=VALUE")
        pairs[name] = value
    return pairs


def _value(text: str) -> Any:
    """JSON where it is some, else the text: 3, true, ["a", "b"], ";"."""
    if re.match(r'[\[{"\d-]|true$|false$|null$', text):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
