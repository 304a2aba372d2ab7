"""Replay and cancel: one delivery, or all that filters find, counted first."""

import time
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from outbox import bulk, cancel, replay
from outbox.audit_views import Question
from outbox.bulk import Act, Judged, Tally
from outbox.cursor import Cursor
from outbox.errors import RefusedError
from outbox.model import Outcome, State, Trigger
from outbox.moment import write_moment
from outbox.web.api.bodies import Body, reading, takes
from outbox.web.api.caller import Caller, Operating
from outbox.web.api.connectors import ConnectorId
from outbox.web.api.deliveries import NO_DELIVERY, delivery_row, question_of
from outbox.web.api.exact import ExactResponse
from outbox.web.api.facts import EventId
from outbox.web.api.pages import LARGEST_ID
from outbox.web.api.problems import ProblemError, answers
from outbox.web.errors import NotFoundError

router = APIRouter(prefix="/deliveries", tags=["deliveries"])
SECONDS: Final = 10.0
"""So long one call goes on; the next one does the rest."""
_WAITING: Final = (State.PENDING, State.BLOCKED, State.HELD)
_DONE: Final = {Act.REPLAY: "replayed", Act.CANCEL: "cancelled"}


class Bulk(Body):
    """Which deliveries: all that is given must hold. Something must be given."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"state": "dead", "since": "24h", "dry_run": True}]})

    contract: Annotated[str | None, Field(description="Id of the contract.")] = None
    business_unit: Annotated[str | None, Field(description="Business unit: its id, or its unambiguous name.")] = None
    trigger: Annotated[Trigger | None, Field(description="What was captured.")] = None
    connector: Annotated[str | None, Field(description="Name of the connector.")] = None
    event: Annotated[int | None, Field(ge=1, le=LARGEST_ID, description="Number of the event.")] = None
    state: Annotated[
        State | None,
        Field(description="Left out: dead for a replay; to cancel, pending, blocked or held must be named."),
    ] = None
    outcome: Annotated[Outcome | None, Field(description="How an attempt ended.")] = None
    status_code: Annotated[int | None, Field(ge=100, le=999, description="What an attempt was answered.")] = None
    error: Annotated[str | None, Field(min_length=1, max_length=200, description="Words of an attempt's error.")] = None
    since: Annotated[str | None, Field(description="Routed from this moment on: 2026-11-01T10:00:00Z, or 24h ago.")] = (
        None
    )
    until: Annotated[str | None, Field(description="Routed before this moment.")] = None
    dry_run: Annotated[bool, Field(description="Counts, and does nothing.")] = True
    cursor: Annotated[str | None, Field(max_length=2_000, description="To do the rest: that of the answer before.")] = (
        None
    )

    @property
    def filtered(self) -> bool:
        """Whether something is asked for."""
        return bool(self.model_dump(exclude={"dry_run", "cursor"}, exclude_none=True))


class Counted(BaseModel):
    """How many deliveries of a connector get one verdict."""

    verdict: Annotated[str, Field(description="again, forward, due, leased, blocked, cancelled; or why it is refused.")]
    refused: bool
    connector: str
    deliveries: int


class BulkAnswer(BaseModel):
    """What was done, or would be."""

    dry_run: bool
    able: Annotated[int, Field(description="Deliveries for which it is done, or can be.")]
    total: Annotated[int, Field(description="Deliveries that were found.")]
    counted: list[Counted]
    more: Annotated[bool, Field(description="Whether there are more than were counted or done by now.")]
    until: Annotated[datetime | None, Field(description="With `cursor`: what was routed later is not among them.")]
    cursor: Annotated[
        str | None, Field(description="Where there is more to do: ask again with this and `until`. null: all is done.")
    ]


class JudgedAnswer(BaseModel):
    """What became of the delivery."""

    event_id: int
    connector_id: int
    connector: str
    contract_id: str
    verdict: str
    words: Annotated[str, Field(description="The verdict for people.")]


_ALL: dict[str, Any] = {
    "response_model": BulkAnswer,
    "responses": {200: {"description": "What was done, or would be."}, **answers(400, 409, 413, 415)},
    "openapi_extra": takes(Bulk),
}
_ONE: dict[str, Any] = {
    "response_model": JudgedAnswer,
    "responses": {200: {"description": "It is done."}, **answers(404, 409)},
}
Given = Annotated[Bulk, Depends(reading(Bulk))]


@router.post("/replay", **_ALL)
def replay_deliveries(caller: Operating, body: Given) -> Response:
    """Makes due again all that the filters find; `dry_run` first, which is what happens when it isn't said."""
    return _all(caller, body, Act.REPLAY, state=body.state or State.DEAD)


