"""The grid: connectors by business unit and time; a square tells what became of what was routed then (pure)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from outbox.model import ALL_BUSINESS_UNITS
from outbox.stretches import Length


class Shade(StrEnum):
    """What a square tells at a look."""

    NONE = "none"
    DELIVERED = "delivered"
    RETRIED = "retried"
    WAITING = "waiting"
    SOME_FAILED = "some-failed"
    ALL_FAILED = "all-failed"
    CANCELLED = "cancelled"


SHADE_WORDS: Final[Mapping[Shade, str]] = {
    Shade.NONE: "nothing to report",
    Shade.DELIVERED: "all delivered at once",
    Shade.RETRIED: "all delivered, some after a retry",
    Shade.WAITING: "some wait for their first try",
    Shade.SOME_FAILED: "some failed: dead, or still being retried",
    Shade.ALL_FAILED: "none delivered, some failed",
    Shade.CANCELLED: "cancelled",
}


@dataclass(frozen=True, slots=True)
class Tally:
    """Deliveries by what became of them; `retried` are of the delivered, `failing` of the waiting."""

    delivered: int = 0
    retried: int = 0
    dead: int = 0
    cancelled: int = 0
    waiting: int = 0
    failing: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.delivered + other.delivered,
            self.retried + other.retried,
            self.dead + other.dead,
            self.cancelled + other.cancelled,
            self.waiting + other.waiting,
            self.failing + other.failing,
        )

    @property
    def shade(self) -> Shade:
        """The worst of it."""
        if self.dead > 0 or self.failing > 0:
            return Shade.SOME_FAILED if self.delivered > 0 else Shade.ALL_FAILED
        if self.waiting > 0:
            return Shade.WAITING
        if self.delivered > 0:
            return Shade.RETRIED if self.retried > 0 else Shade.DELIVERED
        return Shade.CANCELLED if self.cancelled > 0 else Shade.NONE

    @property
    def words(self) -> str:
        """The counts in words."""
        told = [f"{self.delivered:,} delivered" + (f" ({self.retried:,} after a retry)" if self.retried > 0 else "")]
        told = told if self.delivered > 0 else []
        told += [f"{self.dead:,} dead"] if self.dead > 0 else []
        told += [f"{self.failing:,} being retried"] if self.failing > 0 else []
        told += [f"{self.waiting - self.failing:,} waiting"] if self.waiting > self.failing else []
        told += [f"{self.cancelled:,} cancelled"] if self.cancelled > 0 else []
        return ", ".join(told) or "nothing to report"


EMPTY: Final = Tally()
TROUBLED: Final = frozenset({Shade.SOME_FAILED, Shade.ALL_FAILED})


@dataclass(frozen=True, slots=True)
class Line:
    """A connector as the grid needs it."""

    connector_id: int
    name: str
    state: str
    business_units: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """Whose deliveries a tally is of, and when they were routed."""

    connector_id: int
    business_unit: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Square:
    """The deliveries of one connector and business unit that were routed in one hour, or day."""

    since: datetime
    until: datetime
    tally: Tally


@dataclass(frozen=True, slots=True)
class Row:
    """One connector within a business unit; the unit is None where nothing tells one."""

    business_unit: str | None
    line: Line
    squares: tuple[Square, ...]

    @property
    def total(self) -> Tally:
        """All its squares together."""
        return sum((square.tally for square in self.squares), EMPTY)

    @property
    def troubled(self) -> bool:
        """Whether something failed in it, or keeps its connector from sending."""
        return self.line.state != "enabled" or any(square.tally.shade in TROUBLED for square in self.squares)

    @property
    def key(self) -> str:
        """Its place among the rows, for going on after it."""
        return f"{self.line.connector_id}/{self.business_unit or ''}"


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which rows are asked for; each that is not None must hold."""

    name: str | None = None
    business_unit: str | None = None
    state: str | None = None

    def keeps(self, row: Row) -> bool:
        """Whether the row is one."""
        if self.name is not None and self.name.casefold() not in row.line.name.casefold():
            return False
        if self.business_unit is not None and row.business_unit != self.business_unit:
            return False
        if self.state is None:
            return True
        return row.troubled if self.state == "trouble" else row.line.state == self.state


def columns(now: datetime, length: Length, count: int) -> tuple[datetime, ...]:
    """Where the last so many hours or days begin, oldest first; the present one is the last."""
    last = length.floor(now)
    return tuple(last - length.span * place for place in reversed(range(count)))


def rows(
    lines: Iterable[Line],
    tallies: Mapping[Key, Tally],
    starts: Sequence[datetime],
    length: Length,
    *,
    names: Mapping[str, str],
    within: Collection[str] | None,
) -> list[Row]:
    """A row for each connector in each of its business units that is seen, by the unit's name and its own.

    A connector's units are those that it is for, and those that it delivered of: it may have been for others once.
    """
    met: dict[int, set[str]] = defaultdict(set)
    for key in tallies:
        met[key.connector_id].add(key.business_unit)
    found = [
        Row(unit, line, _squares(line.connector_id, unit or "", tallies, starts, length))
        for line in lines
        for unit in _units(line, met[line.connector_id], within)
    ]
    return sorted(found, key=lambda row: (*_place(row.business_unit, names), row.line.name.casefold(), row.line.name))


def _units(line: Line, met: set[str], within: Collection[str] | None) -> list[str | None]:
    own = {unit for unit in line.business_units if unit != ALL_BUSINESS_UNITS} | met
    seen = own if within is None else own & set(within)
    return [*seen] or [None]


def _place(unit: str | None, names: Mapping[str, str]) -> tuple[bool, str, str]:
    """Units by name; what belongs to none at the end."""
    return (not unit, names.get(unit or "", unit or "").casefold(), unit or "")


def _squares(
    connector_id: int, unit: str, tallies: Mapping[Key, Tally], starts: Sequence[datetime], length: Length
) -> tuple[Square, ...]:
    return tuple(
        Square(start, start + length.span, tallies.get(Key(connector_id, unit, start), EMPTY)) for start in starts
    )


def with_waiting(
    settled: Mapping[Key, Tally], waiting: Iterable[tuple[Key, Tally]], starts: Sequence[datetime], length: Length
) -> dict[Key, Tally]:
    """What was settled and what waits, together; what waits is told by the hour, and may be older than the grid."""
    together = dict(settled)
    for key, tally in waiting:
        if key.at >= starts[0]:
            place = Key(key.connector_id, key.business_unit, length.floor(key.at))
            together[place] = together.get(place, EMPTY) + tally
    return together
