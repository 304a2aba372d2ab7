"""When to look for passed deadlines, from where on, and how many at once, decided."""

from dataclasses import dataclass
from datetime import datetime, timedelta

MARGIN = timedelta(hours=1)
"""What a scan looks at again: a transaction may commit a deadline that passed while it was open."""
IDLE = 4
"""A scan is followed by at least so many times as long without one."""
SHORTEST = timedelta(milliseconds=50)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the scan has come, and the database's time."""

    since: datetime
    scanned_to: datetime | None
    swept_at: datetime | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Window:
    """The deadlines of one scan: later than `after`, not later than `until`; `sweep`: all there are after `since`."""

    after: datetime
    until: datetime
    sweep: bool = False


def window(progress: Progress, *, sweep_hours: float) -> Window:
    """What the next scan looks at: what passed since the last one; once in so many hours everything after `since`.

    Then those deadlines are found that were moved back beyond the margin, or whose contract was opened again.
    """
    swept = progress.swept_at
    if progress.scanned_to is None or swept is None or progress.at - swept >= timedelta(hours=sweep_hours):
        return Window(progress.since, progress.at, sweep=True)
    return Window(max(progress.since, progress.scanned_to - MARGIN), progress.at)


def next_look(now: datetime, nearest: datetime | None, *, took: float, every: float) -> datetime:
    """When to look next: at the nearest deadline that is known, and within `every` seconds.

    But not so soon that scans do nothing else: after a look that `took` long the database is left in peace for longer,
    beyond `every` too.
    """
    latest = now + timedelta(seconds=every)
    rest = max(SHORTEST, timedelta(seconds=IDLE * took))
    return max(now + rest, latest if nearest is None else min(nearest, latest))


def lateness(now: datetime, looked_at: datetime, *, took: float, every: float) -> float:
    """For how many seconds a scan should have ended, after one that ended then; below 0 where there is time yet."""
    return (now - looked_at).total_seconds() - max(every, IDLE * took) - took


def fewer(most: int) -> int:
    """How many to try where so many failed; one is the least, and then it is known which one fails."""
    return max(1, most // 2)


def more(most: int, *, batch: int) -> int:
    """How many to try where so many were raised."""
    return min(batch, most * 2)
