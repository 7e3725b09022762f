"""Parties of an activity are columns to the ledger, and rows to Dataverse."""

import uuid
from typing import Any

from dataverse.changes import Change
from dataverse.party_changes import change_with_parties
from dataverse.reads import read_rows
from mapping.alternatives import choose
from mapping.catalog import build_schema
from mapping.parties import body_of, parties_of, text_of
from tests.dataverse.conftest import Simulator
from tests.mapping.samples import a_map

APPOINTMENT = build_schema(choose(a_map(), "appointment", "appointment")).table("appointment")
NAMES = ("subject", "requiredattendees", "optionalattendees", "organizer")


def test_a_text_names_parties_in_order_and_each_once() -> None:
    text = text_of([("systemuser", "B"), ("contact", "a"), ("contact", "A")])
    assert text == "contact:a,systemuser:b"
    assert parties_of(text) == [("contact", "a"), ("systemuser", "b")]
    assert (text_of([]), parties_of(None)) == (None, [])
    assert body_of({5: [("contact", "a")]}) == [
        {"partyid_contact@odata.bind": "/contacts(a)", "participationtypemask": 5}
    ]


async def test_a_kind_of_party_is_replaced_and_the_others_stay(simulator: Simulator) -> None:
    one, two, three = (str(uuid.uuid4()) for _ in range(3))
    visit = str(uuid.uuid4())
    parties = body_of({5: [("contact", one)], 6: [("contact", three)]})
    body: dict[str, Any] = {"activityid": visit, "subject": "Visit", "appointment_activity_parties": parties}
    async with simulator.client() as client:
        for id in (one, two, three):
            await client.post("contacts", {"contactid": id, "lastname": "Able"})
        await client.post("appointments", body)
        before = (await read_rows(client, APPOINTMENT, [visit], NAMES))[visit]
        assert (before["requiredattendees"], before["organizer"]) == (f"contact:{one}", None)

        changes = {"subject": "Moved", "requiredattendees": text_of([("contact", one), ("contact", two)])}
        [outcome] = await change_with_parties(
            client, [Change("PATCH", APPOINTMENT, visit, changes, before["@odata.etag"])]
        )
        assert outcome.ok
        after = (await read_rows(client, APPOINTMENT, [visit], NAMES))[visit]
        assert {name: after[name] for name in changes} == changes
        assert after["optionalattendees"] == f"contact:{three}"

        stale = Change(
            "PATCH", APPOINTMENT, visit, {"subject": "Late", "requiredattendees": None}, before["@odata.etag"]
        )
        [outcome] = await change_with_parties(client, [stale])
        assert outcome.code == "conflict"
        nobody = Change("PATCH", APPOINTMENT, visit, {"requiredattendees": None}, after["@odata.etag"])
        [outcome] = await change_with_parties(client, [nobody])
        assert outcome.ok
        left = (await read_rows(client, APPOINTMENT, [visit], NAMES))[visit]
        assert (left["subject"], left["requiredattendees"]) == ("Moved", None)
        assert left["optionalattendees"] == f"contact:{three}"
