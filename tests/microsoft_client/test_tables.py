"""Tables, columns, keys and relationships."""

from enum import IntEnum

import pytest

pytest.importorskip("PowerPlatform.Dataverse.client", reason="PowerPlatform-Dataverse-Client is not installed")

from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError, MetadataError
from PowerPlatform.Dataverse.models import (
    CascadeConfiguration,
    Label,
    LocalizedLabel,
    LookupAttributeMetadata,
    ManyToManyRelationshipMetadata,
    OneToManyRelationshipMetadata,
)

TABLE = "new_Visit"


class Kind(IntEnum):
    FIRST = 1
    FOLLOW_UP = 2


EVERY_TYPE = {
    "new_Code": "string",
    "new_Notes": "memo",
    "new_Minutes": {"type": "int", "min_value": 0, "max_value": 600},
    "new_Fee": "decimal",
    "new_Score": "float",
    "new_Seen": "datetime",
    "new_Closed": "bool",
    "new_Kind": Kind,
}


def label(text: str) -> Label:
    return Label(localized_labels=[LocalizedLabel(label=text, language_code=1033)])


def test_a_table_is_made_described_and_deleted(client: DataverseClient) -> None:
    made = client.tables.create(TABLE, EVERY_TYPE, display_name="Visit")
    assert (made.schema_name, made.logical_name, made.entity_set_name) == (TABLE, "new_visit", "new_visits")
    found = client.tables.get("new_visit")
    assert found is not None
    assert found.metadata_id == made.metadata_id
    assert TABLE in {one["SchemaName"] for one in client.tables.list(select=["SchemaName"])}
    body = {
        "new_name": "v", "new_code": "c", "new_notes": "n", "new_minutes": 30, "new_fee": 12.5, "new_score": 0.12345,
        "new_seen": "2024-05-01T00:00:00Z", "new_closed": True, "new_kind": "Follow_Up",
    }  # fmt: skip
    identity = client.records.create(TABLE, body)
    row = client.records.retrieve(TABLE, identity)
    assert row is not None
    assert {name: row[name] for name in body} == {**body, "new_kind": 2}
    with pytest.raises(HttpError):
        client.records.create(TABLE, {"new_minutes": 601})
    with pytest.raises(MetadataError):
        client.tables.create(TABLE, {})
    client.tables.delete(TABLE)
    assert client.tables.get(TABLE) is None


def test_columns_come_change_and_go(client: DataverseClient) -> None:
    client.tables.create(TABLE, {"new_Code": "string"})
    assert client.tables.add_columns(TABLE, {"new_Tag": "string", "new_Kind": Kind}) == ["new_Tag", "new_Kind"]
    client.tables.update_column(TABLE, "new_Tag", {"max_length": 9, "required": "ApplicationRequired"})
    column = client.tables.get_column(TABLE, "new_tag", typed=True)
    assert column is not None
    assert (column["MaxLength"], column["RequiredLevel"]["Value"]) == (9, "ApplicationRequired")
    names = {one["LogicalName"] for one in client.tables.list_columns(TABLE, filter="AttributeType eq 'String'")}
    assert {"new_name", "new_code", "new_tag"} <= names
    typed = {one["LogicalName"]: one for one in client.tables.list_columns(TABLE, typed=True)}
    assert (typed["new_code"]["MaxLength"], typed["new_code"]["FormatName"]["Value"]) == (200, "Text")
    with pytest.raises(HttpError):
        client.records.create(TABLE, {"new_tag": "longer than 9"})
    assert client.tables.remove_columns(TABLE, ["new_Tag"]) == ["new_Tag"]
    assert client.tables.get_column(TABLE, "new_tag") is None
    client.records.create(TABLE, {"new_code": "c"})


def test_keys_come_and_go(client: DataverseClient) -> None:
    client.tables.create(TABLE, {"new_Code": "string"})
    made = client.tables.create_alternate_key(TABLE, "new_CodeKey", ["new_code"], display_name="Code")
    statuses = [client.tables.get_alternate_keys(TABLE)[0].status for _ in range(2)]
    assert statuses == ["Pending", "Active"]
    client.records.create(TABLE, {"new_code": "c"})
    with pytest.raises(HttpError) as twice:
        client.records.create(TABLE, {"new_code": "C"})
    assert twice.value.status_code == 412
    assert made.metadata_id is not None
    client.tables.delete_alternate_key(TABLE, made.metadata_id)
    assert client.tables.get_alternate_keys(TABLE) == []
    client.records.create(TABLE, {"new_code": "C"})


def test_relationships_come_and_go(client: DataverseClient) -> None:
    client.tables.create(TABLE, {})
    lookup = LookupAttributeMetadata(schema_name="new_PatientId", display_name=label("Patient"))
    relationship = OneToManyRelationshipMetadata(
        schema_name="new_contact_visit", referenced_entity="contact", referencing_entity="new_visit",
        referenced_attribute="contactid", cascade_configuration=CascadeConfiguration(delete="Restrict"),
    )  # fmt: skip
    made = client.tables.create_one_to_many_relationship(lookup, relationship)
    found = client.tables.get_relationship("new_contact_visit")
    assert found is not None
    assert (found.relationship_id, found.referenced_entity) == (made.relationship_id, "contact")
    client.tables.create_lookup_field("new_Visit", "new_SiteId", "account", display_name="Site")
    many = ManyToManyRelationshipMetadata(
        schema_name="new_visit_account", entity1_logical_name="new_visit", entity2_logical_name="account"
    )
    client.tables.create_many_to_many_relationship(many)
    of_table = {one["SchemaName"] for one in client.tables.list_table_relationships(TABLE)}
    assert {"new_contact_visit", "account_new_visit_new_SiteId", "new_visit_account"} <= of_table
    only = "RelationshipType eq Microsoft.Dynamics.CRM.RelationshipType'ManyToManyRelationship'"
    assert [one["SchemaName"] for one in client.tables.list_relationships(filter=only)] == ["new_visit_account"]
    contact = client.records.create("contact", {"lastname": "Lee"})
    client.records.create(TABLE, {"new_PatientId@odata.bind": f"/contacts({contact})"})
    with pytest.raises(HttpError):
        client.records.delete("contact", contact)
    assert made.relationship_id is not None
    client.tables.delete_relationship(made.relationship_id)
    assert client.tables.get_relationship("new_contact_visit") is None
    client.records.delete("contact", contact)
