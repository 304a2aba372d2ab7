"""Deadlines: those that come, those that were raised, and the scan that looks for them."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from outbox.audit import clock
from outbox.insight import expiring
from outbox.web.api.caller import Looking
from outbox.web.api.exact import ExactResponse
from outbox.web.api.facts import UnitWord, unit_of
from outbox.web.api.pages import NEXT_WORDS, Asking, Going, link_header, page_of, read
from outbox.web.api.problems import answers

router = APIRouter(prefix="/expiry", tags=["expiry"])


class Upcoming(BaseModel):
    """A deadline that will raise `expired`."""

    deadline: datetime
    contract_id: str
    subject: str | None
    business_unit: str | None
    status: str | None


class UpcomingList(BaseModel):
    """Deadlines that come, soonest first."""

    deadlines: list[Upcoming]
    reached: Annotated[
        datetime | None, Field(description="Up to when all stand here, where there are too many to read; else null.")
    ]
    unreadable: Annotated[str | None, Field(description="Why the source can't be read now.")]


class UpcomingFilter(Asking):
    """Which deadlines."""

    business_unit: UnitWord = None
    days: Annotated[float, Field(gt=0, le=3_650, description="How far to look ahead.")] = 30.0


class Raised(BaseModel):
    """An `expired` event."""

    event_id: int
    deadline: datetime
    contract_id: str
    business_unit: str | None
    status: str | None


class RaisedList(BaseModel):
    """A page of `expired` events, newest first; it may be short."""

    events: list[Raised]
    next: Annotated[str | None, Field(description=NEXT_WORDS)]


class RaisedFilter(Going):
    """Which of them."""

    business_unit: UnitWord = None


class Scan(BaseModel):
    """The scan for deadlines; some is told only to tokens that aren't limited."""

    installed: Annotated[bool, Field(description="Whether a mapping with [expired] is installed; else all is null.")]
    ended_at: Annotated[datetime | None, Field(description="When the last one ended.")]
    due_at: datetime | None
    seconds: Annotated[float | None, Field(description="How long it took.")]
    raised: Annotated[int | None, Field(description="What it raised.")]
    scanning: bool | None
    late_seconds: Annotated[float | None, Field(description="For how long one should have ended; below 0: time yet.")]


@router.get("/upcoming", response_model=UpcomingList, responses=answers())
def list_upcoming_deadlines(caller: Looking, asked: Annotated[UpcomingFilter, Query()]) -> Response:
    """Deadlines that come, by the installed mapping."""
    within = caller.access.within
    with caller.site.reading() as connection:
        now, unit = clock(connection), unit_of(connection, asked.business_unit, within=within)
        until = now + timedelta(days=asked.days)
        if not expiring.scan(connection, within=within, every=caller.site.settings.expiry.scan_seconds):
            return ExactResponse({"deadlines": [], "reached": None, "unreadable": None})
        ahead = expiring.ahead(connection, within=within, after=now, until=until, business_unit=unit)
    entries = [{name: row[name] for name in Upcoming.model_fields} for row in ahead.deadlines]
    return ExactResponse({"deadlines": entries, "reached": ahead.reached, "unreadable": ahead.unreadable})


@router.get(
    "/raised",
    response_model=RaisedList,
    responses={200: {"description": "A page of events.", "headers": link_header()}, **answers()},
)
def list_raised_deadlines(request: Request, caller: Looking, asked: Annotated[RaisedFilter, Query()]) -> Response:
    """`expired` events, newest first."""
    after, within = read(asked.cursor, int), caller.access.within
    with caller.site.reading() as connection:
        unit = unit_of(connection, asked.business_unit, within=within)
        before = None if after is None else after[0]
        raised = expiring.raised(connection, within=within, business_unit=unit, before=before)
    entries = [{name: row[name] for name in Raised.model_fields} for row in raised.events]
    return page_of(request, "events", entries, None if raised.before is None else [raised.before])


@router.get("/scan", response_model=Scan, responses=answers())
def get_expiry_scan(caller: Looking) -> Response:
    """How the scan for deadlines stands."""
    with caller.site.reading() as connection:
        every = caller.site.settings.expiry.scan_seconds
        scan = expiring.scan(connection, within=caller.access.within, every=every)
    named = ("ended_at", "due_at", "seconds", "raised", "scanning")
    told = {name: None if scan is None else getattr(scan, name) for name in named}
    late = None if scan is None else scan.late
    return ExactResponse({"installed": scan is not None, **told, "late_seconds": late})
