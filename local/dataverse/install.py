"""Takes a solution in: tables, columns, choices, lookups, keys; and the solution's own row."""

from local.dataverse.catalog import stable_id
from local.dataverse.custom import CustomizationError, Workbench
from local.dataverse.model import Choice, Table
from local.dataverse.rows import insert_system
from local.dataverse.session import Session
from local.dataverse.solution import EntityPart, Solution, read_solution


def install(session: Session, package: bytes) -> Solution:
    """Imports a solution zip; ``CustomizationError`` when something in it does not fit, and then nothing changed."""
    solution = read_solution(package)
    bench = Workbench(session.catalog)
    for choice in solution.choices:
        _take_choice(bench, choice)
    noted: list[Table] = []
    related: list[Table] = []
    for part in solution.entities:
        table = _take_entity(bench, solution, part)
        if part.notes:
            noted.append(table)
        if part.activities:
            related.append(table)
    for relationship in solution.relationships:
        if relationship.referencing == "annotation" and relationship.column == "objectid":
            noted.append(bench.need(relationship.referenced))
            continue
        if relationship.referencing in ("task", "appointment") and relationship.column == "regardingobjectid":
            related.append(bench.need(relationship.referenced))
            continue
        table = bench.need(relationship.referencing)
        column = table.columns.get(relationship.column)
        if column is not None and not column.custom:
            continue  # a system relationship that a full export repeats
        bench.relate(relationship)
    for table in noted:
        bench.allow_notes(table)
    for table in related:
        bench.allow_activities(table)
    _check_lookups(bench)
    for part in solution.entities:
        for key in part.keys:
            bench.add_key(bench.need(part.name), key)
    bench.commit()
    _record(session, solution)
    return solution


def _take_choice(bench: Workbench, choice: Choice) -> None:
    held = bench.catalog.choices.get(choice.name)
    values = {option.value: option for option in (held.options if held else [])}
    values.update({option.value: option for option in choice.options})
    bench.choices[choice.name] = Choice(choice.name, choice.label, list(values.values()))


def _take_entity(bench: Workbench, solution: Solution, part: EntityPart) -> Table:
    table = bench.table(part.name)
    if table is None:
        if not part.name.startswith(solution.prefix.lower() + "_"):
            raise CustomizationError(f"The table '{part.name}' does not carry the publisher's prefix.")
        if part.primary_name is None:
            raise CustomizationError(f"The table '{part.name}' has no primary name column.")
        table = bench.new_table(part.schema, part.set_name or part.name + "s", part.label, part.plural)
        table.name_column = part.primary_name
    for column in part.columns:
        named = part.choice_names.get(column.name)
        if named is not None:
            choice = bench.choice(named)
            if choice is None:
                raise CustomizationError(f"The column '{column.name}' uses the choice '{named}', which does not exist.")
            column.options, column.global_choice = list(choice.options), named
        if column.name not in table.columns and "_" not in column.name:
            raise CustomizationError(f"The column '{column.name}' of '{table.name}' carries no publisher's prefix.")
        bench.put_column(table, column)
    return table


def _check_lookups(bench: Workbench) -> None:
    for table in bench.tables.values():
        for column in table.columns.values():
            if column.custom and column.is_lookup and not column.targets:
                raise CustomizationError(
                    f"The lookup '{column.name}' of '{table.name}' has no relationship in EntityRelationships."
                )


def _record(session: Session, solution: Solution) -> None:
    publisher_id = stable_id("publisher", solution.publisher)
    insert_system(
        session, "publisher", publisher_id,
        {"uniquename": solution.publisher, "friendlyname": solution.publisher_title or solution.publisher,
         "customizationprefix": solution.prefix, "customizationoptionvalueprefix": solution.option_prefix},
    )  # fmt: skip
    insert_system(
        session, "solution", stable_id("solution", solution.unique_name),
        {"uniquename": solution.unique_name, "friendlyname": solution.title, "version": solution.version,
         "ismanaged": int(solution.managed), "isvisible": 1, "installedon": session.now, "publisherid": publisher_id},
    )  # fmt: skip
    refresh_messages(session)


def refresh_messages(session: Session) -> None:
    """One sdkmessagefilter for each message that a table supports, and none for the others."""
    store = session.store
    messages = {name: stable_id("sdkmessage", name) for name in ("Create", "Update", "Delete", *_BULK)}
    for name, identity in messages.items():
        insert_system(session, "sdkmessage", identity, {"name": name})
    known = {row[0] for row in store.db.execute("SELECT sdkmessagefilterid FROM sdkmessagefilter")}
    for table in session.catalog.tables.values():
        bulk = table.bulk and table.name not in session.behaviour.no_bulk
        for name in ("Create", "Update", "Delete", *_BULK):
            identity = stable_id("sdkmessagefilter", name, table.name)
            if name in _BULK and not bulk:
                if identity in known:
                    store.delete(session.catalog.tables["sdkmessagefilter"], identity)
            elif identity not in known:
                values = {"sdkmessageid": messages[name], "primaryobjecttypecode": table.name, "availability": 2}
                insert_system(session, "sdkmessagefilter", identity, values)


_BULK = ("CreateMultiple", "UpdateMultiple")
