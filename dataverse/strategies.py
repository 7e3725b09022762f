"""The three ways to send rows whose ids are ours. Each is exactly-once: a row that is there already is refused."""

from collections.abc import Mapping, Sequence
from typing import Any

from dataverse import query
from dataverse.batch import Operation, Part, run_batch
from dataverse.changes import Change, change_rows
from dataverse.client import DataverseClient
from dataverse.errors import BadAnswer, DataverseError, LostReply
from mapping.schema import SchemaTable

Row = Mapping[str, Any]


async def create_multiple(client: DataverseClient, table: SchemaTable, rows: Sequence[Row]) -> None:
    """All rows or none, in one transaction of a standard table.

    Raises LostReply when the answer cannot be read, and BadAnswer when the target gave the rows ids of its own; those
    rows are removed again, since no log knows them.
    """
    kind = f"Microsoft.Dynamics.CRM.{table.logical}"
    answer = await client.request(
        "POST",
        f"{table.set_name}/Microsoft.Dynamics.CRM.CreateMultiple",
        json={"Targets": [{"@odata.type": kind, **row} for row in rows]},
        table=table.logical,
        operations=len(rows),
        size=client.sizes.of(table.logical),
    )
    try:
        made = [query.guid(str(i)) for i in answer.json()["Ids"]]
    except (BadAnswer, KeyError, TypeError, ValueError):
        raise LostReply("The answer to a bulk create cannot be read.", table=table.logical) from None
    asked = [query.guid(str(row[table.id_column])) for row in rows]
    if made != asked:
        strangers = list(dict.fromkeys(i for i in made if i not in set(asked)))
        gone = await change_rows(client, [Change("DELETE", table, i) for i in strangers])
        left = sum(not outcome.ok for outcome in gone)
        rest = f"{left} rows under other ids are left" if left else "the rows it made instead were removed"
        raise BadAnswer(f"The target did not keep the ids of created rows; {rest}.", table=table.logical)


async def create_each(
    client: DataverseClient, table: SchemaTable, rows: Sequence[Row], *, upsert: bool
) -> list[Part | DataverseError]:
    """One answer a row, by ``$batch``: POSTs, or (``upsert``) PATCHes that create and never change a row.

    Raises LostReply when the answer of the whole is lost.
    """
    operations = [_upsert(table, row) if upsert else _post(table, row) for row in rows]
    return await run_batch(client, operations, size=client.sizes.of(table.logical))


def _post(table: SchemaTable, row: Row) -> Operation:
    return Operation("POST", table.set_name, row, table=table.logical)


def _upsert(table: SchemaTable, row: Row) -> Operation:
    address = query.row(table.set_name, str(row[table.id_column]))
    body = {name: value for name, value in row.items() if name != table.id_column}
    return Operation("PATCH", address, body, {"If-None-Match": "*"}, table=table.logical)
