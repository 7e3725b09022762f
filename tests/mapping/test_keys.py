"""Identity: keys that can be addressed, that never meet, and ids that follow from them."""

import re
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from mapping.keys import MAX_KEY, party_key, row_id, source_key

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


def test_plain_ids_stay_readable() -> None:
    assert source_key("demo", "patient", "35278fa7-6baa") == "demo.patient.35278fa7-6baa"
    assert party_key("demo", "12") == "demo.party.12"


def test_what_cannot_be_addressed_is_escaped_by_its_bytes() -> None:
    assert source_key("demo", "patient", "a/b") == "demo.patient.a_2Fb"
    assert source_key("demo", "patient", "a_b") == "demo.patient.a_5Fb"
    assert source_key("demo", "patient", "é") == "demo.patient._C3_A9"


def test_the_name_of_an_object_stays_readable() -> None:
    assert source_key("demo", "encounter_note", "1") == "demo.encounter-note.1"


def test_a_long_key_is_hashed_whole() -> None:
    key = source_key("demo", "patient", "x" * (MAX_KEY + 1))
    assert re.fullmatch(r"[0-9a-f]{64}", key)
    assert key != source_key("demo", "patient", "x" * (MAX_KEY + 2))
    fits = "x" * (MAX_KEY - len("demo.patient."))
    assert source_key("demo", "patient", fits).endswith(fits)


@given(TEXTS, TEXTS)
def test_keys_are_safe_and_two_ids_never_share_one(first: str, second: str) -> None:
    one, other = source_key("demo", "patient", first), source_key("demo", "patient", second)
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,400}", one)
    assert (one == other) == (first == second)


def test_row_ids_follow_from_key_and_generation() -> None:
    first = row_id("demo.patient.1", 0)
    assert UUID(first).version == 5
    assert first == row_id("demo.patient.1", 0)
    assert len({first, row_id("demo.patient.1", 1), row_id("demo.patient.2", 0)}) == 3
