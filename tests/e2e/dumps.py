"""What stands in the target, in a form in which two targets, or two times, can be compared."""

from typing import Any, Final

from ledger.audit import read_span
from tests.e2e.system import System

Row = dict[str, Any]

#: Tables the migration writes to, and the one that closing an opportunity writes to.
TABLES: Final = (
    "account", "contact", "cms_clinicinsurance", "cms_clinicappointment", "cms_clinicencounter",
    "cms_clinicprescription", "cms_clinicreferral", "opportunity", "annotation", "opportunityclose",
)  # fmt: skip

#: Columns that say when and in which order a row was written, not what is in it.
PASSING: Final = frozenset({"versionnumber", "modifiedon", "overriddencreatedon", "actualend", "actualclosedate"})


def whole(system: System) -> dict[str, list[Row]]:
    """Everything, version numbers and times included: equal only when nothing was written in between."""
    return {table: system.rows(table) for table in TABLES if table in system.counts()}


def business(system: System, name: str) -> dict[str, Row]:
    """What a clinic's rows say, by SourceKey without the system's name; ids of rows are replaced by those keys.

    A note is known by the last line of its text, an opportunity's close by its opportunity.
    """
    rows = {table: system.rows(table) for table in TABLES if table in system.counts()}
    keys: dict[str, str] = {}
    for table, some in rows.items():
        for row in some:
            if key := _key(row, name):
                keys[_id(table, row)] = key
    found: dict[str, Row] = {}
    for table, some in rows.items():
        for row in some:
            id = _id(table, row)
            key = f"close of {keys.get(row['opportunityid'])}" if table == "opportunityclose" else keys.get(id)
            if key is None or (table == "opportunityclose" and row["opportunityid"] not in keys):
                continue
            assert key not in found, f"two rows for {key}"
            # Without a time of the source's own, a row's creation time is when it was written.
            passing = PASSING if row.get("overriddencreatedon") else PASSING | {"createdon"}
            found[key] = {"table": table} | {
                column: _plain(value, keys, name)
                for column, value in row.items()
                if value is not None and column not in passing and value != id
            }
    return found


def _id(table: str, row: Row) -> str:
    return str(row.get(f"{table}id") or row["activityid"])


def _key(row: Row, name: str) -> str | None:
    text = row.get("cms_sourcekey") or str(row.get("notetext") or "").rpartition("Carryover: ")[2]
    return text.removeprefix(f"{name}.") if text.startswith(f"{name}.") else None


def _plain(value: Any, keys: dict[str, str], name: str) -> Any:
    if not isinstance(value, str):
        return value
    if value == name:
        return "*"
    return keys.get(value, value).replace(f"{name}.", "*.")


def difference(one: dict[str, Row], other: dict[str, Row]) -> dict[str, Any]:
    """What differs, in a few lines: keys that only one has, and columns of the others."""
    found: dict[str, Any] = {
        "only in the first": sorted(one.keys() - other.keys())[:10],
        "only in the second": sorted(other.keys() - one.keys())[:10],
    }
    for key in one.keys() & other.keys():
        columns = {
            column: (one[key].get(column), other[key].get(column))
            for column in one[key].keys() | other[key].keys()
            if one[key].get(column) != other[key].get(column)
        }
        if columns:
            found[key] = columns
    return {key: value for key, value in found.items() if value}


def without_outcome(log: list[Row]) -> list[Row]:
    """Operations of an audit log of which it does not say, in the end, whether they landed or failed."""
    settled: set[tuple[str, int]] = set()
    for row in log:
        if row["operation"] == "landed":
            settled |= {(row["PartitionKey"], number) for number in read_span(row["span"])}
        elif row["operation"] in ("failed", "unknown"):
            place = (row["PartitionKey"], int(row["of"]))
            settled.add(place) if row["operation"] == "failed" else settled.discard(place)
    outcomes = ("landed", "failed", "unknown")
    return [
        row
        for row in log
        if row["operation"] not in outcomes and (row["PartitionKey"], int(row["RowKey"])) not in settled
    ]
