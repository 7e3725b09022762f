"""From a mapped record and its plan to the row that is written, and back to what must be read.

``Op`` is one row's write. ``body`` is Web API JSON; ``columns`` is the same by the names it reads back under, which is
the after-image a receipt keeps and a verification compares.
"""

import uuid
from dataclasses import dataclass, field
from typing import Any, Final

from mapping.keys import row_id
from mapping.parties import MASKS, body_of, parties_of, text_of
from mapping.schema import Schema, SchemaColumn, SchemaTable


@dataclass(slots=True)
class Op:
    """One row to write: which record it comes from, which row it is, and what is to stand in it."""

    pos: int
    operation: str  #: create, update, link, state
    source_id: str
    source_key: str
    row_key: str
    table: SchemaTable
    row_id: str
    body: dict[str, Any]
    columns: dict[str, Any]
    hash: str = ""
    patient: str | None = None
    state: str | None = None
    file: str | None = None
    written: dict[str, Any] = field(default_factory=dict)  #: columns as last written by us, for an update
    shared: bool = False  #: the row belongs to another record too; what that one wrote is left alone
    adopted: bool = False  #: the row was in the target before us
    pending: frozenset[str] = frozenset()  #: lookups that the second pass sets, by read name
    refused: list[str] = field(default_factory=list)  #: columns left out, and said so


#: Rows that the platform makes because of our writes: logged and taken back like ours, never mapped.
CAUSED: Final = {
    "opportunityclose": SchemaTable(
        plain="opportunityclose",
        logical="opportunityclose",
        schema_name="OpportunityClose",
        set_name="opportunitycloses",
        id_column="activityid",
        name_column="subject",
        label="Opportunity close",
        label_plural="Opportunity closes",
        custom=False,
        has_notes=True,
        bulk=False,
        columns={},
        key_column=None,
    )
}


class RowBuilder:
    """Builds ops for one schema and generation; compiled once per chunk."""

    def __init__(self, schema: Schema, generation: int) -> None:
        self.schema = schema
        self.generation = generation
        self._columns = {
            table.plain: {column.logical: column for column in table.columns.values()}
            for table in schema.tables.values()
        }
        self._reads = {
            plain: {name: column.read_name for name, column in columns.items()}
            for plain, columns in self._columns.items()
        }

    def table(self, plain: str) -> SchemaTable:
        """A table of the schema, or one whose rows the platform makes, by plain name."""
        return CAUSED.get(plain) or self.schema.table(plain)

    def column(self, table: SchemaTable, logical: str) -> SchemaColumn:
        """A column of that table by logical name."""
        return self._columns[table.plain][logical]

    def read_names(self, table: SchemaTable, columns: dict[str, Any]) -> dict[str, Any]:
        """Payload columns by the names they read back under."""
        reads = self._reads[table.plain]
        return {reads.get(name, name): value for name, value in columns.items()}

    def op(self, mapped: dict[str, Any], plan: dict[str, Any]) -> Op:
        """The write that the plan asks for, with every lookup resolved."""
        table = self.schema.table(mapped["table"])
        body = dict(mapped["payload"])
        columns = self.read_names(table, body)
        attending: dict[str, list[tuple[str, str]]] = {}
        for link in plan["resolved"] or []:
            if link["column"] in MASKS:
                party = (self.schema.table(link["table"]).logical, link["row_id"])
                attending.setdefault(link["column"], []).append(party)
                continue
            self.bind(table, link["column"], link["table"], link["row_id"], body, columns)
        _attend(table, attending, body, columns)
        known = {link["column"] for link in (*(plan["resolved"] or ()), *(plan["missing"] or ()))}
        own = {ref["column"] for ref in mapped["refs"]} - known
        if mapped["owner"] and not plan["keep_owner"]:
            body["ownerid@odata.bind"] = f"/{mapped['owner'].replace('/', '(')})"
            columns["_ownerid_value"] = mapped["owner"].split("/")[1]
        new = plan["action"] == "create"
        target = row_id(mapped["row_key"], self.generation) if new else plan["row_id"]
        return Op(
            pos=mapped["pos"],
            operation="create" if new else "update",
            source_id=mapped["source_id"],
            source_key=mapped["source_key"],
            row_key=mapped["row_key"],
            table=table,
            row_id=str(uuid.UUID(target)),
            body=body,
            columns=columns,
            hash=plan["hash"],
            patient=mapped["patient"],
            state=mapped["state"],
            file=mapped["file"],
            shared=plan["shared"],
            adopted=plan["adopted"],
            pending=frozenset(self.column(table, name).read_name for name in own),
        )

    def bind(
        self,
        table: SchemaTable,
        logical: str,
        parent: str,
        parent_id: str,
        body: dict[str, Any],
        columns: dict[str, Any],
    ) -> None:
        """Point a lookup at a row of the parent table (plain name)."""
        column = self.column(table, logical)
        target = self.schema.table(parent)
        body[f"{column.nav[target.logical]}@odata.bind"] = f"/{target.set_name}({parent_id})"
        columns[column.read_name] = parent_id

    def body_of(self, table: SchemaTable, changes: dict[str, Any], image: dict[str, Any]) -> dict[str, Any]:
        """A PATCH body that puts ``changes`` (by read name; None clears) back. ``image`` tells which table a lookup's
        value points at (``@Microsoft.Dynamics.CRM.lookuplogicalname``)."""
        known = {column.read_name: column for column in table.columns.values()}
        sets = {other.logical: other.set_name for other in self.schema.tables.values()}
        body: dict[str, Any] = {}
        for name, value in changes.items():
            column = known.get(name)
            if column is None or column.type not in ("lookup", "owner"):
                body[name] = value
                continue
            default = "systemuser" if column.type == "owner" else next(iter(column.nav))
            target = image.get(f"{name}@Microsoft.Dynamics.CRM.lookuplogicalname") or default
            nav = "ownerid" if column.type == "owner" else column.nav[target]
            body[f"{nav}@odata.bind"] = None if value is None else f"/{sets.get(target, f'{target}s')}({value})"
        return body


def _attend(
    table: SchemaTable, attending: dict[str, list[tuple[str, str]]], body: dict[str, Any], columns: dict[str, Any]
) -> None:
    """Puts the parties of an activity into its body, and the columns that stand for them into the after-image."""
    for name, some in attending.items():
        columns[name] = text_of([*some, *parties_of(columns.get(name))])
    named = {mask: parties_of(columns[name]) for name, mask in MASKS.items() if name in columns}
    if named:
        for name in MASKS:
            body.pop(name, None)
        body[f"{table.logical}_activity_parties"] = body_of(named)
