"""The two other query languages: what they find, what they refuse, and how their pages go on."""

from typing import Any
from urllib.parse import unquote

import pytest
from lxml import etree

from tests.simulator.conftest import Dataverse, code

COOKIE = "@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"


@pytest.fixture
async def people(dv: Dataverse) -> Dataverse:
    """North has Ann and Bob, South has Cid; Ann has two tasks."""
    for place, names in (("North", ("Ann", "Bob")), ("South", ("Cid",))):
        account = await dv.create("accounts", name=place)
        for name in names:
            bind = {"parentcustomerid_account@odata.bind": f"/accounts({account})"}
            contact = await dv.create("contacts", lastname=name, **bind)
            for number in range(2 if name == "Ann" else 0):
                regarding = {"regardingobjectid_contact_task@odata.bind": f"/contacts({contact})"}
                await dv.create("tasks", subject=f"{name} {number}", **regarding)
    return dv


async def fetch(dv: Dataverse, inner: str, head: str = "", entity: str = "contact") -> list[dict[str, Any]]:
    xml = f'<fetch {head}><entity name="{entity}">{inner}</entity></fetch>'
    rows: list[dict[str, Any]] = (await dv.row(f"{entity}s", fetchXml=xml))["value"]
    return rows


async def test_links_within_links(people: Dataverse) -> None:
    inner = """<attribute name="lastname"/><order attribute="lastname"/>
      <filter type="or"><condition attribute="lastname" operator="begins-with" value="A"/>
        <condition attribute="lastname" operator="in"><value>Bob</value><value>Cid</value></condition></filter>
      <link-entity name="account" from="accountid" to="parentcustomerid" alias="place">
        <attribute name="name"/><filter><condition attribute="name" operator="eq" value="North"/></filter>
        <link-entity name="contact" from="parentcustomerid" to="accountid" alias="other" link-type="outer">
          <attribute name="lastname"/><filter><condition attribute="lastname" operator="eq" value="bob"/></filter>
        </link-entity>
      </link-entity>"""
    found = await fetch(people, inner)
    assert [(r["lastname"], r["place.name"], r["other.lastname"]) for r in found] == [
        ("Ann", "North", "Bob"), ("Bob", "North", "Bob"),
    ]  # fmt: skip


async def test_an_outer_link_keeps_rows_without_a_match(people: Dataverse) -> None:
    inner = """<attribute name="lastname"/><order attribute="lastname"/>
      <link-entity name="task" from="regardingobjectid" to="contactid" alias="t" link-type="outer">
        <attribute name="subject"/></link-entity>"""
    found = await fetch(people, inner)
    assert [(r["lastname"], r["t.subject"]) for r in found] == [
        ("Ann", "Ann 0"), ("Ann", "Ann 1"), ("Bob", None), ("Cid", None),
    ]  # fmt: skip


async def test_pages_by_cookie(people: Dataverse) -> None:
    inner = '<attribute name="lastname"/><order attribute="lastname" descending="true"/>'
    xml = f'<fetch count="2" {{}}><entity name="contact">{inner}</entity></fetch>'
    first = await people.row("contacts", fetchXml=xml.format(""))
    assert [row["lastname"] for row in first["value"]] == ["Cid", "Bob"]
    assert first["@Microsoft.Dynamics.CRM.morerecords"] is True
    cookie = etree.fromstring(first[COOKIE])
    assert unquote(unquote(cookie.get("pagingcookie", ""))).startswith("<cookie page=")
    second = await people.row("contacts", fetchXml=xml.format(f'page="{cookie.get("pagenumber")}"'))
    assert [row["lastname"] for row in second["value"]] == ["Ann"]
    assert COOKIE not in second


