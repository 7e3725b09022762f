"""A sampled record and its diff, made without storage and target: what is read back is what the map wrote."""

import copy
from typing import Any

from activities.diff import Differ
from activities.mapped import as_row
from activities.rows import RowBuilder
from mapping.catalog import build_schema
from mapping.compile import compile_map, zone_of
from mapping.model import ClinicMap
from tests.mapping.samples import OBJECTS, OWNERS, RECORDS, a_map

CONTACT = "00000000-0000-0000-0000-00000000000a"

Row = dict[str, Any]


def map_with(name: str, column: str | None = None, **changes: Any) -> ClinicMap:
    """The sample map, with one field of one object changed; ``patient`` has a medical record number."""
    objects = copy.deepcopy(OBJECTS)
    objects["patient"]["routes"][0]["fields"].append(
        {"source": "mrn", "column": "SourceMRN", "transform": "identifier"}
    )
    if column:
        fields = objects[name]["routes"][0]["fields"]
        next(one for one in fields if one["column"] == column).update(changes)
    return a_map(objects=objects)


def diff_of(
    clinic_map: ClinicMap,
    name: str,
    record: Row | None = None,
    *,
    action: str = "unchanged",
    linked: tuple[str, ...] = (),
    read_back: Row | None = None,
    refused: tuple[str, ...] = (),
    codes: dict[tuple[str, str], str] | None = None,
) -> list[Row]:
    """The diff rows of one record. ``linked``: what the contact that its lookups point at says of itself; ``read_back``:
    columns that hold something else than was written; ``refused``: columns, by read name, that were held back."""
    schema = build_schema(clinic_map)
    builder = RowBuilder(schema, 0)
    given = RECORDS[name] | (record or {})
    mapped = as_row(compile_map(clinic_map, schema, OWNERS)[name](given), "b0000-00000", 0, given.get("_patient"))  # type: ignore[index]
    parents = [{"column": ref["column"], "table": "contact", "row_id": CONTACT} for ref in mapped["refs"]]
    plan = {
        "action": action, "row_id": CONTACT, "missing": [], "resolved": parents, "refused": list(refused), "hash": "",
        "keep_owner": False, "shared": False, "adopted": False,
    }  # fmt: skip
    ops = {}
    actual: dict[str, Row] = {}
    if action == "unchanged":
        ops[0] = builder.op(mapped, plan)
        ops[0].refused = list(refused)
        for column in refused:
            ops[0].columns.pop(column)
        actual[ops[0].row_id] = ops[0].columns | (read_back or {})
    differ = Differ(clinic_map, builder, name, codes or {})
    return list(differ.rows({0: given}, {0: mapped}, {0: plan}, ops, actual, {CONTACT: list(linked)}))


def zone(clinic_map: ClinicMap) -> Any:
    """The clinic's time zone."""
    return zone_of(clinic_map)
