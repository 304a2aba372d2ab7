"""What a question is, and the views that answer it: their columns, its filters, exact values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Connection, Select, TableClause, Text, cast, column, exists, func, select, table
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from outbox import canonical
from outbox.access import Within
from outbox.model import Outcome, State, Trigger
from outbox.report import changes

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
KEY = ("connector_id",)
_JSON = frozenset({"changed", "detail", "document", "request_headers", "response_headers", "timings"})


def _view(name: str, columns: Sequence[str], schema: str = "outbox_audit") -> TableClause:
    return table(name, *(column(one) for one in columns), schema=schema)


EVENTS_VIEW: Final = _view("events", EVENTS)
ATTEMPTS_VIEW: Final = _view("attempts", (*ATTEMPTS, *KEY, "late"))
TIMELINE_VIEW: Final = _view("contract_timeline", (*TIMELINE, "contract_id", "hop", *KEY))
DELIVERIES_VIEW: Final = _view("deliveries", (*DELIVERIES, *KEY))
ATTEMPT_TABLE: Final = _view(
    "attempt", ("event_id", "connector_id", "number", "outcome", "status_code", "error", "settled"), schema="outbox"
)
_WAITING = _view("waiting", (*DELIVERIES, *KEY))
BY_STATE: Final[Mapping[State, TableClause]] = {
    State.PENDING: _WAITING,
    State.LEASED: _WAITING,
    State.HELD: _WAITING,
    State.BLOCKED: _WAITING,
    State.DEAD: _view("dead_letters", (*DELIVERIES, *KEY)),
    State.CANCELLED: _view("cancelled", (*DELIVERIES, *KEY)),
}
"""The view that is small, of the states that few deliveries are in."""

SETTLED: Final = (State.DEAD, State.CANCELLED)
"""Read newest event first, as the index on what settled so has them: by a time, all of them would be read."""

SUCCESS: Final = range(200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to look for: every filter that is not None must hold; `since` is included, `until` is not.

    The time of an event is when it occurred, of a delivery when it was routed, of an attempt when it started.
    `connector` is a name, `business_unit` an id or an unambiguous name; `limit` None means all. `outcome`,
    `status_code` and `error` (some of its words) are those of one attempt. Nothing outside `within` is found.
    """

    event: int | None = None
    contract: str | None = None
    business_unit: str | None = None
    trigger: Trigger | None = None
    connector: str | None = None
    state: State | None = None
    outcome: Outcome | None = None
    status_code: int | None = None
    error: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int | None = 50
    within: Within = None

    @property
    def of_attempt(self) -> bool:
        """Whether something is asked of an attempt."""
        return self.outcome is not None or self.status_code is not None or self.error is not None

    @property
    def of_failure(self) -> bool:
        """Whether only an attempt that failed can be what is asked for: few are."""
        if self.outcome is not None:
            return self.outcome is not Outcome.OK
        return self.error is not None or (self.status_code is not None and self.status_code not in SUCCESS)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its names looked up, and the time at which it is asked."""

    question: Question
    business_unit: str | None
    unknown_unit: str | None
    connector_ids: tuple[int, ...] | None
    now: datetime

    @property
    def deliveries(self) -> TableClause:
        """The view that is small for the state asked for."""
        state = self.question.state
        return DELIVERIES_VIEW if state is None else BY_STATE.get(state, DELIVERIES_VIEW)


def shown(view: TableClause, names: Sequence[str]) -> Iterator[Any]:
    """The columns; JSON as text, so that every number keeps its digits."""
    return (cast(view.c[name], Text).label(name) if name in _JSON else view.c[name] for name in names)


def filtered(statement: Select[Any], view: TableClause, asked: Asked) -> Select[Any]:
    """With the filters that events, deliveries and attempts have in common."""
    question = asked.question
    if question.within is not None:
        statement = statement.where(view.c.business_unit.in_(question.within))
    if question.event is not None:
        statement = statement.where(view.c.event_id == question.event)
    if question.contract is not None:
        statement = statement.where(view.c.contract_id == question.contract)
    if asked.business_unit is not None:
        statement = statement.where(view.c.business_unit == asked.business_unit)
    if question.trigger is not None:
        statement = statement.where(view.c.trigger == question.trigger.value)
    return statement


def of_deliveries(statement: Select[Any], view: TableClause, asked: Asked) -> Select[Any]:
    """With the filters that deliveries alone have."""
    question = asked.question
    if asked.connector_ids is not None:
        statement = statement.where(view.c.connector_id.in_(asked.connector_ids))
    if question.state is not None:
        statement = statement.where(view.c.state == question.state.value)
    return statement


def with_attempt(statement: Select[Any], view: TableClause, question: Question) -> Select[Any]:
    """With the filters on an attempt of the delivery: a look-up for each, by its key."""
    if not question.of_attempt:
        return statement
    one = ATTEMPT_TABLE.alias("tried")
    found = select(one.c.number).where(one.c.event_id == view.c.event_id, one.c.connector_id == view.c.connector_id)
    return statement.where(exists(found.where(*of_attempt(one.c, question)).offset(0)))


def of_attempt(columns: ReadOnlyColumnCollection[str, Any], question: Question) -> Iterator[ColumnElement[bool]]:
    """The filters on the attempt itself, over these columns; those on failures name what their index holds."""
    if question.of_failure:
        yield columns.outcome != Outcome.OK.value
    if question.outcome is not None:
        yield columns.outcome == question.outcome.value
    if question.status_code is not None:
        yield columns.status_code == question.status_code
    if question.error is not None:
        said = func.coalesce(columns.error, func.concat("HTTP ", columns.status_code), columns.outcome)
        yield func.strpos(func.lower(said), question.error.lower()) > 0


def between(
    statement: Select[Any], at: ColumnElement[Any], since: datetime | None, until: datetime | None
) -> Select[Any]:
    """With a stretch of time."""
    if since is not None:
        statement = statement.where(at >= since)
    return statement if until is None else statement.where(at < until)


def answers(connection: Connection, statement: Select[Any]) -> list[Answer]:
    """The rows, their JSON read."""
    rows = connection.execute(statement).mappings()
    return [{name: _read(name, value) for name, value in row.items()} for row in rows]


def _read(name: str, value: object) -> object:
    read = canonical.loads(value) if name in _JSON and isinstance(value, str) else value
    return changes(read) if name == "changed" and isinstance(read, dict) else read
