"""Events that went to nobody, with the reason."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from outbox.audit import clock
from outbox.insight import not_sent
from outbox.insight.not_sent import FOLDED, UNSENT, Wanted
from outbox.model import Reason, Trigger
from outbox.web.api.caller import Looking
from outbox.web.api.facts import TriggerWord, UnitWord, UntilWord, span, unit_of
from outbox.web.api.pages import NEXT_WORDS, Going, link_header, page_of, read
from outbox.web.api.problems import answers

router = APIRouter(prefix="/not-sent", tags=["history"])


class NotSent(BaseModel):
    """An event that nobody was sent."""

    event_id: int
    occurred_at: datetime
    trigger: Trigger
    contract_id: str
    business_unit: str | None
    status: str | None
    reason: Reason
    words: Annotated[str | None, Field(description="The reason in words.")]
    connectors: Annotated[
        list[str] | None, Field(description="Those that were decided against; null: the reason holds for all.")
    ]


class NotSentList(BaseModel):
    """A page of them, newest first. It may be short, and empty: the look goes on where `next` says."""

    events: list[NotSent]
    looked_to: Annotated[datetime | None, Field(description="How far back this page looked; null: to the beginning.")]
    next: Annotated[str | None, Field(description=NEXT_WORDS)]


class NotSentFilter(Going):
    """Which of them: all that is given must hold."""

    reason: Annotated[Reason | None, Field(description="Why. Left out: all but coalesced and unchanged.")] = None
    business_unit: UnitWord = None
    trigger: TriggerWord = None
    until: UntilWord = None


@router.get(
    "",
    response_model=NotSentList,
    responses={200: {"description": "A page of events.", "headers": link_header()}, **answers()},
)
def list_not_sent(request: Request, caller: Looking, asked: Annotated[NotSentFilter, Query()]) -> Response:
    """Events that went to nobody, newest first, a stretch of events at a time."""
    after, within = read(asked.cursor, int), caller.access.within
    with caller.site.reading() as connection:
        until = span(clock(connection), None, asked.until).until
        unit = unit_of(connection, asked.business_unit, within=within)
        wanted = Wanted(
            reasons=UNSENT if asked.reason is None else tuple({*UNSENT, *FOLDED} & {asked.reason}),
            business_unit=unit,
            trigger=asked.trigger,
            before=None if after is None else after[0],
            until=until,
        )
        looked = not_sent.look(connection, wanted, within=within)
        ids = looked.newest()
        rows = not_sent.events(connection, ids, within=within)
    full = len(ids) == not_sent.PAGE
    goes_on = ids[-1] - 1 if full else looked.before
    entries = [{name: row[name] for name in NotSent.model_fields} for row in rows]
    reached = rows[-1]["occurred_at"] if full else looked.reached_at
    return page_of(request, "events", entries, None if goes_on is None else [goes_on], looked_to=reached)
