"""The target as one migration sees it: catalog tables and columns with the prefix, options and lookups resolved.

Built once per map by ``build_schema`` (``mapping.catalog``); the solution zip, the preflight, the loader, the
read-back and the documentation all read these plain objects.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mapping.model import ColumnType, PhiClass
from mapping.objects import ObjectName


@dataclass(frozen=True, slots=True)
class SchemaColumn:
    plain: str  #: "SourceMRN"
    logical: str  #: "cms_sourcemrn"
    schema_name: str  #: "cms_SourceMRN"
    type: ColumnType
    label: str
    custom: bool
    phi: PhiClass = "none"
    max_length: int | None = None
    precision: int | None = None
    options: dict[str, int] = field(default_factory=dict)  #: label -> value
    nav: dict[str, str] = field(default_factory=dict)  #: lookups: logical table -> navigation property for @odata.bind
    create_only: bool = False  #: overriddencreatedon and the like
    description: str = ""

    @property
    def read_name(self) -> str:
        """The property that holds the value when the row is read back."""
        if self.type in ("lookup", "owner"):
            return f"_{self.logical}_value"
        return "createdon" if self.logical == "overriddencreatedon" else self.logical


@dataclass(frozen=True, slots=True)
class SchemaTable:
    plain: str  #: "ClinicAppointment", "contact"
    logical: str  #: "cms_clinicappointment"
    schema_name: str  #: "cms_ClinicAppointment"
    set_name: str  #: "cms_clinicappointments"
    id_column: str  #: "cms_clinicappointmentid"
    name_column: str  #: logical name of the primary name column
    label: str
    label_plural: str
    custom: bool
    has_notes: bool
    bulk: bool  #: takes CreateMultiple
    columns: dict[str, SchemaColumn]  #: by plain name
    key_column: str | None  #: logical name of SourceKey, None where the table takes no custom columns (annotation)
    #: By object: plain columns without which a row of it is of no use.
    required: Mapping[ObjectName, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Schema:
    prefix: str
    tables: dict[str, SchemaTable]  #: by plain name

    def table(self, plain: str) -> SchemaTable:
        """The table of that plain name; KeyError names it."""
        return self.tables[plain]
