"""What checks are made of: levels, findings, the ground that a check looks at."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from sqlalchemy import Connection

from outbox.duration import write_duration
from outbox.settings import Settings

LATE_SECONDS = 60.0
"""Work that has waited longer than this, though nothing stands in its way, is a warning."""
STUCK_SECONDS = 600.0
"""Longer than this, and it is a fault."""
MOST = 10_000
"""What waits is counted up to here: a doctor who counts millions is a burden himself."""
_STEP = 1024


class Level(StrEnum):
    """How bad it is: only a fault turns the exit code."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; `mend` is what to do about it."""

    level: Level
    name: str
    words: str
    mend: str | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """What checks look at, and the name under which this one speaks."""

    name: str
    connection: Connection
    settings: Settings

    def ok(self, words: str) -> Finding:
        """All is well."""
        return Finding(Level.OK, self.name, words)

    def warning(self, words: str, mend: str) -> Finding:
        """Somebody should look at it in daylight."""
        return Finding(Level.WARNING, self.name, words, mend)

    def fault(self, words: str, mend: str) -> Finding:
        """Somebody must act."""
        return Finding(Level.FAULT, self.name, words, mend)

    def late(self, age: float, words: str, mend: str) -> Finding:
        """A warning, or a fault when it is older than STUCK_SECONDS."""
        return Finding(Level.FAULT if age > STUCK_SECONDS else Level.WARNING, self.name, words, mend)


Check: TypeAlias = Callable[[Ground], list[Finding]]


def ago(seconds: float) -> str:
    """An age in words: to the second below an hour, to the minute below a day, then to the hour."""
    step = next(step for least, step in ((86_400, 3_600), (3_600, 60), (-math.inf, 1)) if seconds >= least)
    return write_duration(max(1, round(seconds / step) * step))


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number and what it counts: `1 delivery`, `2 deliveries`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def at_least(count: int, one: str, many: str | None = None) -> str:
    """The same of what is counted up to MOST."""
    return ("more than " if count > MOST else "") + counted(min(count, MOST), one, many)


def sized(count: float) -> str:
    """Bytes as people read them: `3.2 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < _STEP:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= _STEP
    return f"{count:.1f} TiB"
