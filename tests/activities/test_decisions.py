"""Reading the source anew proposes a map anew; what people decided stays."""

from activities.scope import with_decisions
from tests.mapping.samples import OBJECTS, a_map


def test_a_new_proposal_keeps_policy_and_match_rules() -> None:
    """Rules that were lost would bring people twice, and nobody would be told."""
    decided = {**OBJECTS["patient"], "match": [["firstname", "birthdate"]], "match_owner": "set"}
    current = a_map(controlled="redact", objects={**OBJECTS, "patient": decided})
    proposal = a_map(controlled=None, time_zone="UTC")

    kept = with_decisions(proposal, current)

    assert kept.controlled == "redact"
    assert kept.objects["patient"].match == [["firstname", "birthdate"]]
    assert kept.objects["patient"].match_owner == "set"
    assert kept.objects["location"].match == []
    assert kept.time_zone == "UTC"