@router.post("/cancel", **_ALL)
def cancel_deliveries(caller: Operating, body: Given) -> Response:
    """Cancels all waiting ones that the filters find; `dry_run` first, which is what happens when it isn't said."""
    return _all(caller, body, Act.CANCEL, state=body.state)


@router.post("/{event_id}/{connector_id}/replay", **_ONE)
def replay_delivery(caller: Operating, event_id: EventId, connector_id: ConnectorId) -> Response:
    """Makes it due again, or sooner; 409 with the reason where it can't be. The service sends it."""
    return _one(caller, (event_id, connector_id), Act.REPLAY)


@router.post("/{event_id}/{connector_id}/cancel", **_ONE)
def cancel_delivery(caller: Operating, event_id: EventId, connector_id: ConnectorId) -> Response:
    """Gives up one that waits; 409 with the reason where it can't be."""
    return _one(caller, (event_id, connector_id), Act.CANCEL)


def _one(caller: Caller, key: replay.Key, act: Act) -> ExactResponse:
    site, who = caller.site, caller.access.who
    with site.reading() as connection:
        row = delivery_row(connection, caller, key)
    judged: Judged | None
    if act is Act.REPLAY:
        judged = next(replay.replay(site.engine, [key], asked_by=who), None)
    else:
        judged = next(cancel.cancel(site.engine, [key], asked_by=who), None)
    if judged is None:
        raise NotFoundError(NO_DELIVERY)
    if judged.verdict.refused:
        raise RefusedError(f"delivery {key[0]}/{key[1]} to {judged.connector} {judged.words}")
    with site.writing() as connection:
        unit = row["business_unit"]
        named = f"delivery {key[0]}/{key[1]}"
        caller.record(connection, _DONE[act], named, None if unit is None else [unit], verdict=judged.verdict.value)
    told = {name: getattr(judged, name) for name in JudgedAnswer.model_fields}
    return ExactResponse(told)


def _all(caller: Caller, body: Bulk, act: Act, *, state: State | None) -> ExactResponse:
    if not body.filtered:
        raise ProblemError(422, errors=[("state", "expected a filter such as state or since, got none; add one")])
    if act is Act.CANCEL and state not in _WAITING:
        raise ProblemError(422, errors=[("state", f"expected pending, blocked or held, got {state or 'none'}")])
    with caller.site.reading() as connection:
        question = question_of(connection, body, state=state, limit=None)
        if body.dry_run:
            tally = bulk.count(connection, question, act, within=caller.access.within)
            return _told(body, tally, until=None, cursor=None)
        question = bulk.fixed(connection, question)
    tally, cursor = _steps(caller, body, question, act)
    with caller.site.writing() as connection:
        _record(connection, caller, body, act, tally)
    return _told(body, tally, until=question.until if cursor else None, cursor=cursor)


def _steps(caller: Caller, body: Bulk, question: Question, act: Act) -> tuple[Tally, Cursor | None]:
    """Step after step, until all is done or the call has taken long enough."""
    began, counted = time.monotonic(), Counter[tuple[bulk.Verdict, str]]()
    cursor = None if body.cursor is None else Cursor.read(body.cursor)
    while True:
        done = bulk.step(
            caller.site.engine,
            question,
            act,
            within=caller.access.within,
            asked_by=caller.access.who,
            cursor=cursor,
        )
        counted.update(done.done.counted)
        cursor = done.onward
        if cursor is None or time.monotonic() - began > SECONDS:
            return Tally(counted, more=cursor is not None), cursor


def _record(connection: Connection, caller: Caller, body: Bulk, act: Act, tally: Tally) -> None:
    filters: Mapping[str, Any] = body.model_dump(mode="json", exclude={"dry_run", "cursor"}, exclude_none=True)
    units = caller.access.within
    caller.record(connection, _DONE[act], "deliveries", units, filters=dict(filters), done=tally.able)


def _told(body: Bulk, tally: Tally, *, until: datetime | None, cursor: Cursor | None) -> ExactResponse:
    counted = [
        {"verdict": verdict.value, "refused": verdict.refused, "connector": connector, "deliveries": number}
        for (verdict, connector), number in sorted(tally.counted.items(), key=lambda entry: (entry[0][1], entry[0][0]))
    ]
    return ExactResponse(
        {
            "dry_run": body.dry_run,
            "able": tally.able,
            "total": tally.total,
            "counted": counted,
            "more": tally.more,
            "until": None if until is None else write_moment(until),
            "cursor": None if cursor is None else str(cursor),
        }
    )
