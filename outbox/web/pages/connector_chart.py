"""The bars of a connector's course: how high each part's attempts stand, in the chart's own units (pure)."""

from dataclasses import dataclass
from typing import Final

from outbox.insight.connector_page import Course, Part

WIDTH: Final = 720
HEIGHT: Final = 120
GAP: Final = 2


@dataclass(frozen=True, slots=True)
class Bar:
    """One part of the stretch: answered below, failed on top of it."""

    part: Part
    x: float
    width: float
    ok_y: float
    ok_height: float
    failed_y: float
    failed_height: float


def bars(course: Course) -> tuple[Bar, ...]:
    """A bar for each part, the highest as high as the chart; a failure is never too small to be seen."""
    most = max((part.attempts for part in course.parts), default=0)
    if not most:
        return ()
    step = WIDTH / len(course.parts)
    return tuple(_bar(part, n * step, step - GAP, most) for n, part in enumerate(course.parts))


def _bar(part: Part, x: float, width: float, most: int) -> Bar:
    failed = max(HEIGHT * part.failed / most, 2.0) if part.failed else 0.0
    ok = min(HEIGHT * part.ok / most, HEIGHT - failed)
    top = HEIGHT - ok
    return Bar(
        part, round(x, 1), round(width, 1), round(top, 1), round(ok, 1), round(top - failed, 1), round(failed, 1)
    )
