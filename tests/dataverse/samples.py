"""A small schema by hand: a custom table, contact with custom columns, and notes."""

from mapping.schema import Schema, SchemaColumn, SchemaTable


def column(plain: str, kind: str, *, prefix: str = "cms", custom: bool = True, **more: object) -> SchemaColumn:
    schema_name = f"{prefix}_{plain}" if custom else plain
    given: dict[str, object] = {
        "plain": plain,
        "logical": schema_name.lower(),
        "schema_name": schema_name,
        "type": kind,
        "label": plain,
        "custom": custom,
        **more,
    }
    return SchemaColumn(**given)  # type: ignore[arg-type]


def _by_plain(*columns: SchemaColumn) -> dict[str, SchemaColumn]:
    return {c.plain: c for c in columns}


VISIT = SchemaTable(
    plain="Visit",
    logical="cms_visit",
    schema_name="cms_Visit",
    set_name="cms_visits",
    id_column="cms_visitid",
    name_column="cms_name",
    label="Visit",
    label_plural="Visits",
    custom=True,
    has_notes=True,
    bulk=True,
    key_column="cms_sourcekey",
    columns=_by_plain(
        column("Name", "text", max_length=200),
        column("SourceKey", "text", max_length=400),
        column("Notes", "memo", max_length=1_048_576),
        column("StartedOn", "datetime"),
        column("VisitDate", "date"),
        column("Minutes", "integer"),
        column("Weight", "decimal", precision=3),
        column("Fee", "money", precision=2),
        column("Closed", "boolean", options={"Yes": 1, "No": 0}),
        column("Kind", "choice", options={"First <visit>": 100_000_000, "Follow-up & more": 100_000_001}),
        column("Topics", "choices", options={"A": 100_000_000, "B": 100_000_001}),
        column("Patient", "lookup", nav={"contact": "cms_Patient"}),
        column("Party", "lookup", nav={"contact": "cms_Party_contact", "account": "cms_Party_account"}),
        column("ownerid", "owner", custom=False, nav={"systemuser": "ownerid", "team": "ownerid"}),
        column("overriddencreatedon", "datetime", custom=False, create_only=True),
    ),
)

CONTACT = SchemaTable(
    plain="contact",
    logical="contact",
    schema_name="Contact",
    set_name="contacts",
    id_column="contactid",
    name_column="fullname",
    label="Contact",
    label_plural="Contacts",
    custom=False,
    has_notes=True,
    bulk=True,
    key_column="cms_sourcekey",
    columns=_by_plain(
        column("firstname", "text", custom=False, max_length=50),
        column("lastname", "text", custom=False, max_length=50),
        column("birthdate", "date", custom=False),
        column("gendercode", "choice", custom=False, options={"Male": 1, "Female": 2}),
        column("SourceKey", "text", max_length=400),
        column("SourceMRN", "text", max_length=100),
        column("ownerid", "owner", custom=False, nav={"systemuser": "ownerid", "team": "ownerid"}),
    ),
)

ANNOTATION = SchemaTable(
    plain="annotation",
    logical="annotation",
    schema_name="Annotation",
    set_name="annotations",
    id_column="annotationid",
    name_column="subject",
    label="Note",
    label_plural="Notes",
    custom=False,
    has_notes=False,
    bulk=False,
    key_column=None,
    columns=_by_plain(
        column("subject", "text", custom=False, max_length=500),
        column("notetext", "memo", custom=False, max_length=100_000),
        column("filename", "text", custom=False, max_length=255),
        column("objectid", "lookup", custom=False, nav={"contact": "objectid_contact"}),
    ),
)

OPPORTUNITY = SchemaTable(
    plain="opportunity",
    logical="opportunity",
    schema_name="Opportunity",
    set_name="opportunities",
    id_column="opportunityid",
    name_column="name",
    label="Opportunity",
    label_plural="Opportunities",
    custom=False,
    has_notes=True,
    bulk=True,
    key_column="cms_sourcekey",
    columns=_by_plain(
        column("name", "text", custom=False, max_length=300),
        column("estimatedvalue", "money", custom=False, precision=2),
        column("SourceKey", "text", max_length=400),
    ),
)

SCHEMA = Schema("cms", {t.plain: t for t in (VISIT, CONTACT, ANNOTATION, OPPORTUNITY)})
