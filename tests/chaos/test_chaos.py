"""The short form: a few seeds, chosen so that every way to end and every kind of kill is there."""

import pytest

from tests.chaos.plan import Plan, make_plan
from tests.chaos.run import Chaos
from tests.chaos.stage import Stage

SEEDS = (3, 10)


@pytest.mark.parametrize("seed", SEEDS)
def test_it_ends_as_in_quiet(made: Stage, seed: int) -> None:
    plan = make_plan(seed, patient=False)
    seen = Chaos(made, plan).go()
    assert seen.findings == []
    assert seen.strikes.total() or seen.faults.total()


def test_a_seed_makes_one_plan() -> None:
    plans: list[Plan] = [make_plan(seed) for seed in range(40)]
    assert plans == [make_plan(seed) for seed in range(40)]
    assert {one.end for one in plans} == {"all", "last", "cut run", "cut delta"}
    struck = {strike.what for one in plans for some in one.strikes.values() for strike in some}
    assert {"host", "workers", "replay"} <= struck
