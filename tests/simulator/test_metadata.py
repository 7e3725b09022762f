"""EntityDefinitions and its neighbours, read and written."""

from typing import Any

from tests.simulator import packages
from tests.simulator.conftest import Dataverse, code

CONTACT = "EntityDefinitions(LogicalName='contact')"
LABEL = {"LocalizedLabels": [{"Label": "Pet", "LanguageCode": 1033}]}


async def test_tables_can_be_listed_and_filtered(dv: Dataverse) -> None:
    await dv.ready()
    select = "LogicalName,EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute,HasNotes"
    found = (await dv.row("EntityDefinitions", **{"$select": select, "$filter": "IsCustomEntity eq true"}))["value"]
    assert [{name: t[name] for name in select.split(",")} for t in found] == [
        {
            "LogicalName": "cms_visit",
            "EntitySetName": "cms_visits",
            "PrimaryIdAttribute": "cms_visitid",
            "PrimaryNameAttribute": "cms_name",
            "HasNotes": True,
        }
    ]
    one = await dv.row(CONTACT, **{"$select": "ObjectTypeCode"})
    assert one["ObjectTypeCode"] == 2
    assert (await dv.row(f"EntityDefinitions({one['MetadataId']})"))["LogicalName"] == "contact"
    assert (await dv.api.get("EntityDefinitions(LogicalName='nothing')")).status_code == 404


async def test_expand_shows_columns_keys_and_relationships(dv: Dataverse) -> None:
    await dv.ready()
    expand = (
        "Attributes($select=LogicalName;$filter=LogicalName eq 'cms_patientid'),"
        "Keys($select=SchemaName,KeyAttributes,EntityKeyIndexStatus),"
        "ManyToOneRelationships($select=ReferencingAttribute,ReferencedEntity,ReferencingEntityNavigationPropertyName)"
    )
    table = await dv.row("EntityDefinitions(LogicalName='cms_visit')", **{"$select": "LogicalName", "$expand": expand})
    assert [a["LogicalName"] for a in table["Attributes"]] == ["cms_patientid"]
    (key,) = table["Keys"]
    assert (key["KeyAttributes"], key["EntityKeyIndexStatus"]) == (["cms_sourcekey"], "Active")
    navs = {
        r["ReferencingAttribute"]: r["ReferencingEntityNavigationPropertyName"] for r in table["ManyToOneRelationships"]
    }
    assert (navs["cms_patientid"], navs["ownerid"]) == ("cms_PatientId", "ownerid")


async def test_cascades_are_told(dv: Dataverse) -> None:
    await dv.ready()
    found = (await dv.row(f"{CONTACT}/OneToManyRelationships"))["value"]
    deletes = {(r["ReferencingEntity"], r["ReferencingAttribute"]): r["CascadeConfiguration"]["Delete"] for r in found}
    assert deletes[("annotation", "objectid")] == "Cascade"
    assert deletes[("opportunity", "parentcontactid")] == "RemoveLink"
    assert deletes[("cms_visit", "cms_patientid")] == "Restrict"
    path = "RelationshipDefinitions/Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata"
    named = await dv.row(path, **{"$filter": "SchemaName eq 'cms_contact_visit'"})
    assert [r["ReferencedEntity"] for r in named["value"]] == ["contact"]


async def test_members_of_a_type_need_its_cast(dv: Dataverse) -> None:
    path = f"{CONTACT}/Attributes"
    assert code(await dv.api.get(path, params={"$select": "LogicalName,MaxLength"})) == (400, "0x80060888")
    cast = f"{path}/Microsoft.Dynamics.CRM.StringAttributeMetadata"
    found = (await dv.row(cast, **{"$select": "LogicalName,MaxLength"}))["value"]
    assert {a["LogicalName"]: a["MaxLength"] for a in found}["firstname"] == 50
    cast = f"{path}/Microsoft.Dynamics.CRM.PicklistAttributeMetadata"
    found = (await dv.row(cast, **{"$select": "LogicalName", "$expand": "OptionSet,GlobalOptionSet"}))["value"]
    gender = next(a for a in found if a["LogicalName"] == "gendercode")
    assert [o["Value"] for o in gender["OptionSet"]["Options"]] == [1, 2]
    one = f"{path}(LogicalName='statuscode')/Microsoft.Dynamics.CRM.StatusAttributeMetadata"
    status = await dv.row(one, **{"$expand": "OptionSet"})
    assert [(o["Value"], o["State"]) for o in status["OptionSet"]["Options"]] == [(1, 0), (2, 1)]
    wrong = f"{path}(LogicalName='firstname')/Microsoft.Dynamics.CRM.MemoAttributeMetadata"
    assert (await dv.api.get(wrong)).status_code == 404


