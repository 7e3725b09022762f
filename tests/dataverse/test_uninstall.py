"""The solution taken out of the target again: what holds nothing goes, what somebody uses stays and is named."""

from typing import Final

import pytest

from dataverse.client import DataverseClient
from dataverse.install import import_solution
from dataverse.metadata import read_metadata
from dataverse.solution import UNIQUE_NAME, build_solution
from dataverse.uninstall import Uninstalled, uninstall
from mapping.catalog import build_schema
from mapping.model import ClinicMap, ObjectMap, Route
from mapping.objects import ObjectName
from mapping.schema import Schema

#: A prefix of its own: the other tests of this session use the target, too.
PREFIX: Final = "gone"
CUSTOM: Final = ("ClinicInsurance", "ClinicAppointment", "ClinicEncounter")


@pytest.fixture
async def schema(client: DataverseClient) -> Schema:
    """Tables of the catalog, installed: two standard ones, and custom ones that point at them and at each other."""
    routes = [Route(table=name, fields=[]) for name in ("contact", "account", *CUSTOM)]
    objects: dict[ObjectName, ObjectMap] = {"referral": ObjectMap(routes=routes)}
    made = build_schema(ClinicMap(system="all", profile="all", prefix=PREFIX, objects=objects))
    await import_solution(client, build_solution(made), made)
    return made


async def ours(client: DataverseClient, schema: Schema) -> set[str]:
    """Tables, columns and keys with our prefix that the target has."""
    found = await read_metadata(client, [table.logical for table in schema.tables.values()])
    names = {name for name in found if name.startswith(f"{PREFIX}_")}
    for name, table in found.items():
        if name not in names:
            names |= {f"{name}.{column}" for column in table.columns if column.startswith(f"{PREFIX}_")}
            names |= {f"{name}!{key.logical}" for key in table.keys if key.logical.startswith(f"{PREFIX}_")}
    return names


async def solutions(client: DataverseClient) -> int:
    return len((await client.get(f"solutions?$filter=uniquename eq '{UNIQUE_NAME}'")).rows())


async def take_out(client: DataverseClient, schema: Schema) -> Uninstalled:
    return await uninstall(client, schema.tables.values())


async def test_an_empty_target_is_as_it_was_before(client: DataverseClient, schema: Schema) -> None:
    there = {name for name in await ours(client, schema) if "!" not in name}
    assert there

    found = await take_out(client, schema)

    assert await ours(client, schema) == set()
    assert (there - set(found.removed), found.kept) == (set(), {})
    assert await solutions(client) == 0
    again = await take_out(client, schema)
    assert (sorted(again.removed), again.kept) == (sorted(found.removed), {})


async def test_what_holds_rows_or_values_stays_and_is_named(client: DataverseClient, schema: Schema) -> None:
    """With what it needs: a table that a kept one points at, and the key of a column that is in use."""
    contact, insurance = schema.table("contact"), schema.table("ClinicInsurance")
    column = contact.columns["SourceKey"].logical
    person = (await client.post("contacts", {"lastname": "Doe", column: "elm.patient.1"})).headers["OData-EntityId"]
    policy = (await client.post(insurance.set_name, {insurance.name_column: "x"})).headers["OData-EntityId"]

    found = await take_out(client, schema)

    assert found.kept == {f"contact.{column}": "rows hold values in it", insurance.logical: "rows are in it"}
    left = await ours(client, schema)
    assert {f"contact.{column}", insurance.logical} == {name for name in left if "!" not in name}
    assert any(name.startswith("contact!") for name in left)
    assert await solutions(client) == 1
    for row in (person, policy):
        await client.request("DELETE", row, repeatable=True)
    assert (await take_out(client, schema)).kept == {}


async def test_what_the_target_refuses_to_give_up_is_told(client: DataverseClient, schema: Schema) -> None:
    """Somebody's own table points at one of ours."""
    label = {"LocalizedLabels": [{"Label": "x", "LanguageCode": 1033}]}
    name = {"@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": "own_Name", "MaxLength": 9}
    table = {"SchemaName": "own_Thing", "DisplayName": label, "Attributes": [{**name, "IsPrimaryName": True}]}
    await client.post("EntityDefinitions", table)
    pointed = schema.table("ClinicInsurance").logical
    relationship = {"SchemaName": "own_thing", "ReferencedEntity": pointed, "ReferencingEntity": "own_thing"}
    await client.post("RelationshipDefinitions", relationship | {"Lookup": {"SchemaName": "own_VisitId"}})

    found = await take_out(client, schema)

    assert list(found.kept) == [pointed]
    assert "0x8004f01f" in found.kept[pointed]
    await client.request("DELETE", "EntityDefinitions(LogicalName='own_thing')", repeatable=True)
    assert (await take_out(client, schema)).kept == {}
