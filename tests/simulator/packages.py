"""Builds solution zips for the tests: small, but of the structure that real exports have."""

import io
import zipfile
from xml.sax.saxutils import quoteattr


def attribute(schema: str, kind: str, part: str = "", *, mask: str = "ValidForForm", level: str = "none") -> str:
    name = schema.lower()
    return (
        f'<attribute PhysicalName="{schema}"><Type>{kind}</Type><Name>{name}</Name><LogicalName>{name}</LogicalName>'
        f"<RequiredLevel>{level}</RequiredLevel><DisplayMask>{mask}</DisplayMask><ValidForUpdateApi>1</ValidForUpdateApi>"
        f"<ValidForReadApi>1</ValidForReadApi><ValidForCreateApi>1</ValidForCreateApi><IsCustomField>1</IsCustomField>"
        f'{part}<displaynames><displayname description="{schema}" languagecode="1033"/></displaynames></attribute>'
    )


def text(schema: str, length: int = 100, *, primary: bool = False) -> str:
    mask = "PrimaryName|ValidForForm" if primary else "ValidForForm"
    part = f"<Format>text</Format><MaxLength>{length}</MaxLength><Length>{2 * length}</Length>"
    return attribute(schema, "nvarchar", part, mask=mask)


def choice(schema: str, options: dict[int, str], kind: str = "picklist") -> str:
    items = "".join(
        f'<option value="{value}"><labels><label description={quoteattr(label)} languagecode="1033"/></labels></option>'
        for value, label in options.items()
    )
    part = (
        f'<AppDefaultValue>-1</AppDefaultValue><optionset Name="{schema.lower()}"><OptionSetType>{kind}</OptionSetType>'
    )
    return attribute(schema, kind, f"{part}<options>{items}</options></optionset>")


def lookup(schema: str) -> str:
    return attribute(schema, "lookup", "<LookupStyle>single</LookupStyle><LookupTypes/>")


def key(schema: str, *columns: str) -> str:
    names = "".join(f"<AttributeName>{column}</AttributeName>" for column in columns)
    return (
        f"<EntityKey><Name>{schema}</Name><LogicalName>{schema.lower()}</LogicalName>"
        f"<EntityKeyAttributes>{names}</EntityKeyAttributes></EntityKey>"
    )


def entity(schema: str, attributes: str, *, keys: str = "", set_name: str = "", notes: bool = False) -> str:
    own = (
        f"<EntitySetName>{set_name}</EntitySetName><OwnershipTypeMask>UserOwned</OwnershipTypeMask>" if set_name else ""
    )
    noted = "<HasRelatedNotes>True</HasRelatedNotes>" if notes else ""
    return (
        f'<Entity><Name LocalizedName="{schema}" OriginalName="{schema}">{schema}</Name><EntityInfo>'
        f'<entity Name="{schema}"><LocalizedNames>'
        f'<LocalizedName description="{schema}" languagecode="1033"/></LocalizedNames>'
        f"<OwnershipTypeMask>UserOwned</OwnershipTypeMask><attributes>{attributes}</attributes><EntityKeys>{keys}</EntityKeys>{own}{noted}</entity></EntityInfo></Entity>"
    )


def relationship(schema: str, referencing: str, referenced: str, column: str, delete: str = "Restrict") -> str:
    return (
        f'<EntityRelationship Name="{schema}"><EntityRelationshipType>OneToMany</EntityRelationshipType>'
        f"<ReferencingEntityName>{referencing}</ReferencingEntityName>"
        f"<ReferencedEntityName>{referenced}</ReferencedEntityName><CascadeDelete>{delete}</CascadeDelete>"
        f"<ReferencingAttributeName>{column}</ReferencingAttributeName><EntityRelationshipRoles><EntityRelationshipRole>"
        f"<NavigationPropertyName>{column}</NavigationPropertyName><RelationshipRoleType>1</RelationshipRoleType>"
        f"</EntityRelationshipRole><EntityRelationshipRole><NavigationPropertyName>{schema}</NavigationPropertyName>"
        f"<RelationshipRoleType>0</RelationshipRoleType></EntityRelationshipRole></EntityRelationshipRoles>"
        f"</EntityRelationship>"
    )


def package(entities: str, relationships: str = "", optionsets: str = "", *, version: str = "1.0.0.0") -> bytes:
    manifest = (
        "<ImportExportXml><SolutionManifest><UniqueName>clinic</UniqueName><LocalizedNames>"
        '<LocalizedName description="Clinic" languagecode="1033"/></LocalizedNames>'
        f"<Version>{version}</Version><Managed>0</Managed><Publisher><UniqueName>cmspublisher</UniqueName>"
        "<CustomizationPrefix>cms</CustomizationPrefix>"
        "<CustomizationOptionValuePrefix>10000</CustomizationOptionValuePrefix></Publisher></SolutionManifest>"
        "</ImportExportXml>"
    )
    customizations = (
        f"<ImportExportXml><Entities>{entities}</Entities><Roles/><EntityRelationships>{relationships}"
        f"</EntityRelationships><optionsets>{optionsets}</optionsets></ImportExportXml>"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("solution.xml", manifest)
        archive.writestr("customizations.xml", customizations)
    return buffer.getvalue()


def visits(*, version: str = "1.0.0.0", more: str = "", options: dict[int, str] | None = None) -> bytes:
    """A custom table of every kind of column, with a key, lookups that restrict, and columns on contact."""
    columns = (
        attribute("cms_VisitId", "primarykey", level="systemrequired")
        + text("cms_Name", primary=True)
        + text("cms_SourceKey", 400)
        + attribute("cms_Notes", "ntext", "<Format>textarea</Format><MaxLength>1048576</MaxLength>")
        + attribute("cms_VisitDate", "datetime", "<Format>date</Format><Behavior>2</Behavior>")
        + attribute("cms_StartedOn", "datetime", "<Format>datetime</Format><Behavior>1</Behavior>")
        + attribute("cms_Minutes", "int", "<MinValue>0</MinValue><MaxValue>1440</MaxValue>")
        + attribute("cms_Weight", "decimal", "<MinValue>0</MinValue><MaxValue>1000</MaxValue><Accuracy>2</Accuracy>")
        + attribute("cms_Closed", "bit", "<AppDefaultValue>0</AppDefaultValue>")
        + choice("cms_Kind", options or {100000000: "First", 100000001: "Follow-up"})
        + choice("cms_Topics", {100000000: "A", 100000001: "B", 100000002: "C"}, "multiselectpicklist")
        + lookup("cms_PatientId")
        + lookup("cms_LocationId")
        + more
    )
    contact = text("cms_SourceKey", 400) + text("cms_SourceMRN")
    entities = entity(
        "cms_Visit", columns, keys=key("cms_VisitKey", "cms_sourcekey"), set_name="cms_visits", notes=True
    ) + entity("Contact", contact, keys=key("cms_ContactKey", "cms_sourcekey"))
    relationships = relationship("cms_contact_visit", "cms_Visit", "Contact", "cms_PatientId") + relationship(
        "cms_account_visit", "cms_Visit", "Account", "cms_LocationId", "RemoveLink"
    )
    return package(entities, relationships, version=version)
