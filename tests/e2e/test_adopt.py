"""A target that is in use already: rows found by match rules are adopted, and a rollback gives them back as they were."""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from tests.e2e import dumps
from tests.e2e.clinic import Export, Row
from tests.e2e.road import TARGET, Json, Road
from tests.e2e.system import System

OTHER: Final = "migration.desk@lakeside-clinic.example"
RULES: Final = {
    "location": [["name"]],
    "practitioner": [["lastname", "firstname"]],
    "patient": [["emailaddress1"], ["lastname", "firstname", "birthdate"]],
}
#: Columns that say who wrote last and when: a rollback cannot give these back.
LAST: Final = frozenset({"versionnumber", "modifiedon", "modifiedby"})

Rows = dict[str, dict[str, dict[str, Any]]]


@dataclass
class Adopted:
    """A migration into a target with rows of its own. Rows of accounts and contacts by id, at each point."""

    ids: dict[str, str] = field(default_factory=dict)  #: what the seeded rows are called here -> id
    rows: dict[str, Rows] = field(default_factory=dict)
    plan: Json = field(default_factory=dict)
    forecast: list[Json] = field(default_factory=list)
    exceptions: list[Json] = field(default_factory=list)
    runs: dict[str, Json] = field(default_factory=dict)
    summaries: dict[str, Json] = field(default_factory=dict)
    findings: dict[str, list[Json]] = field(default_factory=dict)
    listed: list[Json] = field(default_factory=list)
    totals: dict[str, Json] = field(default_factory=dict)
    audit: Json = field(default_factory=dict)
    confirmations: list[Any] = field(default_factory=list)

    def row(self, when: str, name: str) -> dict[str, Any]:
        """A seeded row as it was then."""
        table = "account" if name in ("clinic", "holding") else "contact"
        return self.rows[when][table][self.ids[name]]


def snapshot(system: System) -> Rows:
    """Accounts and contacts, and how many rows of the other tables there are, without what a rollback cannot reach."""
    found: Rows = {}
    for table, some in dumps.whole(system).items():
        key = f"{table}id" if f"{table}id" in some[0] else "activityid"
        found[table] = {
            str(row[key]): {k: v for k, v in row.items() if k not in LAST and v is not None} for row in some
        }
    return found


def seed(system: System, export: Export) -> dict[str, str]:
    """What the practice had in its target before: people and places, some of whom the source knows, too."""
    people = {row["patient_id"]: row for row in export.rows("patients.csv")}

    def add(collection: str, **columns: Any) -> str:
        answer = system.api("POST", collection, OTHER, json=columns)
        return answer.headers["OData-EntityId"].rpartition("(")[2].rstrip(")")

    def person(id: str, **columns: Any) -> str:
        return add("contacts", emailaddress1=people[id]["email"], **columns)

    one = people["0001002"]
    ids = {"holding": add("accounts", name="Lakeside Holding")}
    ids["clinic"] = add(
        "accounts",
        name=export.locations()[2]["name"].upper(),
        description="Parking behind the house.",
        **{"parentaccountid@odata.bind": f"/accounts({ids['holding']})"},
    )
    ids["by mail"] = add(
        "contacts", emailaddress1=people["0001001"]["email"].upper(), lastname="Johns", suffix="Jr.",
        jobtitle="Teacher", telephone1="1", nickname="Hass",
    )  # fmt: skip
    born = {"lastname": one["last_name"], "firstname": one["first_name"], "birthdate": one["date_of_birth"]}
    ids["by name"] = add("contacts", **born, jobtitle="Baker")
    ids["twin a"] = person("0001003", lastname="Martinez")
    ids["twin b"] = person("0001003", lastname="Martínez")
    ids["family"] = person("0001004", lastname="D'Amore")
    ids["retired"] = person("0001006", lastname="Lebrón")
    system.api("PATCH", f"contacts({ids['retired']})", OTHER, json={"statecode": 1, "statuscode": 2})
    ids["leaver"] = person("0001011", lastname="Williams")
    ids["doctor"] = add("contacts", firstname="Oscar", lastname="green", jobtitle="Partner")
    ids["stranger"] = add("contacts", emailaddress1="nobody@elsewhere.example", lastname="Stranger")
    return ids


def _one_mailbox(rows: list[Row]) -> None:
    """Two members of a family share an e-mail address."""
    rows[4]["email"] = rows[3]["email"]


def _a_day_later(rows: list[Row]) -> None:
    """A patient moves, and has no e-mail any more; the doctor's own record as a patient changes, too."""
    rows[0] |= {"address1": "1 New Street", "email": ""}
    rows[7]["address1"] = "2 New Street"


