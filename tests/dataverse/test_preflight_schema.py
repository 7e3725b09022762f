"""What the target lacks is found by name, and nothing is found when it lacks nothing."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from dataverse.metadata import ColumnInfo, KeyInfo, TableInfo
from dataverse.preflight_schema import schema_findings
from mapping.schema import Schema, SchemaColumn, SchemaTable
from tests.dataverse.samples import SCHEMA, VISIT

TYPES = {
    "text": "String", "memo": "Memo", "datetime": "DateTime", "date": "DateTime", "integer": "Integer",
    "decimal": "Decimal", "money": "Money", "boolean": "Boolean", "choice": "Picklist",
    "choices": "MultiSelectPicklist", "lookup": "Lookup", "owner": "Owner",
}  # fmt: skip


def as_target(column: SchemaColumn) -> ColumnInfo:
    return ColumnInfo(
        column.logical,
        column.schema_name,
        TYPES[column.type],
        True,
        True,
        max_length=column.max_length,
        behavior={"date": "DateOnly", "datetime": "UserLocal"}.get(column.type, ""),
        options={value: label for label, value in column.options.items()},
    )


def ready(table: SchemaTable) -> TableInfo:
    return TableInfo(
        table.logical,
        table.schema_name,
        table.set_name,
        table.id_column,
        table.name_column,
        table.custom,
        table.has_notes,
        {c.logical: as_target(c) for c in table.columns.values()},
        [KeyInfo("key", (table.key_column,), "Active")] if table.key_column else [],
        {c.logical: dict(c.nav) for c in table.columns.values() if c.type == "lookup"},
        {},
    )


ALL = frozenset(t.logical for t in SCHEMA.tables.values())
ONLY_VISIT = Schema("cms", {"Visit": VISIT})


def test_a_target_that_has_all_gives_no_findings() -> None:
    assert schema_findings(SCHEMA, {t.logical: ready(t) for t in SCHEMA.tables.values()}, ALL) == []


def column(name: str, **changes: object) -> Callable[[TableInfo], TableInfo]:
    def change(info: TableInfo) -> TableInfo:
        return replace(info, columns={**info.columns, name: replace(info.columns[name], **changes)})  # type: ignore[arg-type]

    return change


def without(name: str) -> Callable[[TableInfo], TableInfo]:
    return lambda info: replace(info, columns={k: v for k, v in info.columns.items() if k != name})


@pytest.mark.parametrize(
    ("change", "code", "severity", "subject"),
    [
        (without("cms_fee"), "column_missing", "error", "Visit.Fee"),
        (column("cms_fee", type="String"), "column_type", "error", "Visit.Fee"),
        (column("cms_name", max_length=100), "column_too_short", "error", "Visit.Name"),
        (column("cms_visitdate", behavior="UserLocal"), "column_type", "error", "Visit.VisitDate"),
        (column("cms_startedon", behavior="DateOnly"), "column_type", "error", "Visit.StartedOn"),
        (column("cms_kind", options={100_000_000: "First"}), "option_missing", "error", "Visit.Kind"),
        (lambda i: replace(i, lookups={**i.lookups, "cms_patient": {}}), "lookup_missing", "error", "Visit.Patient"),
        (
            lambda i: replace(i, lookups={**i.lookups, "cms_patient": {"contact": "cms_patient"}}),
            "lookup_differs",
            "error",
            "Visit.Patient",
        ),
        (lambda i: replace(i, keys=[]), "key_missing", "error", "Visit.cms_sourcekey"),
        (
            lambda i: replace(i, keys=[KeyInfo("k", ("cms_sourcekey",), "Pending")]),
            "key_not_active",
            "error",
            "Visit.cms_sourcekey",
        ),
        (lambda i: replace(i, has_notes=False), "notes_off", "error", "Visit"),
        (lambda i: replace(i, set_name="cms_visitses"), "table_differs", "error", "Visit"),
    ],
)
def test_one_lack_is_one_finding(
    change: Callable[[TableInfo], TableInfo], code: str, severity: str, subject: str
) -> None:
    [found] = schema_findings(ONLY_VISIT, {"cms_visit": change(ready(VISIT))}, ALL)
    assert (found.code, found.severity, found.subject) == (code, severity, subject)
    assert found.message and found.fix


def test_a_missing_table_is_one_finding_not_one_for_each_column() -> None:
    [found] = schema_findings(ONLY_VISIT, {}, ALL)
    assert (found.code, found.subject) == ("table_missing", "Visit")


def test_a_table_without_bulk_messages_is_a_warning() -> None:
    [found] = schema_findings(ONLY_VISIT, {"cms_visit": ready(VISIT)}, frozenset())
    assert (found.code, found.severity) == ("bulk_missing", "warning")
