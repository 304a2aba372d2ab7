"""Counts what attempts came to, each stretch of time once over all workers: what the dashboard reads."""

import time

from sqlalchemy import Engine

from outbox import worker
from outbox.resources import query
from outbox.stretches import Length, next_stretch

LONGEST_SECONDS = 40.0
"""After so long the rest waits for the next turn: after weeks of downtime there are hundreds of hours to count."""


def count_figures(engine: Engine, *, chore: str, seconds: float) -> int:
    """Counts every stretch that is due, where it is this worker's turn; returns how many. The present comes first."""
    with engine.begin() as connection:
        if not worker.tick(connection, chore, seconds=seconds):
            return 0
    deadline = time.monotonic() + LONGEST_SECONDS
    counted = 0
    for length in (Length.SLOT, Length.HOUR, Length.DAY):
        while time.monotonic() < deadline and _count_next(engine, length):
            counted += 1
    with engine.begin() as connection:
        connection.execute(query("figures_forget"))
    return counted


def _count_next(engine: Engine, length: Length) -> bool:
    """Counts the next stretch of that length; whether there was one."""
    with engine.begin() as connection:
        connection.execute(query("backfill_custom_plans"))
        row = connection.execute(query("figures_due"), {"minutes": int(length)}).one()
        stretch = next_stretch(length, counted=row.counted, first=row.next, limit=row.until, now=row.now)
        if stretch is None:
            return False
        if not stretch.empty:
            statement = query("figures_count_day" if length is Length.DAY else "figures_count")
            connection.execute(statement, {"minutes": int(length), "since": stretch.since, "until": stretch.until})
        connection.execute(query("figures_until"), {"minutes": int(length), "until": stretch.until})
    return True