@pytest.fixture(scope="module")
def adopted(system: System, export: Export) -> Adopted:
    """Planned, sampled, migrated, migrated again, verified, a day later picked up, rolled back, and by force."""
    export.change("patients.csv", _one_mailbox)
    seen = Adopted(seed(system, export))
    seen.rows["before"] = snapshot(system)
    road = Road(system)
    road.upload(export.folder)
    road.step("scope")
    road.confirm()
    document = road.get("map")
    for name, rules in RULES.items():
        assert document["map"]["objects"][name]["match"] == []
        document["map"]["objects"][name]["match"] = rules
    system.ask("PUT", f"{road.base}/map", json={"by": "tester", "map": document["map"]})
    seen.confirmations = [road.get("map")["confirmed"], road.refused("steps/prepare")["code"]]
    road.confirm()
    road.step("prepare")
    seen.plan = road.step("plan")
    seen.forecast = road.table("forecast", "By object")
    seen.rows["planned"] = snapshot(system)
    road.step("sample")
    road.sign_off()
    seen.runs["run"] = road.run()
    seen.exceptions = road.get(f"exceptions?run={seen.runs['run']['id']}")["exceptions"]
    seen.rows["migrated"] = snapshot(system)
    seen.runs["again"] = road.step("retry", target=TARGET, pause_percent=100)
    seen.rows["again"] = snapshot(system)
    road.step("verify")
    seen.summaries["verified"] = road.get("summary")
    seen.findings["verified"] = road.table("reconciliation", "Findings")

    export.change("patients.csv", _a_day_later)
    road.upload(export.folder)
    seen.runs["delta"] = road.step("delta", pause_percent=100)
    seen.rows["delta"] = snapshot(system)
    road.step("verify")
    seen.summaries["delta"] = road.get("summary")

    system.edit("contact", seen.ids["by name"], {"mobilephone": "+1 617 555 0100"}, OTHER)
    system.edit("contact", seen.ids["leaver"], {"jobtitle": "Pensioner"}, OTHER)
    seen.totals["rollback"] = road.rollback()
    seen.listed = road.table("rollback", "Kept and left")
    seen.rows["rolled back"] = snapshot(system)
    seen.totals["forced"] = road.rollback(force=True)
    seen.rows["forced"] = snapshot(system)
    seen.audit = road.get("audit/verify")
    return seen


def test_a_changed_rule_needs_a_new_confirmation(adopted: Adopted) -> None:
    assert adopted.confirmations == [False, "out_of_order"]


def test_the_plan_says_how_many_would_be_adopted_and_touches_nothing(adopted: Adopted) -> None:
    found = {row["Object"]: (row["Adopt"], row["Excepted"]) for row in adopted.forecast}
    assert (found["location"], found["practitioner"], found["patient"]) == ((1, 0), (1, 0), (3, 3))
    assert "5 adopted" in adopted.plan["message"]
    assert adopted.rows["planned"] == adopted.rows["before"]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("clinic", "location.LOC-03"),
        ("doctor", "practitioner.DR002"),
        ("by mail", "patient.0001001"),
        ("by name", "patient.0001002"),
        ("leaver", "patient.0001011"),
    ],
)
def test_a_matched_row_is_filled_and_nothing_of_it_is_lost(adopted: Adopted, name: str, key: str) -> None:
    """What the source does not know stays, and so do owner and creation time; there is no second row."""
    before, now = adopted.row("before", name), adopted.row("migrated", name)
    assert now["cms_sourcekey"] == f"clinic.{key}"
    assert before.keys() <= now.keys()
    assert {column: now[column] for column in ("ownerid", "createdon", "createdby")} == {
        column: before[column] for column in ("ownerid", "createdon", "createdby")
    }
    rows = [row for some in adopted.rows["migrated"].values() for row in some.values()]
    assert [row.get("cms_sourcekey") for row in rows].count(f"clinic.{key}") == 1


def test_an_empty_source_value_clears_nothing(adopted: Adopted) -> None:
    now = adopted.row("migrated", "by mail")
    assert (now["firstname"], now["lastname"]) == ("Hassan", "Jones")
    assert (now["suffix"], now["jobtitle"], now["nickname"]) == ("Jr.", "Teacher", "Hass")
    assert adopted.row("migrated", "by name")["jobtitle"] == "Baker"


