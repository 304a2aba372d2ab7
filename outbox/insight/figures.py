"""Figures of attempts and deliveries over time: read from stretches that are counted, and from the facts since then."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from outbox.access import Within
from outbox.insight.grid import Key, Tally, columns
from outbox.resources import query
from outbox.stretches import Length, Marks, sources

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


def read_outcomes(
    connection: Connection, *, count: int, column: Length, within: Within
) -> tuple[Marks, dict[Key, Tally]]:
    """What became of the deliveries routed in each of the last so many hours or days."""
    marks = _marks(connection)
    since = columns(marks.at, column, count)[0]
    values = _asked(marks, since, longest=column, within=within)
    found = connection.execute(query("figures_outcomes"), {**values, "since": since, "column": column.name.lower()})
    return marks, {
        Key(row.connector_id, row.business_unit, row.at): Tally(
            int(row.delivered), int(row.retried), int(row.dead), int(row.cancelled)
        )
        for row in found
    }


def read_volumes(connection: Connection, *, span: timedelta, longest: Length, within: Within) -> Volumes:
    """What attempts of the last so long came to, by the stretches that are counted, of at most that length."""
    marks = _marks(connection)
    since = longest.floor(marks.at - span)
    found = connection.execute(query("figures_volume"), _asked(marks, since, longest=longest, within=within))
    return Volumes(
        marks,
        tuple(Volume(row.since, int(row.attempts), int(row.ok), int(row.delivered), int(row.dead)) for row in found),
    )


def read_latencies(
    connection: Connection, *, since: datetime, step: timedelta, longest: Length, within: Within
) -> Latencies:
    """How long deliveries and answers took, by steps of the time since then."""
    values = _asked(_marks(connection), since, longest=longest, within=within)
    found: dict[str, dict[datetime, dict[int, int]]] = {"delivery": defaultdict(dict), "answer": defaultdict(dict)}
    minutes = round(step.total_seconds() / 60)
    for row in connection.execute(query("figures_latency"), {**values, "minutes": minutes}):
        found[row.what][row.at][row.bin] = int(row.latencies)
    return Latencies(found["delivery"], found["answer"])


def _marks(connection: Connection) -> Marks:
    row = connection.execute(query("figures_marks")).one()
    return Marks(slots=row.slots, hours=row.hours, days=row.days, at=row.now.astimezone(UTC))


def _asked(marks: Marks, since: datetime, *, longest: Length, within: Within) -> dict[str, object]:
    counted, uncounted = sources(marks, since, longest=longest)
    return {
        "lengths": [int(one.length) for one in counted],
        "sinces": [one.part.since for one in counted],
        "untils": [one.part.until for one in counted],
        "uncounted": uncounted.since,
        "within": None if within is None else list(within),
    }
