"""What the service does without a word: texts become null, moments are cut, names are compared without case."""

from tests.simulator.conftest import Dataverse, code

ANA = "ana.ruiz@clinic.example"


async def test_an_empty_text_is_stored_as_null(dv: Dataverse) -> None:
    identity = await dv.create("contacts", lastname="Lee", jobtitle="", description="x")
    assert (await dv.row(f"contacts({identity})"))["jobtitle"] is None
    await dv.api.patch(f"contacts({identity})", json={"description": ""})
    assert (await dv.row(f"contacts({identity})"))["description"] is None
    found = await dv.row("contacts", **{"$filter": "description eq null and jobtitle eq null", "$select": "lastname"})
    assert len(found["value"]) == 1


async def test_parts_of_a_second_are_cut_and_zones_turned(dv: Dataverse) -> None:
    await dv.ready()
    given = {"cms_startedon": "2024-05-01T23:59:59.999+02:00", "overriddencreatedon": "2024-05-01T01:02:03.999Z"}
    row = await dv.row(f"cms_visits({await dv.create('cms_visits', **given)})")
    assert (row["cms_startedon"], row["createdon"]) == ("2024-05-01T21:59:59Z", "2024-05-01T01:02:03Z")


async def test_keys_are_compared_without_case(dv: Dataverse) -> None:
    await dv.ready()
    identity = await dv.create("cms_visits", cms_sourcekey="demo.encounter.Ab")
    assert (await dv.row("cms_visits(cms_sourcekey='DEMO.encounter.aB')"))["cms_visitid"] == identity
    twice = await dv.api.post("cms_visits", json={"cms_sourcekey": "demo.encounter.AB"})
    assert code(twice) == (412, "0x80060892")
    patched = await dv.api.patch("cms_visits(cms_sourcekey='demo.encounter.ab')", json={"cms_name": "same row"})
    assert patched.status_code == 204
    assert (await dv.control.get("counts")).json() == {"cms_visit": 1}
    found = await dv.row("cms_visits", **{"$filter": "cms_sourcekey eq 'DEMO.ENCOUNTER.AB'"})
    assert len(found["value"]) == 1


async def test_who_wrote_last_is_told(dv: Dataverse) -> None:
    me, ana = (await dv.row("WhoAmI"))["UserId"], await dv.user(ANA)
    identity = await dv.create("contacts", lastname="Lee", createdby=ana, modifiedon="2001-01-01T00:00:00Z")
    row = await dv.row(f"contacts({identity})")
    assert (row["_createdby_value"], row["_modifiedby_value"]) == (me, me)
    assert row["modifiedon"] == row["createdon"] > "2020"
    await dv.api.patch(f"contacts({identity})", json={"lastname": "Moe"}, headers={"Authorization": f"Bearer {ANA}"})
    changed = await dv.row(f"contacts({identity})")
    assert (changed["_createdby_value"], changed["_modifiedby_value"]) == (me, ana)
    assert changed["@odata.etag"] != row["@odata.etag"]


async def test_a_write_that_changes_nothing_is_a_write(dv: Dataverse) -> None:
    identity = await dv.create("contacts", lastname="Lee")
    before = await dv.row(f"contacts({identity})")
    await dv.api.patch(f"contacts({identity})", json={"lastname": "Lee"})
    assert (await dv.row(f"contacts({identity})"))["@odata.etag"] != before["@odata.etag"]
