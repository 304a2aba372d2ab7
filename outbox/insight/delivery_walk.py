"""Walks along deliveries, towards newer or older ones, in growing stretches: a look is bounded, whatever it finds."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from outbox.audit_views import Asked
from outbox.cursor import Place, Sorting
from outbox.insight.delivery_keys import Edge, Stretch, in_one_look, places, sorting_of
from outbox.resources import query

PATIENCE_SECONDS: Final = 0.4
"""After so long no further stretch is begun: whoever asks is told how far it went, and may go on from there."""

_FIRST_TIME, _FIRST_IDS, _GROWTH = timedelta(minutes=1), 4_000, 8
_MOST_IN_SPAN = 50_000
_BEFORE_ALL = -1


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
    """At most so many places beyond the start; from the very end without one."""
    began, found = time.monotonic(), list[Place]()
    limits = Stretch() if in_one_look(asked) else _limits(connection, asked)
    end = limits.high if newer else limits.low
    for stretch in _stretches(asked, limits, start, newer=newer):
        statement = places(asked, stretch, start, newer=newer, most=most - len(found))
        found += [Place(row.created_at, row.event_id, row.connector_id) for row in connection.execute(statement)]
        if len(found) >= most:
            return Walked(tuple(found), found[-1])
        edge = stretch.high if newer else stretch.low
        if edge is not None and edge != end and time.monotonic() - began > patience:
            return Walked(tuple(found), _place(edge))
    return Walked(tuple(found), None)


def _place(edge: Edge) -> Place:
    """Before everything that stands at this edge."""
    if isinstance(edge, datetime):
        return Place(edge, _BEFORE_ALL, _BEFORE_ALL)
    return Place(None, edge, _BEFORE_ALL)


def _stretches(asked: Asked, limits: Stretch, start: Place | None, *, newer: bool) -> Iterator[Stretch]:
    """One after another within the limits, each longer than the one before."""
    if limits.low is None or limits.high is None:
        yield limits
    elif sorting_of(asked) is Sorting.ROUTED:
        yield from _growing(limits, None if start is None else start.routed_at, _FIRST_TIME, newer=newer)
    else:
        yield from _growing(limits, None if start is None else start.event_id, _FIRST_IDS, newer=newer)


def _growing(limits: Stretch, at: Any, step: Any, *, newer: bool) -> Iterator[Stretch]:  # noqa: ANN401 (time or ids alike)
    low, high = limits.low, limits.high
    if newer:
        edge = (low if at is None else max(low, min(at, high))) + step
        while edge < high:
            yield Stretch(low, edge)
            step *= _GROWTH
            low, edge = edge, edge + step
    else:
        edge = (high if at is None else max(low, min(at, high))) - step
        while edge > low:
            yield Stretch(edge, high)
            step *= _GROWTH
            high, edge = edge, edge - step
    yield Stretch(low, high)


def _limits(connection: Connection, asked: Asked) -> Stretch:
    """From the first delivery that can be asked for to the last; without them where there is none."""
    question = asked.question
    routed = sorting_of(asked) is Sorting.ROUTED
    if not routed and (question.since is not None or question.until is not None):
        span = {"since": question.since, "until": question.until, "most": _MOST_IN_SPAN}
        found = connection.execute(query("insight_delivery_span"), span).one()
        if found.deliveries < _MOST_IN_SPAN:
            return _closed(found.first_id, found.last_id, 1)
    bounds = connection.execute(query("insight_delivery_bounds")).one()
    if not routed:
        return _closed(bounds.first_id, bounds.last_id, 1)
    whole = _closed(bounds.first_at, bounds.last_at, timedelta(microseconds=1))
    if whole.low is None or whole.high is None:
        return whole
    return Stretch(max(whole.low, question.since or whole.low), min(whole.high, question.until or whole.high))


def _closed(first: Any, last: Any, least: Any) -> Stretch:  # noqa: ANN401 (time or ids alike)
    return Stretch() if first is None else Stretch(first, last + least)
