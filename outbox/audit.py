"""Questions that people ask: which events, deliveries and attempts there are, and what happened to a contract."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import Connection, Select, TableClause, Text, cast, column, select, table, tuple_

from outbox import canonical
from outbox.audit_names import business_unit_id, connector_ids
from outbox.errors import ConfigurationError
from outbox.model import Outcome, State, Trigger
from outbox.report import changes
from outbox.resources import query

Answer: TypeAlias = dict[str, Any]
"""One row: column -> value; JSON columns are read digit for digit, `changed` is as a report has it."""

EVENTS = (
    *("event_id", "occurred_at", "trigger", "contract_id", "business_unit", "status", "changed", "detail"),
    *("document", "transaction_id", "coalesced_into", "routed_at"),
)
DELIVERIES = (
    *("event_id", "connector", "connector_version", "contract_id", "business_unit", "trigger", "state", "attempts"),
    *("due_at", "created_at", "finished_at", "last_error", "kind", "blocked_by", "worker", "replaying"),
)
ATTEMPTS = (
    *("event_id", "connector", "contract_id", "number", "kind", "started_at", "duration_ms", "outcome"),
    *("status_code", "error", "url", "request_headers", "request_body", "response_headers", "response_body"),
    *("worker", "connector_version", "trigger", "business_unit", "settled", "error_code", "timings", "response_cut"),
)
TIMELINE = ("at", "what", "event_id", "connector", "words", "trigger", "number", "outcome", "changed")
_JSON = frozenset({"changed", "detail", "document", "request_headers", "response_headers", "timings"})
_KEY = ("connector_id",)
_PAGE = 1_000

_WIDENING = (timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(days=30))
"""How far back to look for the newest rows: block-range indexes find a stretch of time, but sort nothing."""


def _view(name: str, columns: Sequence[str]) -> TableClause:
    return table(name, *(column(one) for one in columns), schema="outbox_audit")


_EVENTS = _view("events", EVENTS)
_ATTEMPTS = _view("attempts", (*ATTEMPTS, *_KEY, "late"))
_TIMELINE = _view("contract_timeline", (*TIMELINE, "contract_id", "hop", *_KEY))
_DELIVERIES = _view("deliveries", (*DELIVERIES, *_KEY))
_WAITING = _view("waiting", (*DELIVERIES, *_KEY))
_BY_STATE = {
    State.PENDING: _WAITING,
    State.LEASED: _WAITING,
    State.HELD: _WAITING,
    State.BLOCKED: _WAITING,
    State.DEAD: _view("dead_letters", (*DELIVERIES, *_KEY)),
    State.CANCELLED: _view("cancelled", (*DELIVERIES, *_KEY)),
}

_SETTLED = (State.DEAD, State.CANCELLED)
"""Read newest event first, as the index on what settled so has them: by a time, all of them would be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to look for: every filter that is not None must hold; `since` is included, `until` is not.

    The time of an event is when it occurred, of a delivery when it was routed, of an attempt when it started.
    `connector` is a name, `business_unit` an id or an unambiguous name; `limit` None means all.
    """

    event: int | None = None
    contract: str | None = None
    business_unit: str | None = None
    trigger: Trigger | None = None
    connector: str | None = None
    state: State | None = None
    outcome: Outcome | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = 50


@dataclass(frozen=True, slots=True)
class _Resolved:
    """A question with its names looked up."""

    question: Question
    business_unit: str | None
    unknown_unit: str | None
    connector_ids: tuple[int, ...] | None
    now: datetime

    @property
    def deliveries(self) -> TableClause:
        """The view that is small for the state asked for."""
        state = self.question.state
        return _DELIVERIES if state is None else _BY_STATE.get(state, _DELIVERIES)


def events(connection: Connection, question: Question) -> Iterator[Answer]:
    """Events, newest first; `connector` and `state` mean: that have such a delivery."""
    asked = _resolve(connection, question)
    statement = _filtered(select(*_shown(_EVENTS, EVENTS)), _EVENTS, asked)
    if question.state is not None or asked.connector_ids is not None:
        owner = asked.deliveries
        statement = statement.where(_EVENTS.c.event_id.in_(_of_deliveries(select(owner.c.event_id), asked)))
    return _answered(connection, statement, _EVENTS, "occurred_at", asked)


def deliveries(connection: Connection, question: Question) -> Iterator[Answer]:
    """Deliveries, newest first."""
    asked = _resolve(connection, question)
    owner = asked.deliveries
    statement = _of_deliveries(_filtered(select(*_shown(owner, DELIVERIES)), owner, asked), asked)
    return _answered(connection, statement, owner, "created_at", asked)


def attempts(connection: Connection, question: Question) -> Iterator[Answer]:
    """Attempts, newest first; `state` is that of their delivery."""
    asked = _resolve(connection, question)
    statement = _filtered(select(*_shown(_ATTEMPTS, ATTEMPTS)), _ATTEMPTS, asked)
    if asked.connector_ids is not None:
        statement = statement.where(_ATTEMPTS.c.connector_id.in_(asked.connector_ids))
    if question.outcome is not None:
        statement = statement.where(_ATTEMPTS.c.outcome == question.outcome.value)
    if question.state is not None:
        keys = _of_deliveries(select(asked.deliveries.c.event_id, asked.deliveries.c.connector_id), asked)
        statement = statement.where(tuple_(_ATTEMPTS.c.event_id, _ATTEMPTS.c.connector_id).in_(keys))
    return _answered(connection, statement, _ATTEMPTS, "started_at", asked)


def timeline(connection: Connection, contract: str) -> list[Answer]:
    """Everything about one contract, oldest first: events, decisions, replays, attempts."""
    view = _TIMELINE
    statement = (
        select(*_shown(view, TIMELINE))
        .where(view.c.contract_id == contract)
        .order_by(view.c.at, view.c.event_id, view.c.hop, view.c.connector_id, view.c.number)
    )
    return _answers(connection, statement)


def delivery_keys(connection: Connection, question: Question) -> list[tuple[int, int]]:
    """Event id and connector id of every delivery that the question finds, oldest event first; no limit."""
    asked = _resolve(connection, question)
    owner = asked.deliveries
    statement = _of_deliveries(_filtered(select(owner.c.event_id, owner.c.connector_id), owner, asked), asked)
    statement = _between(statement, owner, "created_at", question.since, question.until)
    rows = connection.execute(statement.order_by(owner.c.event_id, owner.c.connector_id)).all()
    _refuse_unknown_unit(asked, found=bool(rows))
    return [(row.event_id, row.connector_id) for row in rows]


def clock(connection: Connection) -> datetime:
    """What the time is, by the only clock: the database's."""
    now: datetime = connection.execute(query("clock")).one().now
    return now


