"""Whose turn a system is: a row of the table of migrations names the latest migration of each system.

It is written in one transaction with that migration's own row, so that of two at once one wins. Names that differ in case
alone are one system: the keys of the target's rows are made of them, and these ignore case.
"""

from typing import Any, Final

from azure.core import MatchConditions
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableClient

from ledger.states import Migration

PARTITION: Final = "migration"  #: of migrations, and of the rows of systems beside them


class SystemTaken(Exception):
    """Another migration of the system is open, or was closed with rows in the target: `holder`."""

    def __init__(self, holder: Migration) -> None:
        super().__init__(f"system {holder.system} is held by migration {holder.id}")
        self.holder = holder


async def holder(table: TableClient, system: str) -> tuple[str, str]:
    """The id of the latest migration of a system and the version of the row that names it; "" for each when none was."""
    try:
        row = await table.get_entity(PARTITION, _key(system))
    except ResourceNotFoundError:
        return "", ""
    return str(row["migration"]), str(row.metadata["etag"])


def claim(system: str, migration: str, etag: str) -> tuple[Any, ...]:
    """The operation that makes a migration the latest of its system, unless another was quicker since `etag` was read."""
    row = {"PartitionKey": PARTITION, "RowKey": _key(system), "migration": migration}
    if not etag:
        return "create", row
    return "update", row, {"mode": UpdateMode.REPLACE, "etag": etag, "match_condition": MatchConditions.IfNotModified}


def _key(system: str) -> str:
    return f"system.{system.lower()}"
