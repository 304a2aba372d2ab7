"""Deliveries and their attempts: listed without what was sent and answered, and one with it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from outbox.audit import clock
from outbox.audit_views import Question
from outbox.cursor import Cursor
from outbox.insight import deliveries, history
from outbox.model import Kind, Outcome, Settled, State, Trigger
from outbox.replay import Key
from outbox.web.api.caller import Caller, Looking
from outbox.web.api.connectors import ConnectorId
from outbox.web.api.exact import ExactResponse
from outbox.web.api.facts import (
    ContractWord,
    EventId,
    SinceWord,
    TriggerWord,
    UnitWord,
    UntilWord,
    span,
)
from outbox.web.api.pages import LARGEST_ID, NEXT_WORDS, Asking, Paging, link_header, page_of, read
from outbox.web.api.problems import answers
from outbox.web.errors import NotFoundError

router = APIRouter(tags=["deliveries"])
NO_DELIVERY = "there is no such delivery"


class DeliveryLine(BaseModel):
    """One event for one connector, without the report."""

    event_id: int
    connector_id: int
    connector: Annotated[str, Field(description="The connector's present name.")]
    connector_version: Annotated[int, Field(description="Of the connector by which the report was built.")]
    contract_id: str
    business_unit: str | None
    trigger: Trigger
    state: State
    kind: Annotated[str, Field(description="auto, or test.")]
    attempts: int
    due_at: Annotated[
        datetime | None, Field(description="While it is open: not before; of a leased one, the lease's end.")
    ]
    created_at: Annotated[datetime, Field(description="When it was routed.")]
    finished_at: datetime | None
    last_error: str | None
    blocked_by: Annotated[int | None, Field(description="The event at the head of its lane, which it waits for.")]
    worker: Annotated[str | None, Field(description="Who is sending it now.")]
    replaying: Annotated[bool, Field(description="Whether it waits to be sent once more.")]
    outcome: Annotated[Outcome | None, Field(description="Of the latest attempt.")]
    status_code: int | None
    duration_ms: float | None


class DeliveryAnswer(DeliveryLine):
    """A delivery with the report that it sends."""

    content_type: str
    body: Annotated[
        str | None,
        Field(description="The exact bytes as text, what is no UTF-8 as data:;base64,...; null: erased, or not built."),
    ]


class DeliveryList(BaseModel):
    """A page of deliveries, newest first; it may be short where few are found."""

    deliveries: list[DeliveryLine]
    next: Annotated[str | None, Field(description=NEXT_WORDS)]


class AttemptLine(BaseModel):
    """One HTTP try, without what was sent and answered."""

    event_id: int
    connector_id: int
    connector: str
    number: Annotated[int, Field(description="From 1, replays included.")]
    late: Annotated[bool, Field(description="Came back after its lease had gone to another; changed nothing.")]
    contract_id: str | None
    business_unit: str | None
    trigger: Trigger | None
    kind: Kind
    started_at: datetime
    duration_ms: float | None
    outcome: Outcome
    status_code: int | None
    error_code: str | None
    error: str | None
    url: str | None
    worker: str
    connector_version: int
    settled: Annotated[Settled | None, Field(description="The final state that it gave its delivery.")]


class AttemptAnswer(AttemptLine):
    """An attempt with what was sent and answered; secrets are redacted."""

    timings: Annotated[dict[str, float] | None, Field(description="Milliseconds by phase.")]
    request_headers: dict[str, str] | None
    request_body: Annotated[str | None, Field(description="As text; what is no UTF-8 as data:;base64,...")]
    response_headers: Annotated[dict[str, str] | None, Field(description="By small letters; repeated ones joined.")]
    response_body: Annotated[str | None, Field(description="Its first bytes as text.")]
    response_cut: Annotated[bool | None, Field(description="Whether more came than is kept.")]


class AttemptList(BaseModel):
    """A page of attempts, newest first; it may be short where few are found."""

    attempts: list[AttemptLine]
    next: Annotated[str | None, Field(description=NEXT_WORDS)]


class AttemptWords(BaseModel):
    """What can be asked of deliveries and attempts alike."""

    contract: ContractWord = None
    business_unit: UnitWord = None
    trigger: TriggerWord = None
    connector: Annotated[str | None, Field(description="Name of the connector.")] = None
    event: Annotated[int | None, Field(ge=1, le=LARGEST_ID, description="Number of the event.")] = None
    outcome: Annotated[Outcome | None, Field(description="How an attempt ended.")] = None
    status_code: Annotated[int | None, Field(ge=100, le=999, description="What an attempt was answered.")] = None
    error: Annotated[
        str | None, Field(min_length=1, max_length=200, description="Some words of an attempt's error.")
    ] = None
    since: SinceWord = None
    until: UntilWord = None


class Filters(Protocol):
    """What queries and bodies that ask for deliveries have alike."""

    contract: str | None
    business_unit: str | None
    trigger: Trigger | None
    connector: str | None
    event: int | None
    outcome: Outcome | None
    status_code: int | None
    error: str | None
    since: str | None
    until: str | None


class AttemptFilter(AttemptWords, Paging):
    """Which attempts: all that is given must hold."""


class DeliveryFilter(AttemptFilter):
    """Which deliveries: all that is given must hold; what is asked of an attempt holds for one of its attempts."""

    state: Annotated[State | None, Field(description="Where the delivery stands.")] = None


class LateWord(Asking):
    """Which of two attempts of one number."""

    late: Annotated[bool, Field(description="The one that came back too late, beside the one taken for lost.")] = False


@router.get(
    "/deliveries",
    response_model=DeliveryList,
    responses={200: {"description": "A page of deliveries.", "headers": link_header()}, **answers()},
)
def list_deliveries(request: Request, caller: Looking, asked: Annotated[DeliveryFilter, Query()]) -> Response:
    """Deliveries, newest first, without their reports."""
    cursor = None if asked.cursor is None else Cursor.read(asked.cursor)
    with caller.site.reading() as connection:
        question = question_of(connection, asked, state=asked.state, limit=asked.limit)
        page = deliveries.listed(connection, question, within=caller.access.within, cursor=cursor)
    entries = [_line(row, DeliveryLine) for row in page.rows]
    return page_of(request, "deliveries", entries, None if page.older is None else str(page.older))


@router.get("/deliveries/{event_id}/{connector_id}", response_model=DeliveryAnswer, responses=answers(404))
def get_delivery(caller: Looking, event_id: EventId, connector_id: ConnectorId) -> Response:
    """One delivery with its report; that it was read is put on record."""
    key, within = (event_id, connector_id), caller.access.within
    with caller.site.reading() as connection:
        row = delivery_row(connection, caller, key)
        report = history.report(connection, key, within=within) or {"content_type": "", "body": None}
    _looked(caller, f"delivery {event_id}/{connector_id}", row)
    return ExactResponse(_line(row, DeliveryLine) | dict(report))


@router.get(
    "/attempts",
    response_model=AttemptList,
    responses={200: {"description": "A page of attempts.", "headers": link_header()}, **answers()},
)
def list_attempts(request: Request, caller: Looking, asked: Annotated[AttemptFilter, Query()]) -> Response:
    """Attempts, newest first, without what was sent and answered."""
    after = read(asked.cursor, datetime, int, int, int, bool)
    with caller.site.reading() as connection:
        question = question_of(connection, asked, state=None, limit=asked.limit)
        found = history.attempts(connection, question, within=caller.access.within, after=after)
    return page_of(request, "attempts", [_line(row, AttemptLine) for row in found.rows], found.after)


@router.get(
    "/deliveries/{event_id}/{connector_id}/attempts/{number}", response_model=AttemptAnswer, responses=answers(404)
)
def get_attempt(
    caller: Looking,
    event_id: EventId,
    connector_id: ConnectorId,
    number: Annotated[int, Path(ge=1, le=2**31 - 1, description="Number of the attempt.", examples=[1])],
    asked: Annotated[LateWord, Query()],
) -> Response:
    """One attempt with what was sent and answered; that it was read is put on record."""
    key, within = (event_id, connector_id), caller.access.within
    with caller.site.reading() as connection:
        row = history.attempt(connection, key, number, late=asked.late, within=within)
    if row is None:
        raise NotFoundError("there is no such attempt")
    _looked(caller, f"attempt {event_id}/{connector_id}/{number}", row)
    return ExactResponse(_line(row, AttemptAnswer))


def question_of(connection: Connection, asked: Filters, *, state: State | None, limit: int | None) -> Question:
    """The question that these filters ask."""
    times = span(clock(connection), asked.since, asked.until)
    return Question(
        event=asked.event,
        contract=asked.contract,
        business_unit=asked.business_unit,
        trigger=asked.trigger,
        connector=asked.connector,
        state=state,
        outcome=asked.outcome,
        status_code=asked.status_code,
        error=asked.error,
        since=times.since,
        until=times.until,
        limit=limit,
    )


def delivery_row(connection: Connection, caller: Caller, key: Key) -> Mapping[str, Any]:
    """The delivery; NotFoundError alike for one that isn't there and one that isn't the caller's."""
    for row in deliveries.rows_of(connection, [key], within=caller.access.within):
        return row
    raise NotFoundError(NO_DELIVERY)


def _line(row: Mapping[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    return {name: row[name] for name in model.model_fields}


def _looked(caller: Caller, what: str, row: Mapping[str, Any]) -> None:
    unit = row["business_unit"]
    with caller.site.writing() as connection:
        caller.record(connection, "looked", what, None if unit is None else [unit])
