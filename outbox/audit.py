"""Questions that people ask: which events, deliveries and attempts there are, and what happened to a contract."""

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, TableClause, select, tuple_

from outbox.audit_names import business_unit_id, connector_ids
from outbox.audit_views import (
    ATTEMPTS,
    ATTEMPTS_VIEW,
    BY_STATE,
    DELIVERIES,
    EVENTS,
    EVENTS_VIEW,
    KEY,
    SETTLED,
    TIMELINE,
    TIMELINE_VIEW,
    Answer,
    Asked,
    Question,
    answers,
    between,
    filtered,
    of_attempt,
    of_deliveries,
    shown,
    with_attempt,
)
from outbox.errors import ConfigurationError
from outbox.resources import query

__all__ = [
    "ATTEMPTS",
    "DELIVERIES",
    "EVENTS",
    "TIMELINE",
    "Answer",
    "Question",
    "attempts",
    "clock",
    "deliveries",
    "delivery_keys",
    "events",
    "resolve",
    "timeline",
]

_PAGE = 1_000

_WIDENING = (timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(days=30))
"""How far back to look for the newest rows: block-range indexes find a stretch of time, but sort nothing."""


def events(connection: Connection, question: Question) -> Iterator[Answer]:
    """Events, newest first; `connector` and `state` mean: that have such a delivery."""
    asked = resolve(connection, question)
    statement = filtered(select(*shown(EVENTS_VIEW, EVENTS)), EVENTS_VIEW, asked)
    if question.state is not None or asked.connector_ids is not None:
        owner = asked.deliveries
        statement = statement.where(EVENTS_VIEW.c.event_id.in_(of_deliveries(select(owner.c.event_id), owner, asked)))
    return _answered(connection, statement, EVENTS_VIEW, "occurred_at", asked)


def deliveries(connection: Connection, question: Question) -> Iterator[Answer]:
    """Deliveries, newest first."""
    asked = resolve(connection, question)
    owner = asked.deliveries
    statement = _of_owner(filtered(select(*shown(owner, DELIVERIES)), owner, asked), owner, asked)
    return _answered(connection, statement, owner, "created_at", asked)


def attempts(connection: Connection, question: Question) -> Iterator[Answer]:
    """Attempts, newest first; `state` is that of their delivery."""
    asked = resolve(connection, question)
    statement = filtered(select(*shown(ATTEMPTS_VIEW, ATTEMPTS)), ATTEMPTS_VIEW, asked)
    if asked.connector_ids is not None:
        statement = statement.where(ATTEMPTS_VIEW.c.connector_id.in_(asked.connector_ids))
    statement = statement.where(*of_attempt(ATTEMPTS_VIEW.c, question))
    if question.state is not None:
        owner = asked.deliveries
        keys = of_deliveries(select(owner.c.event_id, owner.c.connector_id), owner, asked)
        statement = statement.where(tuple_(ATTEMPTS_VIEW.c.event_id, ATTEMPTS_VIEW.c.connector_id).in_(keys))
    return _answered(connection, statement, ATTEMPTS_VIEW, "started_at", asked)


def _of_owner(statement: Select[Any], owner: TableClause, asked: Asked) -> Select[Any]:
    return with_attempt(of_deliveries(statement, owner, asked), owner, asked.question)


def timeline(connection: Connection, contract: str) -> list[Answer]:
    """Everything about one contract, oldest first: events, decisions, replays, attempts."""
    view = TIMELINE_VIEW
    statement = (
        select(*shown(view, TIMELINE))
        .where(view.c.contract_id == contract)
        .order_by(view.c.at, view.c.event_id, view.c.hop, view.c.connector_id, view.c.number)
    )
    return answers(connection, statement)


def delivery_keys(connection: Connection, question: Question) -> list[tuple[int, int]]:
    """Event id and connector id of every delivery that the question finds, oldest event first; no limit."""
    asked = resolve(connection, question)
    owner = asked.deliveries
    statement = _of_owner(filtered(select(owner.c.event_id, owner.c.connector_id), owner, asked), owner, asked)
    statement = between(statement, owner.c.created_at, question.since, question.until)
    rows = connection.execute(statement.order_by(owner.c.event_id, owner.c.connector_id)).all()
    _refuse_unknown_unit(asked, found=bool(rows))
    return [(row.event_id, row.connector_id) for row in rows]


def clock(connection: Connection) -> datetime:
    """What the time is, by the only clock: the database's."""
    now: datetime = connection.execute(query("clock")).one().now
    return now


def resolve(connection: Connection, question: Question) -> Asked:
    """The question with its names looked up, among those that `within` lets see."""
    unit, unknown = question.business_unit, None
    if unit is not None:
        unit, unknown = business_unit_id(connection, unit, within=question.within)
    return Asked(
        question,
        business_unit=unit,
        unknown_unit=unknown,
        connector_ids=(
            None
            if question.connector is None
            else connector_ids(connection, question.connector, within=question.within)
        ),
        now=clock(connection),
    )


def _answered(
    connection: Connection, statement: Select[Any], view: TableClause, at: str, asked: Asked
) -> Iterator[Answer]:
    """The newest rows, or without a limit all of them, page by page."""
    if asked.question.limit is not None:
        found = iter(_newest(connection, statement, view, at, asked))
    else:
        found = _pages(connection, statement, view, at, asked)
    first = next(found, None)
    _refuse_unknown_unit(asked, found=first is not None)
    return found if first is None else itertools.chain([first], found)


def _refuse_unknown_unit(asked: Asked, *, found: bool) -> None:
    if asked.unknown_unit is not None and not found:
        raise ConfigurationError(
            f"business unit: expected a business unit of the source or of history, got"
            f" {asked.question.business_unit!r}; {asked.unknown_unit}"
        )


def _pages(
    connection: Connection, statement: Select[Any], view: TableClause, at: str, asked: Asked
) -> Iterator[Answer]:
    """Every row, newest event first; each page goes on after the last key, so no snapshot is held between them."""
    keys = [view.c.event_id, *(view.c[name] for name in (*KEY, "number", "late") if name in view.c)]
    names = [f"key_{place}" for place in range(len(keys))]
    ordered = between(statement, view.c[at], asked.question.since, asked.question.until)
    ordered = ordered.add_columns(*(key.label(name) for key, name in zip(keys, names, strict=True)))
    ordered = ordered.order_by(*(key.desc() for key in keys)).limit(_PAGE)
    page = answers(connection, ordered)
    while page:
        last = [page[-1][name] for name in names]
        yield from page
        page = answers(connection, ordered.where(tuple_(*keys) < tuple_(*last)))


def _newest(connection: Connection, statement: Select[Any], view: TableClause, at: str, asked: Asked) -> list[Answer]:
    """The newest rows up to the limit: looks back further only while there are too few."""
    question = asked.question
    order = [view.c.event_id.desc()]
    if question.state not in SETTLED:
        order.insert(0, view.c[at].desc())
    order += [view.c[name].desc() for name in (*KEY, "number") if name in view.c]
    ordered = statement.order_by(*order).limit(question.limit)
    found: list[Answer] = []
    for since in _reach(asked):
        found = answers(connection, between(ordered, view.c[at], since, question.until))
        if len(found) == question.limit:
            break
    return found


def _reach(asked: Asked) -> Iterator[datetime | None]:
    """From when on to look, ever earlier, the question's own `since` at last."""
    question = asked.question
    indexed = question.contract is not None or question.event is not None or question.state in BY_STATE
    if not indexed:
        end = min(asked.now, question.until or asked.now)
        for width in _WIDENING:
            if question.since is None or end - width > question.since:
                yield end - width
    yield question.since
