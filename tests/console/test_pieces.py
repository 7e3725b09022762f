"""Small parts of the console: when the timer's next turn is, charts, masks, the copy of htmx."""

from datetime import UTC, datetime

import pytest

from console import charts, schedule
from console.render import band, environment, lasting, size
from reports.masking import mask
from tests.e2e.system import ROOT

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pattern", "turn"),
    [
        ("0 0 2 * * *", datetime(2026, 11, 24, 2, 0, 0, tzinfo=UTC)),
        ("0 */30 * * * *", datetime(2026, 11, 23, 12, 30, 0, tzinfo=UTC)),
        ("15 0 12 * * *", datetime(2026, 11, 23, 12, 0, 15, tzinfo=UTC)),
        ("* * * * * *", datetime(2026, 11, 23, 12, 0, 1, tzinfo=UTC)),
        ("0 0 2 * * 1-5", None),
        ("0 99 2 * * *", None),
        ("0 */0 2 * * *", None),
        ("", None),
    ],
)
def test_the_next_turn_of_the_timer(pattern: str, turn: datetime | None) -> None:
    assert schedule.following(pattern, NOON) == turn


def test_a_bar_of_nothing_is_full_and_one_of_an_unknown_whole_says_so() -> None:
    assert 'width="400' in charts.bar(0, 0).split("track")[1].split("fill")[1]
    assert "unknown" in charts.bar(3, None)
    assert 'width="100.0"' in charts.bar(1, 4)


def test_a_sliver_of_a_chart_is_still_seen() -> None:
    assert 'width="2.0"' in charts.stack([("c1", 1), ("c2", 100_000)])
    assert "fill c3" not in charts.stack([("c1", 1), ("c3", 0)])


def test_what_goes_into_a_chart_is_escaped() -> None:
    assert "<script>" not in charts.stack([("<script>", 1)])


@pytest.mark.parametrize(
    ("value", "masked"),
    [("Zoë 12", "xxx 00"), (None, ""), (["a", "b"], "x, x"), ("x" * 100, "x" * 60), (3.5, "0.0")],
)
def test_masks_keep_the_shape_only(value: object, masked: str) -> None:
    assert mask(value) == masked


def test_figures_read_well() -> None:
    assert [size(n) for n in (0, 999, 1500, 25_000_000)] == ["0 B", "999 B", "1.5 KB", "25 MB"]
    assert [lasting(n) for n in (None, 12.4, 100, 7200)] == ["", "12 s", "2 min", "2.0 h"]


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (None, ""),
        ((50, 80), "50 to 80 s"),
        ((50, 720), "50 s to 12 min"),
        ((720, 1080), "12 to 18 min"),
        ((720, 730), "12 min"),
        ((5300, 9000), "88 min to 2.5 h"),
    ],
)
def test_the_time_left_is_a_span(left: tuple[float, float] | None, words: str) -> None:
    assert band(left) == words


def test_the_copy_of_htmx_is_npms() -> None:
    theirs = ROOT / "node_modules" / "htmx.org" / "dist" / "htmx.min.js"
    if not theirs.exists():
        pytest.skip("htmx is not installed: run `make setup`")
    assert (ROOT / "console" / "static" / "htmx.min.js").read_bytes() == theirs.read_bytes()


def test_a_text_that_would_fill_the_page_is_folded_and_whole() -> None:
    template = environment().from_string(
        '{% from "macros.html" import rows with context %}{{ rows(records, "Findings") }}'
    )
    long = "The target blocks files of type " + ", ".join(f"x{number}" for number in range(97)) + "."
    html = template.render(records=[{"What": long}, {"What": "short"}])
    assert html.count("<details>") == 1
    assert f"</summary>{long}</details>" in html
    assert "<td>short</td>" in html