async def test_counting(people: Dataverse) -> None:
    inner = '<attribute name="contactid" alias="n" aggregate="count"/>'
    assert await fetch(people, inner, 'aggregate="true"') == [{"n": 3}]
    linked = inner + '<link-entity name="task" from="regardingobjectid" to="contactid"/>'
    assert await fetch(people, linked, 'aggregate="true"') == [{"n": 2}]


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        ("<fetch", "0x80041130"),
        ('<fetch><entity name="account"/></fetch>', "0x80041102"),
        ('<fetch><entity name="contact"><attribute name="nothing"/></entity></fetch>', "0x80041103"),
        ('<fetch><entity name="contact"><colour/></entity></fetch>', "0x80060888"),
        ('<fetch top="x"><entity name="contact"/></fetch>', "0x80060888"),
        ('<fetch aggregate="true"><entity name="contact"><attribute name="lastname" aggregate="count"/></entity></fetch>',
         "0x8004e014"),
    ],
)  # fmt: skip
async def test_fetchxml_that_is_refused(dv: Dataverse, xml: str, expected: str) -> None:
    assert code(await dv.api.get("contacts", params={"fetchXml": xml})) == (400, expected)


async def test_sql(people: Dataverse) -> None:
    text = (
        "SELECT DISTINCT TOP 5 a.name AS place, COUNT(*) AS n FROM contact AS c LEFT JOIN account a "
        "ON c.parentcustomerid = a.accountid WHERE c.lastname IN ('ann', N'Bob', 'Cid') AND a.name IS NOT NULL "
        "GROUP BY a.name ORDER BY n DESC"
    )
    rows = (await people.row("contacts", sql=text))["value"]
    assert rows == [{"place": "North", "n": 2}, {"place": "South", "n": 1}]


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM contact",
        "SELECT * FROM contact",
        "SELECT lastname FROM contact UNION SELECT name FROM account",
        "SELECT lastname FROM contact WHERE contactid IN (SELECT accountid FROM account)",
        "SELECT lastname FROM sqlite_master",
        "SELECT load_extension('x') FROM contact",
        "SELECT lastname FROM contact; SELECT 1",
        "SELECT nothing FROM contact",
        "SELECT lastname",
        "SELECT lastname FROM contact ORDER BY lastname OFFSET 1 ROWS",
    ],
)
async def test_sql_that_is_refused(dv: Dataverse, text: str) -> None:
    response = await dv.api.get("contacts", params={"sql": text})
    assert code(response) == (400, "0x80040216"), text


async def test_sql_needs_the_right_to_read(dv: Dataverse) -> None:
    narrow = {"Authorization": "Bearer narrow@clinic.example"}
    response = await dv.api.get("accounts", params={"sql": "SELECT lastname FROM contact"}, headers=narrow)
    assert code(response) == (403, "0x80040220")


async def test_lists_in_a_filter_may_be_json(people: Dataverse) -> None:
    text = 'Microsoft.Dynamics.CRM.In(PropertyName="x",PropertyValues=["Ann","Bob"])'.replace('"x"', "'lastname'")
    assert len((await people.row("contacts", **{"$filter": text}))["value"]) == 2


async def test_a_batch_part_may_hold_blanks(people: Dataverse) -> None:
    part = (
        "--b\r\nContent-Type: application/http\r\n\r\n"
        "GET /api/data/v9.2/contacts?$select=lastname&$filter=lastname eq 'Ann' HTTP/1.1\r\n\r\n\r\n--b--\r\n"
    )
    kind = {"Content-Type": "multipart/mixed; boundary=b"}
    answer = await people.api.post("$batch", content=part, headers=kind)
    assert answer.status_code == 200
    assert '"lastname":"Ann"' in answer.text
    assert '"lastname":"Bob"' not in answer.text


async def test_only_the_annotations_that_were_asked_for(people: Dataverse) -> None:
    async def names(pattern: str) -> set[str]:
        prefer = {"Prefer": f'odata.maxpagesize=1,odata.include-annotations="{pattern}"'}
        response = await people.api.get("contacts", params={"$select": "_ownerid_value"}, headers=prefer)
        return {name.partition("@")[2] for name in response.json()["value"][0] if name.find("@") > 0}

    every = {"OData.Community.Display.V1.FormattedValue", "Microsoft.Dynamics.CRM.lookuplogicalname",
             "Microsoft.Dynamics.CRM.associatednavigationproperty"}  # fmt: skip
    assert await names("*") == every
    assert await names("Microsoft.Dynamics.CRM.*") == every - {"OData.Community.Display.V1.FormattedValue"}
    assert await names("a.b,Microsoft.Dynamics.CRM.lookuplogicalname") == {"Microsoft.Dynamics.CRM.lookuplogicalname"}
