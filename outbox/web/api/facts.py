"""The parts that several answers have: columns that changed, decisions, and the words for ids and moments."""

from datetime import datetime
from typing import Annotated, TypeAlias

from fastapi import Path
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from outbox.access import Within
from outbox.audit_names import business_unit_id
from outbox.model import Outcome, Reason, State, Trigger
from outbox.moment import parse_moment
from outbox.web.api.pages import LARGEST_ID
from outbox.web.api.problems import ProblemError

EventId: TypeAlias = Annotated[int, Path(ge=1, le=LARGEST_ID, description="Number of the event.", examples=[1])]
ContractWord: TypeAlias = Annotated[str | None, Field(description="Id of the contract.")]
UnitWord: TypeAlias = Annotated[str | None, Field(description="Business unit: its id, or its unambiguous name.")]
TriggerWord: TypeAlias = Annotated[Trigger | None, Field(description="What was captured.")]
SinceWord: TypeAlias = Annotated[
    str | None,
    Field(description="From this moment on: 2026-11-01T10:00:00Z, or how long ago, such as 2h or 7d.", examples=["7d"]),
]
UntilWord: TypeAlias = Annotated[
    str | None, Field(description="Before this moment, written as for `since`.", examples=["2026-11-01T10:00:00Z"])
]


class Span(BaseModel):
    """A stretch of time, by the database's clock."""

    since: datetime | None
    until: datetime | None


def span(now: datetime, since: str | None, until: str | None) -> Span:
    """The stretch as it was written; ProblemError with each fault."""
    faults: list[tuple[str, str]] = []
    found = Span(since=_moment("since", since, now, faults), until=_moment("until", until, now, faults))
    if found.since is not None and found.until is not None and found.since >= found.until:
        faults.append(("since", f"expected a moment before until, got {since!r} and {until!r}"))
    if faults:
        raise ProblemError(422, errors=faults)
    return found


def _moment(field: str, written: str | None, now: datetime, faults: list[tuple[str, str]]) -> datetime | None:
    if written is None:
        return None
    try:
        return parse_moment(written, now=now)
    except ValueError as error:
        faults.append((field, str(error)))
        return None


def unit_of(connection: Connection, written: str | None, *, within: Within) -> str | None:
    """The id of the business unit that is asked for; ConfigurationError for one that isn't theirs, there or not."""
    return None if written is None else business_unit_id(connection, written, within=within)[0]


class Decision(BaseModel):
    """What was decided for an event and a connector, and what came of it where something was to be sent."""

    connector_id: Annotated[int | None, Field(description="null where the reason holds for all.")]
    connector: str | None
    reason: Reason
    words: Annotated[str, Field(description="The decision in words.")]
    into_event_id: Annotated[int | None, Field(description="Of a coalesced event: the one that stands for it.")]
    reread: Annotated[bool, Field(description="Whether the contract was read again, for transactions overlapped.")]
    decided_at: datetime
    state: Annotated[State | None, Field(description="Of the delivery, where there is one.")]
    attempts: int | None
    due_at: datetime | None
    finished_at: datetime | None
    last_error: str | None
    blocked_by: Annotated[int | None, Field(description="The event at the head of its lane.")]
    replaying: bool | None
    outcome: Annotated[Outcome | None, Field(description="Of the latest attempt.")]
    status_code: int | None
    duration_ms: float | None
