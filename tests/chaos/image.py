"""What stands in the target and what was written to it, in forms in which two runs can be compared."""

from collections import Counter
from typing import Any, Final

from tests.e2e.dumps import PASSING
from tests.e2e.system import System

Row = dict[str, Any]
#: (table, id) -> what the row says. A close of an opportunity, whose id the target makes, goes by its opportunity's.
Image = dict[tuple[str, str], Row]
#: (table, id) -> times created, updated, deleted.
Writes = dict[tuple[str, str], tuple[int, int, int]]

_CLOSE: Final = "opportunityclose"


def image(system: System, *, whole: bool = False) -> Image:
    """Every row of the tables that people write to. ``whole``: with versions and times, which differ in every run."""
    found: Image = {}
    for table in system.counts():
        for row in system.rows(table):
            id = str(row.get(f"{table}id") or row["activityid"])
            key = (table, id if whole or table != _CLOSE else _nth(found, str(row["opportunityid"])))
            passing = PASSING if row.get("overriddencreatedon") else PASSING | {"createdon"}
            found[key] = {
                name: value
                for name, value in row.items()
                if value is not None and (whole or not (name in passing or (table == _CLOSE and value == id)))
            }
    return found


def _nth(found: Image, opportunity: str) -> str:
    """The next close of this opportunity: one that was changed after it was closed has been closed again."""
    return f"{opportunity} {sum(table == _CLOSE and id.startswith(opportunity) for table, id in found)}"


def writes(system: System) -> Writes:
    """What was written to each row since the count began; rows whose ids the target makes are left out."""
    return {
        (table, id): (created, updated, deleted)
        for table, rows in system.written().items()
        if table != _CLOSE
        for id, (created, updated, deleted) in rows.items()
    }


def differing(expected: Image, found: Image) -> list[str]:
    """The rows and columns that differ, by table, id and column's name; no values."""
    lines = [f"missing: {table} {id}" for table, id in sorted(expected.keys() - found.keys())]
    lines += [f"too many: {table} {id}" for table, id in sorted(found.keys() - expected.keys())]
    for key in sorted(expected.keys() & found.keys()):
        one, other = expected[key], found[key]
        columns = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
        if columns:
            lines.append(f"differs: {key[0]} {key[1]} {', '.join(columns)}")
    return lines


def not_back(before: Image, after: Image) -> list[str]:
    """The rows that a rollback has not brought back to what they were ``before``, but for what Dataverse does not allow:
    an opportunity that was closed again has one more close, and the one of before is canceled."""
    reclosed = {id for id in _closes(after) if _closes(after)[id] == _closes(before).get(id, 0) + 1}
    return differing(_without(before, reclosed), _without(after, reclosed))


def _closes(found: Image) -> Counter[str]:
    """How many closes each opportunity has."""
    return Counter(id.partition(" ")[0] for table, id in found if table == _CLOSE)


def _without(found: Image, opportunities: set[str]) -> Image:
    return {
        (table, id): row
        for (table, id), row in found.items()
        if not (table == _CLOSE and id.partition(" ")[0] in opportunities)
    }


def written_otherwise(expected: Writes, found: Writes) -> list[str]:
    """The rows that were written more or less often than they should."""
    nothing = (0, 0, 0)
    return [
        f"written {found.get(key, nothing)} in place of {expected.get(key, nothing)}: {key[0]} {key[1]}"
        for key in sorted(expected.keys() | found.keys())
        if expected.get(key, nothing) != found.get(key, nothing)
    ]


def written_twice(found: Writes) -> list[str]:
    """The rows that were created or deleted more than once."""
    return [
        f"written {times}: {table} {id}" for (table, id), times in sorted(found.items()) if max(times[0], times[2]) > 1
    ]
