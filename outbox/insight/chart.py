"""Charts as coordinates: bars of volume and lines of percentiles, for a template to write as SVG (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from outbox.insight import axis, histogram

WIDTH, HEIGHT = 480, 200
LEFT, RIGHT, TOP, BOTTOM = 64, 20, 10, 24
GAP = 0.2
"""Of a bar's room, left free."""

CENTRES: Final = ("p50", "p95", "p99")


@dataclass(frozen=True, slots=True)
class Tick:
    """A label at a place of an axis."""

    at: float
    words: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar and what it counts; nothing of it where it counts nothing."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Curve:
    """One line; where there is no value it is cut, and a value that stands alone is a dot."""

    name: str
    pieces: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """Two counts for each step of time, the second on top of the first."""

    starts: tuple[datetime, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lower: tuple[Bar, ...]
    upper: tuple[Bar, ...]
    values: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Curves:
    """Percentiles for each step of time, on a logarithmic axis."""

    starts: tuple[datetime, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    curves: tuple[Curve, ...]
    values: tuple[tuple[float, ...] | None, ...]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return all(one is None for one in self.values)


def bars(starts: Sequence[datetime], counts: Mapping[datetime, tuple[int, int]], *, form: str) -> Bars:
    """The counts of each step; `form` writes the times."""
    values = tuple(counts.get(start, (0, 0)) for start in starts)
    ticks = axis.count_ticks(max((low + high for low, high in values), default=0))
    room = (WIDTH - LEFT - RIGHT) / max(1, len(starts))

    def bar(place: int, low: int, high: int) -> Bar:
        top, bottom = _y(high / ticks[-1]), _y(low / ticks[-1])
        return Bar(round(LEFT + room * (place + GAP / 2), 1), top, round(room * (1 - GAP), 1), round(bottom - top, 1))

    return Bars(
        tuple(starts),
        _x_ticks(starts, form),
        tuple(Tick(_y(tick / ticks[-1]), f"{tick:,}") for tick in ticks),
        tuple(bar(place, 0, low) for place, (low, _) in enumerate(values) if low),
        tuple(bar(place, low, low + high) for place, (low, high) in enumerate(values) if high),
        values,
    )


def curves(starts: Sequence[datetime], histograms: Mapping[datetime, Mapping[int, int]], *, form: str) -> Curves:
    """p50, p95 and p99 of each step."""
    values = tuple(histogram.percentiles(histograms.get(start, {})) for start in starts)
    told = [one for value in values if value is not None for one in value]
    ticks = axis.duration_ticks(min(told, default=1.0), max(told, default=10.0))
    return Curves(
        tuple(starts),
        _x_ticks(starts, form),
        tuple(Tick(_y(axis.logarithmic(at, ticks)), words) for at, words in ticks),
        tuple(
            _curve(name, [None if one is None else _y(axis.logarithmic(one[place], ticks)) for one in values])
            for place, name in enumerate(CENTRES)
        ),
        values,
    )


def _curve(name: str, heights: Sequence[float | None]) -> Curve:
    pieces: list[list[tuple[float, float]]] = [[]]
    for place, y in enumerate(heights):
        if y is None:
            pieces.append([])
        else:
            pieces[-1].append((_x(place, len(heights)), y))
    return Curve(
        name,
        tuple(" ".join(f"{x:g},{y:g}" for x, y in piece) for piece in pieces if len(piece) > 1),
        tuple(piece[0] for piece in pieces if len(piece) == 1),
    )


def _x_ticks(starts: Sequence[datetime], form: str) -> tuple[Tick, ...]:
    return tuple(Tick(_x(place, len(starts)), starts[place].strftime(form)) for place in axis.time_ticks(starts))


def _x(place: int, count: int) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * (place + 0.5) / max(1, count), 1)


def _y(share: float) -> float:
    return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - share), 1)
