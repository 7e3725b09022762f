"""Values of choices that no option answers: listed, with what becomes of them as the map stands."""

import typer
from rich.markup import escape

from cli.output import table
from cli.session import JsonFlag, MigrationOption, session

app = typer.Typer()


@app.command("values")
def values(migration: MigrationOption = None, as_json: JsonFlag = False) -> None:
    """List the values of mapped choices that no option answers. A value is answered by map set FIELD --value."""
    with session(as_json, migration) as s:
        found = s.api.get(s.path("map", "values"))
        made = table("field", "place", "value", "records", "becomes", numbers=("records",))
        for one in found["values"]:
            becomes = f"{one['default']}, the default" if one["default"] else "an exception"
            name = f"{one['object']}.{one['source']}"
            made.add_row(*map(escape, (name, one["field"], one["value"], f"{one['records']:,}", becomes)))
        if found["values"]:
            s.out.show(made)
        else:
            s.out.plain("Every value that was counted has an answer in the map.")
        if found["uncounted"]:
            s.out.plain(f"Of too many different values to be counted: {', '.join(found['uncounted'])}.")
        s.out.document(found)
