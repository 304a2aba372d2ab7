"""Events: listed without their content, and one with it."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from outbox.audit import clock
from outbox.audit_views import Question
from outbox.insight import contracts, history
from outbox.insight.contracts import ALL_OUTCOMES
from outbox.model import Trigger
from outbox.web.api.caller import Looking
from outbox.web.api.contracts import decision_of
from outbox.web.api.exact import ExactResponse
from outbox.web.api.facts import (
    ContractWord,
    Decision,
    EventId,
    SinceWord,
    TriggerWord,
    UnitWord,
    UntilWord,
    span,
)
from outbox.web.api.pages import NEXT_WORDS, Paging, link_header, page_of, read
from outbox.web.api.problems import answers
from outbox.web.errors import NotFoundError

router = APIRouter(prefix="/events", tags=["history"])


class EventLine(BaseModel):
    """An event without its content."""

    event_id: int
    occurred_at: datetime
    trigger: Trigger
    contract_id: str
    business_unit: str | None
    status: Annotated[str | None, Field(description="The contract's, when it was captured.")]
    transaction_id: Annotated[str, Field(description="The application's transaction, by PostgreSQL's number.")]
    coalesced_into: Annotated[int | None, Field(description="The event that is reported in its place.")]
    routed_at: Annotated[datetime | None, Field(description="null: it is not routed yet.")]


class EventAnswer(EventLine):
    """An event with its content, and what was decided for each connector of its business unit."""

    changed: Annotated[
        dict[str, Any] | None, Field(description="Column -> {old, new}; null where the values aren't kept.")
    ]
    detail: Any
    document: Annotated[Any, Field(description="The contract as it was committed; null: it was gone, or is erased.")]
    decisions: list[Decision]


class EventList(BaseModel):
    """A page of events, newest first; it may be short where few are found."""

    events: list[EventLine]
    next: Annotated[str | None, Field(description=NEXT_WORDS)]


class EventFilter(Paging):
    """Which events: all that is given must hold."""

    contract: ContractWord = None
    business_unit: UnitWord = None
    trigger: TriggerWord = None
    since: SinceWord = None
    until: UntilWord = None


@router.get(
    "",
    response_model=EventList,
    responses={200: {"description": "A page of events.", "headers": link_header()}, **answers()},
)
def list_events(request: Request, caller: Looking, asked: Annotated[EventFilter, Query()]) -> Response:
    """Events, newest first, without their content."""
    after = read(asked.cursor, datetime, int)
    with caller.site.reading() as connection:
        times = span(clock(connection), asked.since, asked.until)
        question = Question(
            contract=asked.contract,
            business_unit=asked.business_unit,
            trigger=asked.trigger,
            since=times.since,
            until=times.until,
            limit=asked.limit,
        )
        found = history.events(connection, question, within=caller.access.within, after=after)
    entries = [{name: row[name] for name in EventLine.model_fields} for row in found.rows]
    return page_of(request, "events", entries, found.after)


@router.get("/{event_id}", response_model=EventAnswer, responses=answers(404))
def get_event(caller: Looking, event_id: EventId) -> Response:
    """One event with its content and its decisions; that it was read is put on record."""
    within = caller.access.within
    with caller.site.reading() as connection:
        event = history.event(connection, event_id, within=within)
        if event is None:
            raise NotFoundError("there is no such event")
        decided = contracts.outcomes(connection, [event_id], within=within, most=ALL_OUTCOMES)[event_id]
    unit = event["business_unit"]
    with caller.site.writing() as connection:
        caller.record(connection, "looked", f"event {event_id}", None if unit is None else [unit])
    told = {name: event[name] for name in EventAnswer.model_fields if name != "decisions"}
    return ExactResponse(told | {"decisions": [decision_of(one) for one in decided]})
