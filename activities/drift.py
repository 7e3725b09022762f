"""What changed in the source since the one before it: noted by the scope, told by the delta."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from activities import jobs
from activities.profiles import profiled
from ledger import paths
from ledger.storage import Storage
from mapping.carry import only_grown
from mapping.drift import Drift, Inventory, changed_fields, compare, property_key
from mapping.model import ClinicMap
from reports.model import Report
from reports.scope import AFTERWARDS, drift_table

#: The document that holds what is remembered of the source, and how it differs from the one before.
DOCUMENT: Final = "inventory.json"


async def note_drift(
    store: Storage,
    job: Mapping[str, Any],
    source: Mapping[str, Any],
    found: Mapping[str, Any],
    old: ClinicMap | None,
    new: ClinicMap,
) -> list[Drift]:
    """What changed since the source before this one, which is then what the next is held against.

    Scoping the same files again tells the same. ``old``: the map before, None when there was none; ``found``: the merged
    inventory of the reading.
    """
    known = await jobs.optional_document(store, job["migration"], DOCUMENT, None)
    if known and known["fingerprint"] == source["fingerprint"]:
        return [Drift(*one) for one in known["changes"]]
    now = (await _inventory(store, job, source, found)).kept(new)
    changes: list[Drift] = []
    if known and old:
        changes = compare(Inventory.model_validate(known["inventory"]), now, old, new)
        if not only_grown(old, new):
            changes += changed_fields(old, new)
    document = {
        "fingerprint": source["fingerprint"],
        "inventory": now.model_dump(mode="json"),
        "changes": [list(one) for one in changes],
    }
    await jobs.keep_document(store, job["migration"], DOCUMENT, document)
    return changes


async def with_drift(store: Storage, job: dict[str, Any], found: Mapping[str, Any], report: Report) -> Report:
    """The report of a later reading, with a table of what changed in the source since the scope."""
    changes = await _since_scope(store, job, found, (await jobs.map_and_schema(store, job))[0])
    table = drift_table("What changed in the source since the scope", changes, "Nothing.", AFTERWARDS)
    return replace(report, tables=[*report.tables, table])


async def _since_scope(
    store: Storage, job: Mapping[str, Any], found: Mapping[str, Any], clinic_map: ClinicMap
) -> list[Drift]:
    known = await jobs.optional_document(store, job["migration"], DOCUMENT, None)
    if known is None:
        return []
    source = await jobs.document(store, job["migration"], "source.json")
    now = (await _inventory(store, job, source, found)).kept(clinic_map)
    return compare(Inventory.model_validate(known["inventory"]), now, clinic_map, clinic_map)


async def forget_unused(store: Storage, migration: str, clinic_map: ClinicMap) -> None:
    """Remove the values of fields that the map does not use from what is remembered."""
    known = await jobs.optional_document(store, migration, DOCUMENT, None)
    if known is None:
        return
    kept = Inventory.model_validate(known["inventory"]).kept(clinic_map)
    gone = known["inventory"]["values"].keys() - kept.values.keys()
    changes = [one for one in known["changes"] if Drift(*one).where not in gone]
    await jobs.keep_document(
        store, migration, DOCUMENT, known | {"inventory": kept.model_dump(mode="json"), "changes": changes}
    )


async def _inventory(
    store: Storage, job: Mapping[str, Any], source: Mapping[str, Any], found: Mapping[str, Any]
) -> Inventory:
    """Columns as the files have them; values of choices, lengths and custom properties as shaped."""
    columns: dict[str, dict[str, None]] = {}
    unread: dict[str, dict[str, None]] = {}
    staged = await jobs.documents(store, paths.accounts(job["migration"], job["snapshot"], "file-"), ".json")
    for file, seen in zip(source["files"], staged, strict=True):
        columns.setdefault(file["dataset"], {}).update(dict.fromkeys(seen["columns"]))
        unread.setdefault(file["dataset"], {}).update(dict.fromkeys(seen["undeclared"]))
    documents = await profiled(store, job["migration"])
    for name in source["strangers"]:
        columns[name] = unread[name] = dict.fromkeys(documents[name].columns if name in documents else ())
    properties = found["properties"]
    values = {key: sorted(one.options) for key, one in found["values"].items() if one.options is not None}
    values |= {
        property_key(name): sorted(one.options)
        for name, one in properties.items()
        if one.type in ("choice", "choices") and one.options is not None
    }
    lengths = found["lengths"] | {property_key(name): one.max_length for name, one in properties.items()}
    return Inventory(
        columns={name: list(some) for name, some in columns.items()},
        unread={name: list(some) for name, some in unread.items()},
        values=values,
        lengths=lengths,
        properties={name: one.type for name, one in properties.items()},
    )