def test_lookups_between_adopted_rows_and_states_are_set(adopted: Adopted) -> None:
    parents = {
        row["cms_sourcekey"]: id for id, row in adopted.rows["migrated"]["account"].items() if "cms_sourcekey" in row
    }
    assert adopted.row("before", "clinic")["parentaccountid"] == adopted.ids["holding"]
    assert adopted.row("migrated", "clinic")["parentaccountid"] == parents["clinic.location.LOC-01"]
    assert (adopted.row("before", "leaver")["statecode"], adopted.row("migrated", "leaver")["statecode"]) == (0, 1)


def test_a_person_who_is_both_joins_the_adopted_row(adopted: Adopted) -> None:
    now = adopted.row("migrated", "doctor")
    assert now["cms_sourcepatientid"] == "0001008"
    assert now["cms_npi"]


def test_what_is_in_doubt_is_listed_with_ids_and_not_guessed(adopted: Adopted) -> None:
    found = {row["source_id"]: row for row in adopted.exceptions if row["code"] == "ambiguous_match"}
    assert found.keys() == {"0001003", "0001004", "0001005"}
    for name in ("twin a", "twin b"):
        assert adopted.ids[name] in found["0001003"]["message"]
    assert adopted.ids["family"] in found["0001004"]["message"]
    assert "0001005" in found["0001004"]["message"] and "0001004" in found["0001005"]["message"]
    children = [row for row in adopted.exceptions if row["cause"] == "clinic.patient.0001003"]
    assert {row["code"] for row in children} == {"missing_parent"}
    assert {row["object"] for row in children} >= {"appointment", "encounter"}


@pytest.mark.parametrize("name", ["holding", "twin a", "twin b", "family", "retired", "stranger"])
def test_other_rows_are_never_touched(adopted: Adopted, name: str) -> None:
    """Nor is one that was retired: its record gets a row of its own."""
    for rows in adopted.rows.values():
        table = "account" if name == "holding" else "contact"
        assert rows[table][adopted.ids[name]] == adopted.rows["before"][table][adopted.ids[name]]
    keys = {row.get("cms_sourcekey") for row in adopted.rows["migrated"]["contact"].values()}
    assert "clinic.patient.0001006" in keys


def test_a_second_run_finds_them_unchanged(adopted: Adopted) -> None:
    assert adopted.runs["again"]["message"].startswith("0 created, 0 changed")
    assert adopted.rows["again"] == adopted.rows["migrated"]


@pytest.mark.parametrize("when", ["verified", "delta"])
def test_everything_reads_back(adopted: Adopted, when: str) -> None:
    objects = adopted.summaries[when]["objects"]
    assert {name: one["fields_differing"] for name, one in objects.items() if one["fields_differing"]} == {}
    assert objects["patient"]["read"] == objects["patient"]["migrated"] + objects["patient"]["excepted"]
    assert adopted.findings["verified"] == []


def test_a_delta_changes_them_and_clears_what_we_wrote(adopted: Adopted) -> None:
    before, now = adopted.row("again", "by mail"), adopted.row("delta", "by mail")
    changed = {column for column in before.keys() | now.keys() if before.get(column) != now.get(column)}
    assert changed == {"address1_line1", "address1_composite", "emailaddress1"}
    assert "emailaddress1" not in now
    both, then = adopted.row("again", "doctor"), adopted.row("delta", "doctor")
    assert {column for column in both.keys() | then.keys() if both.get(column) != then.get(column)} == {
        "address1_line1", "address1_composite",
    }  # fmt: skip


def test_a_rollback_restores_every_column_and_deletes_no_adopted_row(adopted: Adopted) -> None:
    for name in ("clinic", "doctor", "by mail"):
        assert adopted.row("rolled back", name) == adopted.row("before", name)
    assert adopted.row("rolled back", "leaver") == adopted.row("before", "leaver") | {"jobtitle": "Pensioner"}
    assert adopted.totals["rollback"]["restored"] == 4


def test_what_others_changed_is_kept_and_listed_until_it_is_forced(adopted: Adopted) -> None:
    edited = adopted.row("delta", "by name") | {"mobilephone": "+1 617 555 0100"}
    assert adopted.row("rolled back", "by name") == edited
    [kept] = [row for row in adopted.listed if row["Why"] == "changed by others"]
    assert (kept["Row"], kept["Who"]) == (adopted.ids["by name"], "Migration Desk")
    assert adopted.totals["rollback"]["kept"] == 1

    before = deepcopy(adopted.rows["before"])
    before["contact"][adopted.ids["leaver"]]["jobtitle"] = "Pensioner"
    assert adopted.rows["forced"] == before
    assert adopted.audit["whole"] is True
