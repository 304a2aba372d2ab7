"""Figures of attempts and deliveries over time: of stretches that are counted, and of what isn't counted yet.

What is counted stays as it is, so it may be kept for long by its marks; what isn't is read once for all that show it.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from outbox.access import Within
from outbox.insight.grid import EMPTY, Key, Tally
from outbox.insight.histogram import merged
from outbox.resources import query
from outbox.stretches import Length, Marks, floor, sources

RATE_SPAN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Volume:
    """What attempts came to that began in a stretch; its length is that of what was counted."""

    since: datetime
    attempts: int
    ok: int
    delivered: int
    dead: int


@dataclass(frozen=True, slots=True)
class Volumes:
    """Volumes, oldest first, and until when they were counted."""

    marks: Marks
    parts: tuple[Volume, ...]

    def over(self, span: timedelta) -> Volume:
        """All of the last so long; the first stretch may reach a little beyond."""
        since = Length.SLOT.floor(self.marks.at - span)
        parts = [one for one in self.parts if one.since >= since]
        return Volume(
            since,
            sum(one.attempts for one in parts),
            sum(one.ok for one in parts),
            sum(one.delivered for one in parts),
            sum(one.dead for one in parts),
        )

    @property
    def rate(self) -> float:
        """Delivered in a minute, of late."""
        part = self.over(RATE_SPAN)
        return part.delivered / max(1.0, (self.marks.at - part.since).total_seconds() / 60)


@dataclass(frozen=True, slots=True)
class Latencies:
    """Histograms of what deliveries and answers took, by when they began."""

    delivery: Mapping[datetime, Mapping[int, int]]
    answer: Mapping[datetime, Mapping[int, int]]


@dataclass(frozen=True, slots=True)
class Part:
    """What the attempts of five minutes came to, of one connector, business unit and hour of routing."""

    volume: Volume
    key: Key
    tally: Tally
    delivery: Mapping[int, int]
    answer: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Uncounted:
    """What isn't counted yet, and until when the rest is."""

    marks: Marks
    parts: tuple[Part, ...]


def read_uncounted(connection: Connection, *, within: Within) -> Uncounted:
    """The attempts since the last stretch that is counted, from the facts."""
    row = connection.execute(query("figures_marks")).one()
    marks = Marks(slots=row.slots, hours=row.hours, days=row.days, at=row.now.astimezone(UTC))
    values = {"since": marks.uncounted_since, "within": _limit(within)}
    return Uncounted(marks, tuple(_part(one) for one in connection.execute(query("figures_uncounted"), values)))


def read_outcomes(
    connection: Connection, *, marks: Marks, since: datetime, column: Length, within: Within
) -> dict[Key, Tally]:
    """What became of the deliveries that were routed since then, by the hour or day, as far as it is counted."""
    values = {**_asked(marks, since, longest=column, within=within), "since": since, "column": column.name.lower()}
    return {
        Key(row.connector_id, row.business_unit, row.at): Tally(
            int(row.delivered), int(row.retried), int(row.dead), int(row.cancelled)
        )
        for row in connection.execute(query("figures_outcomes"), values)
    }


def read_volumes(
    connection: Connection, *, marks: Marks, since: datetime, longest: Length, within: Within
) -> tuple[Volume, ...]:
    """What the attempts since then came to, by the stretches that are counted, of at most that length."""
    values = _asked(marks, since, longest=longest, within=within)
    return tuple(
        Volume(row.since, int(row.attempts), int(row.ok), int(row.delivered), int(row.dead))
        for row in connection.execute(query("figures_volume"), values)
    )


def read_latencies(
    connection: Connection, *, marks: Marks, since: datetime, step: timedelta, longest: Length, within: Within
) -> Latencies:
    """How long deliveries and answers took since then, by steps of the time, as far as it is counted."""
    values = {**_asked(marks, since, longest=longest, within=within), "minutes": round(step.total_seconds() / 60)}
    found: dict[str, dict[datetime, dict[int, int]]] = {"delivery": defaultdict(dict), "answer": defaultdict(dict)}
    for row in connection.execute(query("figures_latency"), values):
        found[row.what][row.at][row.bin] = int(row.latencies)
    return Latencies(found["delivery"], found["answer"])


def all_outcomes(
    counted: Mapping[Key, Tally], uncounted: Uncounted, *, since: datetime, column: Length
) -> dict[Key, Tally]:
    """With what isn't counted yet."""
    together = dict(counted)
    for part in uncounted.parts:
        key = Key(part.key.connector_id, part.key.business_unit, column.floor(part.key.at))
        if key.at >= since and part.tally != EMPTY:
            together[key] = together.get(key, EMPTY) + part.tally
    return together


def all_volumes(counted: tuple[Volume, ...], uncounted: Uncounted) -> Volumes:
    """With what isn't counted yet."""
    return Volumes(uncounted.marks, (*counted, *(part.volume for part in uncounted.parts)))


def all_latencies(counted: Latencies, uncounted: Uncounted, *, step: timedelta) -> Latencies:
    """With what isn't counted yet."""

    def together(
        kept: Mapping[datetime, Mapping[int, int]], of: Callable[[Part], Mapping[int, int]]
    ) -> dict[datetime, Mapping[int, int]]:
        found = dict(kept)
        for part in uncounted.parts:
            at = floor(part.volume.since, step)
            found[at] = merged([found.get(at, {}), of(part)])
        return found

    return Latencies(
        together(counted.delivery, lambda part: part.delivery), together(counted.answer, lambda part: part.answer)
    )


def _part(row: Row[Any]) -> Part:
    return Part(
        Volume(row.began, row.attempts, row.ok, row.delivered, row.dead),
        Key(row.connector_id, row.business_unit, row.routed),
        Tally(row.delivered, row.retried, row.dead, row.cancelled),
        dict(zip(row.delivery_bins, row.delivery_counts, strict=True)),
        dict(zip(row.answer_bins, row.answer_counts, strict=True)),
    )


def _asked(marks: Marks, since: datetime, *, longest: Length, within: Within) -> dict[str, object]:
    counted = sources(marks, since, longest=longest)
    return {
        "lengths": [int(one.length) for one in counted],
        "sinces": [one.part.since for one in counted],
        "untils": [one.part.until for one in counted],
        "within": _limit(within),
    }


def _limit(within: Within) -> list[str] | None:
    return None if within is None else list(within)