async def test_a_new_key_is_pending_when_first_looked_at(dv: Dataverse) -> None:
    await dv.install(packages.visits())
    path = "EntityDefinitions(LogicalName='cms_visit')/Keys"
    assert code(await dv.api.get("cms_visits(cms_sourcekey='a')")) == (400, "0x80060890")
    assert [k["EntityKeyIndexStatus"] for k in (await dv.row(path))["value"]] == ["Pending"]
    one = await dv.row(f"{path}(LogicalName='cms_visitkey')", **{"$select": "EntityKeyIndexStatus"})
    assert one["EntityKeyIndexStatus"] == "Active"


async def test_a_key_over_duplicates_fails(dv: Dataverse) -> None:
    await dv.install(packages.visits())
    for _ in range(2):
        await dv.create("cms_visits", cms_sourcekey="same")
    path = "EntityDefinitions(LogicalName='cms_visit')/Keys"
    await dv.row(path)
    assert [k["EntityKeyIndexStatus"] for k in (await dv.row(path))["value"]] == ["Failed"]


def string(schema: str, **more: Any) -> dict[str, Any]:
    return {
        "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata",
        "SchemaName": schema,
        "MaxLength": 100,
        "DisplayName": LABEL,
        **more,
    }


async def test_tables_columns_lookups_and_keys_can_be_made_one_by_one(dv: Dataverse) -> None:
    table = {
        "SchemaName": "cms_Pet",
        "DisplayName": LABEL,
        "DisplayCollectionName": LABEL,
        "HasNotes": True,
        "Attributes": [string("cms_Name", IsPrimaryName=True)],
    }
    assert (await dv.api.post("EntityDefinitions", json=table)).status_code == 204
    assert code(await dv.api.post("EntityDefinitions", json=table))[0] == 400
    pet = "EntityDefinitions(LogicalName='cms_pet')"
    choice = {"Name": "cms_species", "DisplayName": LABEL, "Options": [{"Value": 100000000, "Label": LABEL}]}
    made = await dv.api.post("GlobalOptionSetDefinitions", json=choice)
    bound = made.headers["OData-EntityId"].partition("/v9.2")[2]
    species = {
        "@odata.type": "Microsoft.Dynamics.CRM.PicklistAttributeMetadata",
        "SchemaName": "cms_Species",
        "GlobalOptionSet@odata.bind": bound,
    }
    assert (await dv.api.post(f"{pet}/Attributes", json=species)).status_code == 204
    assert (await dv.api.post(f"{pet}/Attributes", json=string("cms_Tag"))).status_code == 204
    assert (await dv.api.post(f"{pet}/Attributes", json=string("cms_Tag"))).status_code == 400
    assert (await dv.api.post(f"{pet}/Attributes", json=string("cms_Long", MaxLength=4001))).status_code == 400
    relationship = {
        "SchemaName": "cms_contact_pet",
        "ReferencedEntity": "contact",
        "ReferencingEntity": "cms_pet",
        "CascadeConfiguration": {"Delete": "Restrict"},
        "Lookup": {"SchemaName": "cms_KeeperId", "DisplayName": LABEL},
    }
    assert (await dv.api.post("RelationshipDefinitions", json=relationship)).status_code == 204
    key = {"SchemaName": "cms_TagKey", "KeyAttributes": ["cms_tag"]}
    assert (await dv.api.post(f"{pet}/Keys", json=key)).status_code == 204
    await dv.row(f"{pet}/Keys")

    contact = await dv.create("contacts", lastname="Lee")
    body = {"cms_name": "Rex", "cms_tag": "t1", "cms_species": 100000000}
    await dv.create("cms_pets", **body, **{"cms_KeeperId@odata.bind": f"/contacts({contact})"})
    assert (await dv.row("cms_pets(cms_tag='T1')"))["_cms_keeperid_value"] == contact
    assert code(await dv.api.delete(f"contacts({contact})")) == (400, "0x80040227")
    assert code(await dv.api.post("cms_pets", json={"cms_species": 5})) == (400, "0x8004431a")
