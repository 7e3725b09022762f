"""Reads the catalog from its packaged YAML files, once a process."""

from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from mapping.catalog.model import Catalog, CatalogTable, table_from

TABLES: Final = Path(__file__).parent / "tables"

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def load_catalog() -> Catalog:
    """The whole catalog. Tables in the order of their file names; columns in the order of the files."""
    groups = _read(TABLES / "common.yaml")["groups"]
    tables: dict[str, CatalogTable] = {}
    for path in sorted(TABLES.glob("*.yaml")):
        if path.name != "common.yaml":
            table = table_from(_read(path), groups)
            tables[table.name] = table
    return Catalog(tables=tables)


def _read(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    return data
