"""How many of a migration's rows somebody else wrote last. A count a table, not a read a row."""

from activities import jobs
from activities.target import app_clients
from dataverse import query
from dataverse.budget import BudgetSpent
from dataverse.client import DataverseClient
from dataverse.errors import DataverseError
from dataverse.users import who_am_i
from ledger import migrations
from ledger.storage import Storage
from mapping.schema import SchemaTable


async def edited(store: Storage, migration: str, run: str) -> dict[str, int] | None:
    """Rows by table (plain name) that carry a key of this migration's system and that none of our application users
    wrote last, in the tables that ``run`` wrote to; None when the target gives no answer, or the day's requests are
    spent. The service counts to 5,000 at most. Notes have no key: they are not counted."""
    one = await migrations.load(store, migration)
    schema = await jobs.schema_of_run(store, {"migration": one.id, "map_hash": one.map_hash}, run)
    try:
        async with app_clients(store) as clients:
            ours = [(await who_am_i(client)).user_id for client in clients]
            tables = [table for table in schema.tables.values() if table.key_column]
            found = {table.plain: await _count(clients[0], table, one.system, ours) for table in tables}
    except (BudgetSpent, DataverseError):
        return None
    return {name: count for name, count in found.items() if count}


async def _count(client: DataverseClient, table: SchemaTable, system: str, ours: list[str]) -> int:
    others = [f"_modifiedby_value ne {query.guid(user)}" for user in ours]
    ask = " and ".join([f"startswith({table.key_column},{query.literal(system + '.')})", *others])
    address = query.path(table.set_name, select=table.id_column, filter=ask, top="1", count="true")
    answer = await client.get(address, table=table.logical)
    return int(answer.json()["@odata.count"])
