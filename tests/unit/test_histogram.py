"""Percentiles of histograms that were added up."""

from math import ceil, log2

from hypothesis import given
from hypothesis import strategies as st

from outbox.insight.histogram import merged, percentiles, upper

LATENCIES = st.lists(st.floats(0.01, 5e9), min_size=1, max_size=60)


def place(latency: float) -> int:
    """The bin of a latency, as the database has it."""
    return 0 if latency <= 1 else ceil(8 * log2(latency))


def of(latencies: list[float]) -> dict[int, int]:
    """Their histogram."""
    return merged([{place(one): 1} for one in latencies])


@given(LATENCIES)
def test_a_percentile_is_off_by_a_bin_at_most(latencies: list[float]) -> None:
    """It lies in the bin of a latency that as many do not exceed."""
    found = percentiles(of(latencies), (0.5, 0.95, 0.99))
    ordered = sorted(latencies)

    assert found is not None
    for share, value in zip((0.5, 0.95, 0.99), found, strict=True):
        exact = ordered[ceil(share * len(ordered)) - 1]
        low = upper(place(exact) - 1) if place(exact) else 0.0
        assert low <= value <= upper(place(exact)) * 1.000_001


@given(LATENCIES, LATENCIES)
def test_histograms_add_up(one: list[float], other: list[float]) -> None:
    """Percentiles of both together are those of all latencies."""
    assert percentiles(merged([of(one), of(other)])) == percentiles(of(one + other))


def test_no_latency_has_no_percentile() -> None:
    """Nothing is not zero."""
    assert percentiles({}) is None
    assert percentiles({7: 0}) is None


@given(LATENCIES)
def test_percentiles_rise(latencies: list[float]) -> None:
    """p99 is never below p50."""
    found = percentiles(of(latencies))

    assert found is not None
    assert list(found) == sorted(found)
