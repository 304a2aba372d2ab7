"""Axes, bars and curves of the dashboard."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.insight.axis import DURATIONS, count_ticks, duration_ticks, logarithmic, spoken, time_ticks
from outbox.insight.chart import HEIGHT, LEFT, WIDTH, bars, curves

STARTS = tuple(datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=place) for place in range(24))


@given(st.floats(0, 1e12))
def test_count_ticks_are_few_round_and_hold_the_most(most: float) -> None:
    """From 0, evenly apart, the last not below what is to be shown, nor far above it."""
    ticks = count_ticks(most)

    assert ticks[0] == 0
    assert ticks[-1] >= most
    assert 2 <= len(ticks) <= 5
    assert {later - earlier for earlier, later in pairwise(ticks)} == {ticks[1]}
    assert str(ticks[1]).rstrip("0") in {"1", "2", "5"}
    assert ticks[-2] < most or most == 0


@given(st.floats(0.001, 5e9), st.floats(0.001, 5e9))
def test_duration_ticks_frame_what_is_shown(one: float, other: float) -> None:
    """Where the axis has room for it at all; and a longer one stands higher."""
    low, high = min(one, other), max(one, other)
    ticks = duration_ticks(low, high)

    assert len(ticks) >= 2
    assert ticks[0][0] <= max(low, DURATIONS[0][0])
    assert ticks[-1][0] >= min(high, DURATIONS[-1][0])
    assert 0 <= logarithmic(low, ticks) <= logarithmic(high, ticks) <= 1


@given(st.integers(1, 200))
def test_time_ticks_are_few_and_end_with_the_present(count: int) -> None:
    """At most six labels."""
    places = time_ticks([STARTS[0]] * count)

    assert len(places) <= 6
    assert places[-1] == count - 1


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [(0.4, "0.4 ms"), (12.3, "12 ms"), (999, "999 ms"), (1_500, "1.5 s"), (90_000, "1.5 min"), (3 * 86_400_000, "3 d")],
)
def test_durations_are_spoken(milliseconds: float, words: str) -> None:
    """In the unit that people would take."""
    assert spoken(milliseconds) == words


@given(st.dictionaries(st.sampled_from(STARTS), st.tuples(st.integers(0, 10**9), st.integers(0, 10**9))))
def test_bars_stay_within_the_chart_and_stand_on_each_other(counts: dict[datetime, tuple[int, int]]) -> None:
    """A bar for each count that is not zero; what failed stands on what was delivered."""
    found = bars(STARTS, counts, form="%H:%M")

    assert len(found.lower) == sum(low > 0 for low, _ in counts.values())
    assert len(found.upper) == sum(high > 0 for _, high in counts.values())
    assert found.values == tuple(counts.get(start, (0, 0)) for start in STARTS)
    for bar in (*found.lower, *found.upper):
        assert LEFT <= bar.x <= bar.x + bar.width <= WIDTH
        assert 0 <= bar.y <= bar.y + bar.height <= HEIGHT


def test_a_curve_is_cut_where_nothing_was_delivered() -> None:
    """A value that stands alone is a dot; the table has a hole too."""
    histograms = {STARTS[place]: {40: 3} for place in (1, 2, 5)}

    found = curves(STARTS, histograms, form="%H:%M")

    p50 = found.curves[0]
    assert [len(piece.split()) for piece in p50.pieces] == [2]
    assert len(p50.dots) == 1
    assert [value is not None for value in found.values] == [place in (1, 2, 5) for place in range(24)]
    assert not found.empty
    assert curves(STARTS, {}, form="%H:%M").empty
