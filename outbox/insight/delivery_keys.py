"""The statements that find deliveries by a question, in an order that an index has; each for one stretch of them."""

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    column,
    lateral,
    literal,
    literal_column,
    select,
    table,
    true,
    tuple_,
)

from outbox.audit_views import (
    ATTEMPT_TABLE,
    BY_STATE,
    DELIVERIES_VIEW,
    SETTLED,
    Asked,
    between,
    filtered,
    of_attempt,
    of_deliveries,
    with_attempt,
)
from outbox.cursor import Place, Sorting
from outbox.model import State

_QUEUE: Final = table(
    "queue", *(column(name) for name in ("event_id", "connector_id", "ready", "lease_token")), schema="outbox"
)
_CONNECTORS: Final = table("connectors", column("connector_id"), column("state"), schema="outbox_audit")


Edge: TypeAlias = Any
"""A moment or an id: what deliveries are sorted by."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of all deliveries by what they are sorted by, `low` included and `high` not; None: no end."""

    low: Edge | None = None
    high: Edge | None = None


def sorting_of(asked: Asked) -> Sorting:
    """The order in which the answer is found: by events where what is small leads to it, and only that has them so."""
    question = asked.question
    if question.contract is not None or question.event is not None:
        return Sorting.ROUTED
    return Sorting.EVENT if question.state in BY_STATE or question.of_failure else Sorting.ROUTED


def in_one_look(asked: Asked) -> bool:
    """Whether an index has exactly what is asked for, in order, or what is asked for is small."""
    question = asked.question
    if question.contract is not None or question.event is not None:
        return True
    wide: tuple[object, ...] = (question.within, asked.business_unit, question.trigger, question.state)
    wide += (question.outcome, question.status_code, question.error)
    return all(one is None for one in wide) and (asked.connector_ids is None or len(asked.connector_ids) == 1)


def places(asked: Asked, stretch: Stretch, start: Place | None, *, newer: bool, most: int) -> Select[Any]:
    """At most so many places of the stretch beyond the start."""
    if sorting_of(asked) is Sorting.ROUTED:
        return _routed(asked, stretch, start, newer=newer).limit(most)
    return _of_events(asked, stretch, start, newer=newer).limit(most)


def _routed(asked: Asked, stretch: Stretch, start: Place | None, *, newer: bool) -> Select[Any]:
    view, question = DELIVERIES_VIEW, asked.question
    keys = (view.c.created_at, view.c.event_id, view.c.connector_id)
    statement = of_deliveries(filtered(select(*keys), view, asked), view, asked)
    statement = between(with_attempt(statement, view, question), view.c.created_at, question.since, question.until)
    if start is not None:
        place = (start.routed_at, start.event_id, start.connector_id)
        statement = statement.where(_beyond(keys, place, newer=newer))
    return _sorted(_inside(statement, view.c.created_at, stretch), keys, newer=newer)


def _of_events(asked: Asked, stretch: Stretch, start: Place | None, *, newer: bool) -> Select[Any]:
    """By keys from what is small; each is looked up once, in their order, until there are enough."""
    view, question = DELIVERIES_VIEW, asked.question
    few = _few(asked, stretch, start, newer=newer)
    one = select(view.c.created_at).where(view.c.event_id == few.c.event_id, view.c.connector_id == few.c.connector_id)
    one = between(
        of_deliveries(filtered(one, view, asked), view, asked), view.c.created_at, question.since, question.until
    )
    if question.state in BY_STATE:
        one = with_attempt(one, view, question)
    looked_up = lateral(one.offset(literal_column("0")), name="looked_up")
    keys = (few.c.event_id, few.c.connector_id)
    found = select(looked_up.c.created_at, *keys).select_from(few.join(looked_up, true()))
    return _sorted(found, keys, newer=newer)


def _few(asked: Asked, stretch: Stretch, start: Place | None, *, newer: bool) -> FromClause:
    """The keys of those that can be what is asked for, each once."""
    state = asked.question.state
    if state in BY_STATE and state not in SETTLED:
        return _waiting(asked, state, stretch, start, newer=newer)
    tried = ATTEMPT_TABLE.alias("tried")
    keys = (tried.c.event_id, tried.c.connector_id)
    found = select(*keys).group_by(*keys)
    if state in SETTLED:
        found = found.where(tried.c.settled == literal_column(f"'{state}'"))
    else:
        found = found.where(*of_attempt(tried.c, asked.question))
    return _cut(found, keys, asked, stretch, start, newer=newer).subquery("few")


def _waiting(asked: Asked, state: State | None, stretch: Stretch, start: Place | None, *, newer: bool) -> FromClause:
    """From the queue, a connector at a time, as its key has them."""
    keys = (_QUEUE.c.event_id, _QUEUE.c.connector_id)
    queued = select(*keys).where(_QUEUE.c.connector_id == _CONNECTORS.c.connector_id)
    sends = _CONNECTORS.c.state == "enabled"
    owners: ColumnElement[bool] = true()
    match state:
        case State.LEASED:
            queued = queued.where(_QUEUE.c.lease_token.is_not(None))
        case State.HELD:
            owners = ~sends
        case State.BLOCKED:
            owners, queued = sends, queued.where(~_QUEUE.c.ready)
        case _:
            owners, queued = sends, queued.where(_QUEUE.c.ready)
    if asked.connector_ids is not None:
        owners = owners & _CONNECTORS.c.connector_id.in_(asked.connector_ids)
    each = lateral(_cut(queued, keys, asked, stretch, start, newer=newer).offset(literal_column("0")), name="queued")
    found = select(each.c.event_id, each.c.connector_id).select_from(_CONNECTORS.join(each, true())).where(owners)
    return _sorted(found, (each.c.event_id, each.c.connector_id), newer=newer).subquery("few")


def _cut(
    statement: Select[Any],
    keys: tuple[ColumnElement[Any], ...],
    asked: Asked,
    stretch: Stretch,
    start: Place | None,
    *,
    newer: bool,
) -> Select[Any]:
    if asked.connector_ids is not None:
        statement = statement.where(keys[1].in_(asked.connector_ids))
    if start is not None:
        statement = statement.where(_beyond(keys, (start.event_id, start.connector_id), newer=newer))
    return _sorted(_inside(statement, keys[0], stretch), keys, newer=newer)


def _inside(statement: Select[Any], by: ColumnElement[Any], stretch: Stretch) -> Select[Any]:
    if stretch.low is not None:
        statement = statement.where(by >= stretch.low)
    return statement if stretch.high is None else statement.where(by < stretch.high)


def _beyond(keys: tuple[ColumnElement[Any], ...], place: tuple[Any, ...], *, newer: bool) -> ColumnElement[bool]:
    there = tuple_(*(literal(one) for one in place))
    return tuple_(*keys) > there if newer else tuple_(*keys) < there


def _sorted(statement: Select[Any], keys: tuple[ColumnElement[Any], ...], *, newer: bool) -> Select[Any]:
    return statement.order_by(*(key.asc() if newer else key.desc() for key in keys))
