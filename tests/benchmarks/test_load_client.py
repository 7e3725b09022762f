"""The client alone under limits, in made-up time: nine tenths of the ceiling at least, nothing lost or doubled."""

import pytest

from benchmarks.load.client import measure
from benchmarks.load.service import WINDOWS, Service


@pytest.mark.parametrize(("window", "users"), [(300, 1), (100, 2)])
def test_nine_tenths_of_what_long_windows_allow(window: float, users: int) -> None:
    one = measure(Service(window, users, service_ms=100))
    assert len(one.windows) >= WINDOWS
    assert one.share >= 0.9
    assert (one.failed, one.lost, one.doubled) == (0, 0, 0)


def test_short_windows_do_not_make_two_workers_lengthen_each_other_s_penalty_without_end() -> None:
    one = measure(Service(10))
    assert one.throttled < len(one.created) / 2
    assert one.share > 0.6
