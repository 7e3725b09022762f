"""Queries: OData with pages, SQL, FetchXML, data frames."""

import pytest

pytest.importorskip("PowerPlatform.Dataverse.client", reason="PowerPlatform-Dataverse-Client is not installed")

from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError
from PowerPlatform.Dataverse.models.filters import col
from PowerPlatform.Dataverse.models.query_builder import ExpandOption, QueryBuilder
from PowerPlatform.Dataverse.models.record import QueryResult, Record


@pytest.fixture
def people(client: DataverseClient) -> DataverseClient:
    """Two accounts; seven contacts, the even ones at the first account."""
    first, second = client.records.create("account", [{"name": "North"}, {"name": "South"}])
    rows = [
        {
            "lastname": f"L{number}",
            "creditlimit": number * 10.0,
            "donotemail": number % 2 == 0,
            "parentcustomerid_account@odata.bind": f"/accounts({second if number % 2 else first})",
        }
        for number in range(7)
    ]
    client.records.create("contact", rows)
    return client


def run(builder: QueryBuilder) -> list[Record]:
    found = builder.execute()
    assert isinstance(found, QueryResult)
    return list(found)


def test_filters_orders_and_tops(people: DataverseClient) -> None:
    builder = people.query.builder("contact").select("lastname").order_by("lastname", descending=True)
    found = run(builder.where((col("creditlimit") > 20) & ~col("lastname").like("L6%")).top(2))
    assert [row["lastname"] for row in found] == ["L5", "L4"]
    some = people.query.builder("contact").select("lastname").where(col("lastname").in_(["L1", "L2"]))
    assert len(run(some)) == 2
    assert not run(people.query.builder("contact").select("lastname").where(col("jobtitle").is_not_null()))


def test_pages(people: DataverseClient) -> None:
    pages = list(people.records.list_pages("contact", select=["lastname"], orderby=["lastname"], page_size=3))
    assert [[row["lastname"] for row in page] for page in pages] == [["L0", "L1", "L2"], ["L3", "L4", "L5"], ["L6"]]
    lazy = people.query.builder("contact").select("lastname").page_size(4).execute_pages()
    assert [len(page) for page in lazy] == [4, 3]


def test_expansion_and_formatted_values(people: DataverseClient) -> None:
    nav = next(
        one["ReferencedEntityNavigationPropertyName"]
        for one in people.tables.list_table_relationships(
            "account", filter="ReferencingAttribute eq 'parentcustomerid'"
        )
        if one["ReferencingEntity"] == "contact"
    )
    expand = ExpandOption(nav).select("lastname").filter("lastname ne 'L1'").order_by("lastname").top(5)
    (account,) = run(people.query.builder("account").select("name").where(col("name") == "South").expand(expand))
    assert [child["lastname"] for child in account[nav]] == ["L3", "L5"]
    builder = people.query.builder("contact").select("donotemail").where(col("lastname") == "L0")
    (row,) = run(builder.include_formatted_values())
    assert row["donotemail@OData.Community.Display.V1.FormattedValue"] == "Yes"


def test_sql(people: DataverseClient) -> None:
    rows = people.query.sql(
        "SELECT TOP 2 c.lastname, a.name AS place, c.donotemail FROM contact c "
        "INNER JOIN account a ON c.parentcustomerid = a.accountid "
        "WHERE a.name = 'North' AND c.creditlimit >= 20 ORDER BY c.lastname DESC"
    )
    assert [row.to_dict() for row in rows] == [
        {"lastname": "L6", "place": "North", "donotemail": True},
        {"lastname": "L4", "place": "North", "donotemail": True},
    ]
    grouped = people.query.sql(
        "SELECT donotemail, COUNT(*) AS n, SUM(creditlimit) AS total FROM contact GROUP BY donotemail ORDER BY n"
    )
    assert [(row["donotemail"], row["n"], row["total"]) for row in grouped] == [(False, 3, 90.0), (True, 4, 120.0)]
    middle = "SELECT lastname FROM contact ORDER BY lastname OFFSET 2 ROWS FETCH NEXT 2 ROWS ONLY"
    assert [row["lastname"] for row in people.query.sql(middle)] == ["L2", "L3"]
    with pytest.raises(HttpError) as refused:
        people.query.sql("SELECT nosuchcolumn FROM contact")
    assert refused.value.status_code == 400
    assert {"lastname", "contactid"} <= {one["name"] for one in people.query.sql_columns("contact")}


def test_sql_in_pages(client: DataverseClient) -> None:
    client.records.create("contact", [{"lastname": f"L{number:04}"} for number in range(5003)])
    rows = client.query.sql("SELECT lastname FROM contact ORDER BY lastname")
    assert [row["lastname"] for row in rows] == [f"L{number:04}" for number in range(5003)]


def test_fetchxml(people: DataverseClient) -> None:
    linked = """<fetch count="2"><entity name="contact"><attribute name="lastname"/><order attribute="lastname"/>
      <filter><condition attribute="creditlimit" operator="ge" value="10"/></filter>
      <link-entity name="account" from="accountid" to="parentcustomerid" alias="a">
        <attribute name="name"/><filter><condition attribute="name" operator="eq" value="South"/></filter>
      </link-entity></entity></fetch>"""
    pages = list(people.query.fetchxml(linked).execute_pages())
    assert [[(r["lastname"], r["a.name"]) for r in page] for page in pages] == [
        [("L1", "South"), ("L3", "South")], [("L5", "South")],
    ]  # fmt: skip
    counted = """<fetch aggregate="true"><entity name="contact"><attribute name="contactid" alias="n" aggregate="count"/>
      <attribute name="donotemail" alias="mail" groupby="true"/><order alias="mail"/></entity></fetch>"""
    assert [row["n"] for row in people.query.fetchxml(counted).execute()] == [3, 4]


def test_data_frames(client: DataverseClient) -> None:
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pd.DataFrame([{"lastname": "A"}, {"lastname": "B"}])
    frame["contactid"] = client.dataframe.create("contact", frame)
    frame["lastname"] = ["C", "D"]
    client.dataframe.update("contact", frame, id_column="contactid")
    found = client.dataframe.sql("SELECT lastname FROM contact ORDER BY lastname")
    assert list(found["lastname"]) == ["C", "D"]
    client.dataframe.delete("contact", frame["contactid"], use_bulk_delete=False)
    assert not client.records.list("contact", select=["lastname"])
