"""Axes of curves: round steps for counts, steps that people say for durations and times (pure)."""

from collections.abc import Sequence
from datetime import datetime
from math import log10
from typing import Final

STEPS: Final = (1, 2, 5)
DURATIONS: Final = (
    (1.0, "1 ms"),
    (10.0, "10 ms"),
    (100.0, "100 ms"),
    (1_000.0, "1 s"),
    (10_000.0, "10 s"),
    (60_000.0, "1 min"),
    (600_000.0, "10 min"),
    (3_600_000.0, "1 h"),
    (36_000_000.0, "10 h"),
    (345_600_000.0, "4 d"),
    (3_456_000_000.0, "40 d"),
)


def count_ticks(most: float, *, at_most: int = 5) -> tuple[int, ...]:
    """From 0 in equal round steps to the first that is not below `most`; never fewer than 0 and 1."""
    magnitude = 1
    while True:
        for step in STEPS:
            size = step * magnitude
            steps = max(1, -(-int(-(-most // 1)) // size))
            if steps < at_most:
                return tuple(size * place for place in range(steps + 1))
        magnitude *= 10


def duration_ticks(least: float, most: float) -> tuple[tuple[float, str], ...]:
    """The durations in milliseconds, with their words, that frame these; a logarithmic axis goes from first to last."""
    low = max((place for place, (at, _) in enumerate(DURATIONS) if at <= least), default=0)
    high = min((place for place, (at, _) in enumerate(DURATIONS) if at >= most), default=len(DURATIONS) - 1)
    return DURATIONS[low : max(high, low + 1) + 1] if low + 1 < len(DURATIONS) else DURATIONS[-2:]


def logarithmic(value: float, ticks: Sequence[tuple[float, str]]) -> float:
    """Where a duration lies between the first tick (0) and the last (1)."""
    low, high = log10(ticks[0][0]), log10(ticks[-1][0])
    return min(1.0, max(0.0, (log10(max(value, 1e-9)) - low) / (high - low)))


def time_ticks(starts: Sequence[datetime], *, at_most: int = 6) -> tuple[int, ...]:
    """The places of the steps that are labelled: evenly apart, the present one among them."""
    apart = max(1, -(-len(starts) // at_most))
    return tuple(sorted(range(len(starts) - 1, -1, -apart)))


def spoken(value: float) -> str:
    """A duration in milliseconds as people say it, two or three digits of it."""
    for size, unit in ((86_400_000.0, "d"), (3_600_000.0, "h"), (60_000.0, "min"), (1_000.0, "s")):
        if value >= size:
            number = value / size
            return f"{number:.0f} {unit}" if number >= 100 else f"{number:.2g} {unit}"  # noqa: PLR2004 (three digits)
    return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"  # noqa: PLR2004 (two digits)
