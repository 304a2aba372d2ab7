"""Events and attempts, a page at a time, newest first, and one by its key; all within the asker's business units."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    column,
    literal,
    select,
    table,
    tuple_,
)

from outbox import audit
from outbox.access import Within
from outbox.audit_views import (
    ATTEMPTS,
    ATTEMPTS_VIEW,
    EVENTS,
    EVENTS_VIEW,
    Answer,
    Asked,
    Question,
    answers,
    between,
    filtered,
    of_attempt,
    shown,
)
from outbox.replay import Key

PATIENCE_SECONDS: Final = 0.4
"""No further stretch is looked at after so long: the page is short, and says where to go on."""
_FIRST, _GROWTH, _LONGEST = timedelta(minutes=1), 8, timedelta(days=400)
_LISTED_EVENTS = tuple(one for one in EVENTS if one not in ("changed", "detail", "document"))
_LISTED_ATTEMPTS = (
    *(one for one in ATTEMPTS if not one.endswith(("_headers", "_body")) and one not in ("timings", "response_cut")),
    *("connector_id", "late"),
)
_BODIES = table(
    "deliveries",
    *(column(one) for one in ("event_id", "connector_id", "business_unit", "content_type", "body")),
    schema="outbox_audit",
)


@dataclass(frozen=True, slots=True)
class Found:
    """A page: its rows, and the key to go on after, None where the end was reached."""

    rows: tuple[Answer, ...]
    after: tuple[Any, ...] | None


def events(connection: Connection, question: Question, *, within: Within, after: Sequence[Any] | None = None) -> Found:
    """Events without their content; a key is occurred_at and event_id."""
    asked = _resolved(connection, question, within=within)
    view = EVENTS_VIEW
    statement = filtered(select(*shown(view, _LISTED_EVENTS)), view, asked)
    return _page(connection, statement, (view.c.occurred_at, view.c.event_id), asked, after)


def attempts(
    connection: Connection, question: Question, *, within: Within, after: Sequence[Any] | None = None
) -> Found:
    """Attempts without what was sent and answered; a key is started_at, event_id, connector_id, number and late."""
    asked = _resolved(connection, question, within=within)
    view = ATTEMPTS_VIEW
    statement = filtered(select(*shown(view, _LISTED_ATTEMPTS)), view, asked).where(*of_attempt(view.c, question))
    if asked.connector_ids is not None:
        statement = statement.where(view.c.connector_id.in_(asked.connector_ids))
    keys = (view.c.started_at, view.c.event_id, view.c.connector_id, view.c.number, view.c.late)
    return _page(connection, statement, keys, asked, after)


def event(connection: Connection, event_id: int, *, within: Within) -> Answer | None:
    """The event with its content; None where there is none that may be seen."""
    view = EVENTS_VIEW
    statement = _seen(select(*shown(view, EVENTS)).where(view.c.event_id == event_id), view.c.business_unit, within)
    return next(iter(answers(connection, statement)), None)


def attempt(connection: Connection, key: Key, number: int, *, late: bool, within: Within) -> Answer | None:
    """The attempt with what was sent and answered; a late one has the number of the one that was taken for lost."""
    view, (event_id, connector_id) = ATTEMPTS_VIEW, key
    its = (view.c.event_id == event_id, view.c.connector_id == connector_id)
    statement = select(*shown(view, ATTEMPTS), view.c.connector_id, view.c.late)
    statement = statement.where(*its, view.c.number == number, view.c.late.is_(late))
    return next(iter(answers(connection, _seen(statement, view.c.business_unit, within))), None)


def report(connection: Connection, key: Key, *, within: Within) -> Answer | None:
    """The report that a delivery sends: its content type and its bytes, None where they were erased or never built."""
    event_id, connector_id = key
    statement = select(_BODIES.c.content_type, _BODIES.c.body).where(
        _BODIES.c.event_id == event_id, _BODIES.c.connector_id == connector_id
    )
    return next(iter(answers(connection, _seen(statement, _BODIES.c.business_unit, within))), None)


def _resolved(connection: Connection, question: Question, *, within: Within) -> Asked:
    return audit.resolve(connection, replace(question, within=within))


def _seen(statement: Select[Any], unit: ColumnElement[Any], within: Within) -> Select[Any]:
    return statement if within is None else statement.where(unit.in_(within))


def _page(
    connection: Connection,
    statement: Select[Any],
    keys: tuple[ColumnElement[Any], ...],
    asked: Asked,
    after: Sequence[Any] | None,
) -> Found:
    """Looks back in stretches that grow, each once: block-range indexes find a stretch of time, but sort nothing."""
    question, began = asked.question, time.monotonic()
    most = (question.limit or 50) + 1
    names = [f"key_{place}" for place in range(len(keys))]
    ordered = statement.add_columns(*(key.label(name) for key, name in zip(keys, names, strict=True)))
    ordered = ordered.order_by(*(key.desc() for key in keys))
    if after is not None:
        ordered = ordered.where(tuple_(*keys) < tuple_(*(literal(one) for one in after)))
    rows: list[Answer] = []
    low: datetime | None
    for low, high in _stretches(asked, None if after is None else after[0]):
        stretch = between(ordered, keys[0], low, high)
        rows += answers(connection, stretch.limit(most - len(rows)))
        if len(rows) == most:
            rows.pop()
            return Found(tuple(rows), tuple(rows[-1][name] for name in names))
        if low is not None and low != question.since and time.monotonic() - began > PATIENCE_SECONDS:
            return Found(tuple(rows), (low, *(_LEAST[name] for name in _names(keys)[1:])))
    return Found(tuple(rows), None)


_LEAST: Final = {"event_id": 0, "connector_id": 0, "number": 0, "late": False}
"""Before all that has the same time."""


def _names(keys: tuple[ColumnElement[Any], ...]) -> list[str]:
    return [str(getattr(key, "name", "")) for key in keys]


def _stretches(asked: Asked, at: datetime | None) -> Iterator[tuple[datetime | None, datetime | None]]:
    """From and until when to look, the newest first; the last one has no other bound than the question's own."""
    question = asked.question
    if question.contract is not None or question.event is not None:
        yield question.since, question.until
        return
    high, width = question.until, _FIRST
    edge = min(one for one in (asked.now, question.until, at) if one is not None)
    while width <= _LONGEST:
        edge -= width
        if question.since is not None and edge <= question.since:
            break
        yield edge, high
        high, width = edge, width * _GROWTH
    yield question.since, high