def _resolve(connection: Connection, question: Question) -> _Resolved:
    unit, unknown = question.business_unit, None
    if unit is not None:
        unit, unknown = business_unit_id(connection, unit)
    return _Resolved(
        question,
        business_unit=unit,
        unknown_unit=unknown,
        connector_ids=None if question.connector is None else connector_ids(connection, question.connector),
        now=clock(connection),
    )


def _shown(view: TableClause, names: Sequence[str]) -> Iterator[Any]:
    """The columns; JSON as text, so that every number keeps its digits."""
    return (cast(view.c[name], Text).label(name) if name in _JSON else view.c[name] for name in names)


def _filtered(statement: Select[Any], view: TableClause, asked: _Resolved) -> Select[Any]:
    """With the filters that events, deliveries and attempts have in common."""
    question = asked.question
    if question.event is not None:
        statement = statement.where(view.c.event_id == question.event)
    if question.contract is not None:
        statement = statement.where(view.c.contract_id == question.contract)
    if asked.business_unit is not None:
        statement = statement.where(view.c.business_unit == asked.business_unit)
    if question.trigger is not None:
        statement = statement.where(view.c.trigger == question.trigger.value)
    return statement


def _of_deliveries(statement: Select[Any], asked: _Resolved) -> Select[Any]:
    """With the filters that deliveries alone have."""
    owner, question = asked.deliveries, asked.question
    if asked.connector_ids is not None:
        statement = statement.where(owner.c.connector_id.in_(asked.connector_ids))
    if question.state is not None:
        statement = statement.where(owner.c.state == question.state.value)
    return statement


