"""Whose the records are: counted while they are shaped, told in the owners report once people were matched with users."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from activities.resources import workplace
from ledger import duck, paths
from ledger.chunks import longest_line
from ledger.storage import Storage
from mapping.model import ClinicMap
from mapping.objects import LOAD_ORDER, ObjectName
from mapping.owners import Owners, Person

#: The fields of a shaped record that the owner rules read.
_KEYS: Final = ("_owner", "_practitioner", "_provider", "_location")
_PREFIX: Final = "owners-"
SELF: Final = "self"
#: Rule that gave a row its owner -> how to speak of that owner.
_RULES: Final = {
    "own": "their own owner", "practitioner": "the practitioner's user", "provider": "the patient's provider",
    "location": "the location's default", "fallback": "the fallback owner", "": "nobody: excepted",
}  # fmt: skip


def count_owned(objects: Mapping[ObjectName, tuple[int, Path]], target: Path) -> bool:
    """One bucket's records by whom the owner rules find in them, as one small Parquet file; False when there are none."""
    columns = ", ".join(f"{key}: 'VARCHAR'" for key in (*_KEYS, "_excluded"))
    selects = [
        f"SELECT '{name}' AS object, {', '.join(_KEYS)}, count(*) AS rows "
        f"FROM read_json('{path}', format='newline_delimited', compression='gzip', "
        f"maximum_object_size={longest_line(path)}, columns={{{columns}}}) WHERE _excluded IS NULL GROUP BY ALL"
        for name, (rows, path) in objects.items()
        if rows and name in LOAD_ORDER
    ]
    if not selects:
        return False
    with duck.json_cursor() as db:
        db.execute(f"COPY ({' UNION ALL '.join(selects)}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
    return True


def owned_blob(migration: str, snapshot: int, label: str) -> str:
    """Where one bucket's count is kept."""
    return paths.accounts(migration, snapshot, f"{_PREFIX}{label}.parquet")


@dataclass(slots=True)
class Share:
    """The records that name one person first: how many of each object, and which rule gave them an owner in the end."""

    objects: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)  #: SELF where it is the person, "" where it is nobody


@dataclass(frozen=True, slots=True)
class Deciders:
    """Who decided what the owners report tells: who had people matched, confirmed the map's rules, named the fallback."""

    matched: str
    rules: str
    fallback: str

    def tell(self, usable: bool, share: Share | None) -> dict[str, Any]:
        """What became of a person's records: ``rows``, ``objects`` (a count each), ``decision``, ``by``."""
        share = share or Share()
        own = share.rules[SELF]
        elsewhere = {rule: rows for rule, rows in sorted(share.rules.items()) if rule != SELF}
        words = "owns the rows" if own or (usable and not elsewhere) else "owns nothing"
        by = self.matched if own or (usable and not elsewhere) else self.rules
        if elsewhere:
            went = ", ".join(f"{_RULES[rule]} ({rows:,})" for rule, rows in elsewhere.items())
            words = f"{words}; others go to {went}" if own else f"rows go to {went}"
            by = self.fallback if "fallback" in elsewhere and not own else by
        return {"rows": share.objects.total(), "objects": dict(share.objects), "decision": words, "by": by}


async def shares(store: Storage, job: dict[str, Any], clinic_map: ClinicMap, owners: Owners) -> dict[Person, Share]:
    """The share of everybody whom the records of this reading name."""
    prefix = paths.accounts(job["migration"], job["snapshot"], _PREFIX)
    async with workplace("owners") as folder:
        wanted = {name: folder / name.rpartition("/")[2] for name in await store.names("staging", prefix)}
        folder.mkdir(parents=True, exist_ok=True)
        await store.fetch("staging", wanted)
        return await asyncio.to_thread(share_out, list(wanted.values()), clinic_map, owners)


def share_out(files: list[Path], clinic_map: ClinicMap, owners: Owners) -> dict[Person, Share]:
    """The shares by the counts in these files."""
    found: dict[Person, Share] = {}
    if not files:
        return found
    with duck.cursor() as db:
        sums = f"SELECT object, {', '.join(_KEYS)}, sum(rows)::BIGINT FROM read_parquet($files) GROUP BY ALL"
        counted = db.execute(sums, {"files": [str(file) for file in files]})
        while some := counted.fetchmany(10_000):
            for name, own, practitioner, provider, location, rows in some:
                if name not in clinic_map.objects:
                    continue
                object_map = clinic_map.objects[name]
                given = {"own": own, "practitioner": practitioner, "provider": provider, "location": location}
                table = object_map.routes[0].table  # where most of them go
                owned = owners.resolve(object_map.owner, table, **{key: value or None for key, value in given.items()})
                if owned.first is not None:
                    share = found.setdefault(owned.first, Share())
                    share.objects[name] += rows
                    share.rules[SELF if owned.first_owns else owned.rule] += rows
    return found
