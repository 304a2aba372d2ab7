"""Latencies as histograms that add up: bin n is up to 2^(n/8) milliseconds (pure)."""

from collections.abc import Mapping, Sequence
from typing import Final

BINS_PER_DOUBLING: Final = 8
SHARES: Final = (0.5, 0.95, 0.99)


def upper(place: int) -> float:
    """The longest that a latency of this bin took, in milliseconds."""
    return float(2.0 ** (place / BINS_PER_DOUBLING))


def merged(histograms: Sequence[Mapping[int, int]]) -> dict[int, int]:
    """All of them as one."""
    together: dict[int, int] = {}
    for one in histograms:
        for place, count in one.items():
            together[place] = together.get(place, 0) + count
    return together


def percentiles(histogram: Mapping[int, int], shares: Sequence[float] = SHARES) -> tuple[float, ...] | None:
    """What these shares of the latencies did not exceed, in milliseconds, off by a bin at most; None of none.

    Within a bin its latencies are taken as evenly spread.
    """
    total = sum(histogram.values())
    if total == 0:
        return None
    return tuple(_percentile(histogram, share * total) for share in shares)


def _percentile(histogram: Mapping[int, int], rank: float) -> float:
    before = 0
    places = sorted(place for place, count in histogram.items() if count)
    for place in places:
        count = histogram[place]
        if before + count >= rank:
            low = upper(place - 1) if place > 0 else 0.0
            return low + (upper(place) - low) * (rank - before) / count
        before += count
    return upper(places[-1])
