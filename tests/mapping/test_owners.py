"""Owner rules: the first person who may own rows, everybody else falls through, and it shows."""

import orjson

from mapping.model import OWNER_RULES
from mapping.owners import OwnerMatch, Owners


def _owners(fallback: str | None = "teams/t") -> Owners:
    return Owners(
        staff={
            "1": OwnerMatch("systemusers/u1", "Active", "found", "ann@clinic.test"),
            "2": OwnerMatch("systemusers/u2", "Active", "disabled", "bob@clinic.test"),
            "3": OwnerMatch("systemusers/u3", "Inactive", "found", "cyd@clinic.test"),
            "4": OwnerMatch(None, "Active", "none"),
            "5": OwnerMatch("systemusers/u5", "Active", "no_privilege", "eve@clinic.test", ("ClinicVisit",)),
            "6": OwnerMatch("systemusers/u6", "Inactive", "no_privilege", "fay@clinic.test", ("ClinicVisit",)),
        },
        by_email={"ann@clinic.test": "1"},
        practitioner={"p1": "1", "p2": "2"},
        location={"l1": "1", "l2": "teams/front-desk"},
        fallback=fallback,
    )


def test_the_records_own_owner_comes_first() -> None:
    owned = _owners().resolve(OWNER_RULES, "contact", own="1", practitioner="p2", location="l2")
    assert (owned.owner, owned.rule, owned.substituted) == ("systemusers/u1", "own", False)
    assert (owned.source_owner, owned.source_status) == ("ann@clinic.test", "Active")


def test_an_email_names_a_staff_member_without_regard_to_case() -> None:
    assert _owners().resolve(OWNER_RULES, "contact", own=" Ann@Clinic.test ").owner == "systemusers/u1"


def test_whoever_left_the_clinic_and_is_enabled_in_the_target_keeps_the_rows() -> None:
    owned = _owners().resolve(OWNER_RULES, "contact", own="3", practitioner="p1")
    assert (owned.owner, owned.rule, owned.source_status) == ("systemusers/u3", "own", "Inactive")


def test_disabled_and_unmatched_people_fall_through() -> None:
    for person, status in (("2", "Active"), ("4", "Active"), ("nobody", "Unknown")):
        owned = _owners().resolve(OWNER_RULES, "contact", own=person, practitioner="p1")
        assert (owned.owner, owned.rule, owned.substituted) == ("systemusers/u1", "practitioner", True), person
        assert owned.source_status == status
    assert _owners().resolve(OWNER_RULES, "contact", own="4").source_owner == "4"


def test_who_may_not_read_a_table_owns_rows_of_the_others() -> None:
    def owner(table: str, person: str) -> tuple[str | None, str, bool]:
        owned = _owners().resolve(OWNER_RULES, table, own=person, practitioner="p1")
        return owned.owner, owned.rule, owned.substituted

    assert owner("contact", "5") == ("systemusers/u5", "own", False)
    assert owner("ClinicVisit", "5") == ("systemusers/u1", "practitioner", True)
    assert owner("contact", "6") == ("systemusers/u6", "own", False)


def test_practitioner_provider_location_and_fallback_in_turn() -> None:
    owners = _owners()
    assert owners.resolve(OWNER_RULES, "contact", practitioner="p1").rule == "practitioner"
    assert owners.resolve(OWNER_RULES, "contact", practitioner="p2", provider="p1").rule == "provider"
    assert owners.resolve(OWNER_RULES, "contact", location="l1").owner == "systemusers/u1"
    assert owners.resolve(OWNER_RULES, "contact", location="l2").owner == "teams/front-desk"
    nobody = owners.resolve(OWNER_RULES, "contact")
    assert (nobody.owner, nobody.rule, nobody.source_owner, nobody.substituted) == ("teams/t", "fallback", None, False)
    assert owners.resolve(OWNER_RULES, "contact", practitioner="p2").source_owner == "bob@clinic.test"


def test_a_practitioner_without_a_user_is_no_substitution() -> None:
    assert _owners().resolve(OWNER_RULES, "contact", practitioner="unknown").substituted is False


def test_the_rules_of_the_object_are_followed_in_their_order() -> None:
    owned = _owners().resolve(["location", "own"], "contact", own="1", location="l2")
    assert (owned.owner, owned.rule) == ("teams/front-desk", "location")
    assert _owners().resolve(["own"], "contact", own="4").owner is None
    assert _owners(fallback=None).resolve(OWNER_RULES, "contact").owner is None


def test_owners_survive_json() -> None:
    owners = _owners()
    assert Owners.from_json(orjson.loads(orjson.dumps(owners.to_json()))) == owners
