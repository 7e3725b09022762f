"""What several ledger tests need: intents by the dozen, and the table's rows as an intruder sees them."""

from ledger.audit import Intent
from ledger.storage import Storage


def intents_of(count: int, start: int = 0) -> list[Intent]:
    """Creates of patients with numbers for ids."""
    return [
        Intent("create", str(n), f"clinic.patient.{n}", "contact", f"00000000-0000-0000-0000-{n:012d}")
        for n in range(start, start + count)
    ]


async def raw_rows(storage: Storage, migration: str) -> list[dict[str, str]]:
    """Every audit row of a migration as it is stored, in key order."""
    found = storage.table("audit").query_entities(
        "PartitionKey ge @first and PartitionKey lt @beyond",
        parameters={"first": f"{migration}|", "beyond": f"{migration}}}"},
    )
    return [{name: str(value) for name, value in row.items()} async for row in found]
