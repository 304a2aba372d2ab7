"""Walks along deliveries, towards newer or older ones, in growing stretches: a look is bounded, whatever it finds."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from outbox.audit_views import Asked
from outbox.cursor import Place, Sorting
from outbox.insight.delivery_keys import Edge, Stretch, edge_after, in_one_look, places, sorting_of
from outbox.resources import query

PATIENCE_SECONDS: Final = 0.4
"""After so long no further step is made: whoever asks is told how far it went, and may go on from there."""

_FIRST_STEP: Final = {Sorting.ROUTED: 1_000, Sorting.EVENT: 4_000}
"""Deliveries in order of time (a minute, for those who are limited to some units), or ids of events."""

_GROWTH: Final = 8
_MOST_IN_SPAN: Final = 50_000
_INSTANT: Final = timedelta(microseconds=1)
_MINUTE: Final = timedelta(minutes=1)
_BEFORE_ALL: Final = -1
_NOTHING: Final = Stretch(0, 0)


@dataclass(frozen=True, slots=True)
class Walked:
    """The places found, in the order of the walk; `stopped` is where it ended, if there may be more beyond."""

    places: tuple[Place, ...]
    stopped: Place | None


def walk(
    connection: Connection,
    asked: Asked,
    start: Place | None,
    *,
    newer: bool,
    most: int,
    patience: float = PATIENCE_SECONDS,
) -> Walked:
    """At most so many places beyond the start; from the very end without one.

    Each step is longer than the one before, but none is expected to take longer than the patience.
    """
    began, found, size = time.monotonic(), list[Place](), _FIRST_STEP[sorting_of(asked)]
    limits = Stretch() if in_one_look(asked) else _limits(connection, asked)
    at = _beginning(limits, start, newer=newer)
    while True:
        stepped = time.monotonic()
        stretch = _step(connection, asked, limits, at, size, newer=newer)
        statement = places(asked, stretch, start, newer=newer, most=most - len(found))
        found += [Place(row.created_at, row.event_id, row.connector_id) for row in connection.execute(statement)]
        at, end = (stretch.high, limits.high) if newer else (stretch.low, limits.low)
        if len(found) >= most:
            return Walked(tuple(found), found[-1])
        if at == end:
            return Walked(tuple(found), None)
        if time.monotonic() - began > patience:
            return Walked(tuple(found), _place(at))
        size *= max(1, min(_GROWTH, int(patience / max(time.monotonic() - stepped, 1e-6))))


def _place(edge: Edge) -> Place:
    """Before everything that stands at this edge."""
    if isinstance(edge, datetime):
        return Place(edge, _BEFORE_ALL, _BEFORE_ALL)
    return Place(None, edge, _BEFORE_ALL)


def _beginning(limits: Stretch, start: Place | None, *, newer: bool) -> Edge:
    """From where on, within the limits; what stands beside the start is looked at again, and left out by key."""
    if start is None or limits.low is None or limits.high is None:
        return limits.low if newer else limits.high
    by_time = isinstance(limits.low, datetime)
    edge: Edge = start.routed_at if by_time else start.event_id
    if not newer and start.connector_id != _BEFORE_ALL:
        edge += _INSTANT if by_time else 1
    return max(limits.low, min(limits.high, edge))


def _step(connection: Connection, asked: Asked, limits: Stretch, at: Edge, size: int, *, newer: bool) -> Stretch:
    """The next stretch of this size, or what is left."""
    if at is None:
        return limits
    if not isinstance(at, datetime):
        return Stretch(at, min(at + size, limits.high)) if newer else Stretch(max(at - size, limits.low), at)
    left = Stretch(at, limits.high) if newer else Stretch(limits.low, at)
    if asked.question.within is not None:  # where others' deliveries end is not theirs to know
        long: Edge = _MINUTE * size / _FIRST_STEP[Sorting.ROUTED]
        until: Edge = at + long if newer else at - long
        return Stretch(at, min(until, limits.high)) if newer else Stretch(max(until, limits.low), at)
    edge = connection.execute(edge_after(asked, left, size, newer=newer)).scalar_one_or_none()
    if edge is None:
        return left
    return Stretch(at, edge + _INSTANT) if newer else Stretch(edge, at)


def _limits(connection: Connection, asked: Asked) -> Stretch:
    """From the first delivery that can be asked for to the last; without them where there is none."""
    question = asked.question
    routed = sorting_of(asked) is Sorting.ROUTED
    if not routed and (question.since is not None or question.until is not None):
        span = {"since": question.since, "until": question.until, "most": _MOST_IN_SPAN}
        found = connection.execute(query("insight_delivery_span"), span).one()
        if not found.deliveries:
            return _NOTHING
        if found.deliveries < _MOST_IN_SPAN:
            return _closed(found.first_id, found.last_id, 1)
    bounds = connection.execute(query("insight_delivery_bounds")).one()
    if not routed:
        return _closed(bounds.first_id, bounds.last_id, 1)
    whole = _closed(bounds.first_at, bounds.last_at, _INSTANT)
    if whole.low is None or whole.high is None:
        return whole
    return Stretch(max(whole.low, question.since or whole.low), min(whole.high, question.until or whole.high))


def _closed(first: Any, last: Any, least: Any) -> Stretch:  # noqa: ANN401 (time or ids alike)
    return Stretch() if first is None else Stretch(first, last + least)
