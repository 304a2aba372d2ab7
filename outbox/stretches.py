"""Stretches of time whose attempts are counted once: which is to be counted next, and which tell of a time (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def floor(moment: datetime, span: timedelta) -> datetime:
    """The last multiple of the span since 1970, in UTC, that is not after the moment."""
    return _EPOCH + (moment - _EPOCH) // span * span


class Length(IntEnum):
    """How long a stretch is, in minutes; each begins where a multiple of it since 1970 does, in UTC."""

    SLOT = 5
    HOUR = 60
    DAY = 1440

    @property
    def span(self) -> timedelta:
        """The same as a duration."""
        return timedelta(minutes=self)

    def floor(self, moment: datetime) -> datetime:
        """Where the stretch begins that the moment lies in."""
        return floor(moment, self.span)


REST: Final = {Length.SLOT: timedelta(minutes=6), Length.HOUR: timedelta(hours=6), Length.DAY: timedelta(0)}
"""How long a stretch has been over when it is counted. Attempts are on record when they end: the longest may take five
minutes, and a lost one stands there only once somebody takes it over; so an hour is counted anew, for good."""
MOST_UNCOUNTED: Final = timedelta(minutes=30)
"""Of more than that nothing is read from the facts when somebody looks: whoever counts is behind, and pages say so."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `since` on, `until` not included."""

    since: datetime
    until: datetime

    @property
    def empty(self) -> bool:
        """Whether nothing lies in it."""
        return self.since >= self.until


@dataclass(frozen=True, slots=True)
class Marks:
    """Until when the stretches of each length are counted, and the time now."""

    slots: datetime
    hours: datetime
    days: datetime
    at: datetime

    @property
    def uncounted_since(self) -> datetime:
        """From when on attempts are read from the facts, for they aren't counted yet."""
        return max(self.slots, self.at - MOST_UNCOUNTED)

    @property
    def behind(self) -> datetime | None:
        """Until when counting came, where it is behind; None where it isn't."""
        if self.slots < self.at - MOST_UNCOUNTED:
            return min(self.slots, self.hours)
        late = REST[Length.HOUR] + Length.HOUR.span + MOST_UNCOUNTED
        return self.hours if self.hours < self.at - late else None


@dataclass(frozen=True, slots=True)
class Source:
    """Counted stretches of one length that tell of a part of the time asked for."""

    length: Length
    part: Stretch


def next_stretch(
    length: Length, *, counted: datetime, first: datetime | None, limit: datetime | None, now: datetime
) -> Stretch | None:
    """The next stretch to count, where one is due; an empty one that ends later where nothing is to count before.

    `first` is when something to count comes after `counted`, `limit` the end of what it is counted from.
    """
    end = length.floor(now - REST[length])
    if length is Length.SLOT:  # what is older is told by hours
        counted = max(counted, Length.HOUR.floor(now - REST[Length.HOUR]))
    if limit is not None:
        end = min(end, length.floor(limit))
    if end <= counted:
        return None
    since = end if first is None else max(counted, min(end, length.floor(first)))
    return Stretch(since, min(end, since + length.span))


def sources(marks: Marks, since: datetime, *, longest: Length) -> tuple[Source, ...]:
    """Which counted stretches tell of the time since then, each part of it told by the longest."""
    found: list[Source] = []
    ends: Sequence[tuple[Length, datetime]] = (
        (Length.DAY, marks.days),
        (Length.HOUR, marks.hours),
        (Length.SLOT, marks.slots),
    )
    for length, end in ends:
        if length <= longest and end > since:
            found.append(Source(length, Stretch(since, end)))
            since = end
    return tuple(found)
