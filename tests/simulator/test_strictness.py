"""Payloads that the service refuses: the status, the code and the words of each, and that nothing is left behind."""

import re
import uuid
from typing import Any

import httpx
import pytest

from tests.simulator.conftest import Dataverse

PAYLOAD = (
    "Error identified in Payload provided by the user for Entity :'{set}', For more information on this error please "
    "follow this help link https://go.microsoft.com/fwlink/?linkid=2195293  ---->  InnerException : "
    "Microsoft.OData.ODataException: {inner}"
)
UNDECLARED = (
    "An undeclared property '{name}' which only has property annotations in the payload but no property value was found "
    "in the payload. In OData, only declared navigation properties and declared named streams can be represented as "
    "properties without values."
)
MISSING = str(uuid.uuid4())


def payload(inner: str, set_name: str = "cms_visits") -> str:
    return PAYLOAD.format(set=set_name, inner=inner)


CASES: list[tuple[str, dict[str, Any], int, str, str]] = [
    (
        "unknown property", {"cms_colour": "red"}, 400, "0x80048d19",
        payload("The property 'cms_colour' does not exist on type 'Microsoft.Dynamics.CRM.cms_visit'. Make sure to only "
                "use property names that are defined by the type."),
    ),
    (
        "a column by its schema name", {"cms_Name": "v"}, 400, "0x80048d19",
        payload("The property 'cms_Name' does not exist on type 'Microsoft.Dynamics.CRM.cms_visit'. Make sure to only "
                "use property names that are defined by the type."),
    ),
    (
        "wrong case of a navigation property", {"cms_patientid@odata.bind": f"/contacts({MISSING})"}, 400, "0x80048d19",
        payload(UNDECLARED.format(name="cms_patientid")),
    ),
    (
        "unknown navigation property", {"cms_NurseId@odata.bind": f"/contacts({MISSING})"}, 400, "0x80048d19",
        payload(UNDECLARED.format(name="cms_NurseId")),
    ),
    (
        "text for a number", {"cms_minutes": "30"}, 400, "0x80048d19",
        payload("Cannot convert the literal '30' to the expected type 'Edm.Int32'."),
    ),
    (
        "number for a text", {"cms_name": 5}, 400, "0x80048d19",
        payload("Cannot convert the literal '5' to the expected type 'Edm.String'."),
    ),
    (
        "no date", {"cms_startedon": "yesterday"}, 400, "0x80048d19",
        payload("Cannot convert the literal 'yesterday' to the expected type 'Edm.DateTimeOffset'."),
    ),
    (
        "too long", {"cms_name": "x" * 101}, 400, "0x80044331",
        "A validation error occurred.  The length of the 'cms_name' attribute of the 'cms_visit' entity exceeded the "
        "maximum allowed length of '100'.",
    ),
    (
        "option out of range", {"cms_kind": 7}, 400, "0x8004431a",
        "A validation error occurred. The value of 'cms_kind' on record of type 'cms_visit' is outside the valid range. "
        "Accepted Values: 100000000,100000001",
    ),
    (
        "number out of range", {"cms_minutes": 1441}, 400, "0x8004432f",
        "A validation error occurred. The value of 'cms_minutes' on record of type 'cms_visit' is outside the valid "
        "range. Accepted Values: between 0 and 1440",
    ),
    (
        "bind that is no address", {"cms_PatientId@odata.bind": "nonsense"}, 400, "0x80048d19",
        payload("The URI 'nonsense' for 'cms_PatientId' is not a valid resource path."),
    ),
    (
        "bind without brackets", {"cms_PatientId@odata.bind": f"/contacts/{MISSING}"}, 400, "0x80048d19",
        payload(f"The URI '/contacts/{MISSING}' for 'cms_PatientId' is not a valid resource path."),
    ),
    (
        "bind to a table of another kind", {"cms_PatientId@odata.bind": "/nothings(1)"}, 400, "0x80048d19",
        payload("The URI '/nothings(1)' for 'cms_PatientId' is not a valid resource path."),
    ),
    (
        "bind to a row that is not there", {"cms_PatientId@odata.bind": f"/contacts({MISSING})"}, 404, "0x80040217",
        f"contact With Id = {MISSING} Does Not Exist",
    ),
    (
        "bind by a key that is none", {"cms_PatientId@odata.bind": "/contacts(nokey='x')"}, 400, "0x8006088a",
        "The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.contact'. Ensure that the names "
        "and number of key properties match the declared or alternate key properties for the resource.",
    ),
    (
        "a lookup by its column", {"_cms_patientid_value": MISSING}, 400, "0x80048d19",
        payload("CRM do not support direct update of Entity Reference properties, Use Navigation properties instead."),
    ),
]  # fmt: skip


def check(response: httpx.Response, status: int, code: str, message: str) -> None:
    assert response.headers["Content-Type"].startswith("application/json")
    assert response.json() == {"error": {"code": code, "message": message}}
    assert response.status_code == status


async def test_payloads_of_a_create(dv: Dataverse) -> None:
    await dv.ready()
    for name, body, status, code, message in CASES:
        response = await dv.api.post("cms_visits", json={"cms_sourcekey": name, **body})
        check(response, status, code, message)
    assert (await dv.control.get("counts")).json() == {}


async def test_payloads_of_an_update(dv: Dataverse) -> None:
    await dv.ready()
    visit = await dv.create("cms_visits", cms_name="v")
    before = await dv.row(f"cms_visits({visit})")
    for _, body, status, code, message in CASES:
        check(await dv.api.patch(f"cms_visits({visit})", json=body), status, code, message)
    assert await dv.row(f"cms_visits({visit})") == before


async def test_payloads_of_a_bulk_create(dv: Dataverse) -> None:
    """The error is the row's own, and does not say which row it was."""
    await dv.ready()
    kind = {"@odata.type": "Microsoft.Dynamics.CRM.cms_visit"}
    for _, body, status, code, message in CASES:
        targets = {"Targets": [{**kind, "cms_name": "good"}, {**kind, **body}]}
        response = await dv.api.post("cms_visits/Microsoft.Dynamics.CRM.CreateMultiple", json=targets)
        check(response, status, code, message)
    assert (await dv.control.get("counts")).json() == {}


@pytest.mark.parametrize("body", [{}, {"cms_badge": None}, {"cms_badge": ""}])
async def test_a_required_column_that_is_missing(dv: Dataverse, body: dict[str, Any]) -> None:
    await dv.ready()
    label = {"LocalizedLabels": [{"Label": "Badge", "LanguageCode": 1033}]}
    column = {"@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": "cms_Badge", "MaxLength": 9,
              "DisplayName": label, "RequiredLevel": {"Value": "SystemRequired"}}  # fmt: skip
    assert (await dv.api.post("EntityDefinitions(LogicalName='cms_visit')/Attributes", json=column)).status_code == 204
    message = "Required field 'cms_badge' of 'cms_visit' is missing or was set to null."
    check(await dv.api.post("cms_visits", json=body), 400, "0x80040200", message)
    visit = await dv.create("cms_visits", cms_badge="b")
    check(await dv.api.patch(f"cms_visits({visit})", json={"cms_badge": None}), 400, "0x80040200", message)


@pytest.mark.parametrize("body", ["[1]", "{", '"x"', '{"lastname": "Lee",}'])
async def test_a_body_that_is_no_object(dv: Dataverse, body: str) -> None:
    response = await dv.api.post("contacts", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "0x80048d19"
    assert re.search("Microsoft.OData.ODataException: (An unexpected character|A JSON object)", response.text)
