"""The catalog: every table and column of the target, described once, and the schema a map makes of it."""

from mapping.catalog.build import build_schema
from mapping.catalog.load import load_catalog
from mapping.catalog.model import Catalog, CatalogColumn, CatalogTable

__all__ = ["Catalog", "CatalogColumn", "CatalogTable", "build_schema", "load_catalog"]
