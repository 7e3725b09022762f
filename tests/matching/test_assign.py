"""The assignment is the cheapest one, and sharing a column has its price."""

from itertools import permutations
from random import Random

import pytest

from mapping.matching.assign import assign, cheapest


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_cheaper(seed: int) -> None:
    random = Random(seed)
    rows, columns = random.randint(1, 5), random.randint(5, 7)
    costs = [[random.randint(0, 20) / 2 for _ in range(columns)] for _ in range(rows)]
    chosen = cheapest(costs)
    assert len(set(chosen)) == rows
    least = min(sum(costs[row][column] for row, column in enumerate(one)) for one in permutations(range(columns), rows))
    assert sum(costs[row][column] for row, column in enumerate(chosen)) == pytest.approx(least)


def test_the_whole_is_solved_and_not_field_by_field() -> None:
    """The first field gives way, since the second has nowhere else to go."""
    scores = [{"a": 2.0, "b": 1.8, "none": 0.0}, {"a": 2.0, "none": -3.0}]
    assert assign(scores, lambda _: 5.0, nowhere="none") == ["b", "a"]


def test_a_column_is_shared_when_that_is_worth_its_price() -> None:
    scores = [{"notes": 3.0, "none": 0.0}] * 3
    assert assign(scores, lambda _: 0.1, nowhere="none") == ["notes"] * 3
    assert sorted(assign(scores, lambda _: 9.0, nowhere="none")) == ["none", "none", "notes"]


def test_no_fields() -> None:
    assert assign([], lambda _: 1.0, nowhere="none") == []