def _between(
    statement: Select[Any], view: TableClause, at: str, since: datetime | None, until: datetime | None
) -> Select[Any]:
    if since is not None:
        statement = statement.where(view.c[at] >= since)
    return statement if until is None else statement.where(view.c[at] < until)


def _answered(
    connection: Connection, statement: Select[Any], view: TableClause, at: str, asked: _Resolved
) -> Iterator[Answer]:
    """The newest rows, or without a limit all of them, page by page."""
    if asked.question.limit is not None:
        found = iter(_newest(connection, statement, view, at, asked))
    else:
        found = _pages(connection, statement, view, at, asked)
    first = next(found, None)
    _refuse_unknown_unit(asked, found=first is not None)
    return found if first is None else itertools.chain([first], found)


def _refuse_unknown_unit(asked: _Resolved, *, found: bool) -> None:
    if asked.unknown_unit is not None and not found:
        raise ConfigurationError(
            f"business unit: expected a business unit of the source or of history, got"
            f" {asked.question.business_unit!r}; {asked.unknown_unit}"
        )


def _pages(
    connection: Connection, statement: Select[Any], view: TableClause, at: str, asked: _Resolved
) -> Iterator[Answer]:
    """Every row, newest event first; each page goes on after the last key, so no snapshot is held between them."""
    keys = [view.c.event_id, *(view.c[name] for name in (*_KEY, "number", "late") if name in view.c)]
    names = [f"key_{place}" for place in range(len(keys))]
    ordered = _between(statement, view, at, asked.question.since, asked.question.until)
    ordered = ordered.add_columns(*(key.label(name) for key, name in zip(keys, names, strict=True)))
    ordered = ordered.order_by(*(key.desc() for key in keys)).limit(_PAGE)
    page = _answers(connection, ordered)
    while page:
        last = [page[-1][name] for name in names]
        yield from page
        page = _answers(connection, ordered.where(tuple_(*keys) < tuple_(*last)))


def _newest(
    connection: Connection, statement: Select[Any], view: TableClause, at: str, asked: _Resolved
) -> list[Answer]:
    """The newest rows up to the limit: looks back further only while there are too few."""
    question = asked.question
    order = [view.c.event_id.desc()]
    if question.state not in _SETTLED:
        order.insert(0, view.c[at].desc())
    order += [view.c[name].desc() for name in (*_KEY, "number") if name in view.c]
    ordered = statement.order_by(*order).limit(question.limit)
    found: list[Answer] = []
    for since in _reach(asked):
        found = _answers(connection, _between(ordered, view, at, since, question.until))
        if len(found) == question.limit:
            break
    return found


def _reach(asked: _Resolved) -> Iterator[datetime | None]:
    """From when on to look, ever earlier, the question's own `since` at last."""
    question = asked.question
    indexed = question.contract is not None or question.event is not None or question.state in _BY_STATE
    if not indexed:
        end = min(asked.now, question.until or asked.now)
        for width in _WIDENING:
            if question.since is None or end - width > question.since:
                yield end - width
    yield question.since


def _answers(connection: Connection, statement: Select[Any]) -> list[Answer]:
    rows = connection.execute(statement).mappings()
    return [{name: _read(name, value) for name, value in row.items()} for row in rows]


def _read(name: str, value: object) -> object:
    read = canonical.loads(value) if name in _JSON and isinstance(value, str) else value
    return changes(read) if name == "changed" and isinstance(read, dict) else read
