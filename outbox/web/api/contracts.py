"""A contract's story: its events, what was decided, what came of it, how it stands now."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from outbox.insight import contracts
from outbox.insight.contracts import ALL_OUTCOMES, PAGE, ContractEvent
from outbox.model import Trigger
from outbox.web.api.caller import Caller, Looking
from outbox.web.api.facts import Decision
from outbox.web.api.pages import NEXT_WORDS, Going, link_header, page_of, read
from outbox.web.api.problems import answers
from outbox.web.errors import NotFoundError

router = APIRouter(prefix="/contracts", tags=["contracts"])


class ColumnChange(BaseModel):
    """A column that changed; numbers keep every digit."""

    column: str
    kept: Annotated[bool, Field(description="Whether its values are on record; else both are null.")]
    old: Any
    new: Any


class Replayed(BaseModel):
    """That somebody asked for a replay."""

    connector_id: int
    connector: str
    verdict: Annotated[str, Field(description="again: to be sent again; forward: its next attempt made now.")]
    asked_at: datetime
    asked_by: str


class StoryEvent(BaseModel):
    """One event of the contract."""

    event_id: int
    occurred_at: datetime
    trigger: Trigger
    business_unit: str | None
    status: str | None
    changes: list[ColumnChange]
    detail: Any
    too_long: Annotated[bool, Field(description="Whether changes and detail are left out here: the event has them.")]
    awaits_routing: bool
    erased_at: datetime | None
    decisions: list[Decision]
    replays: list[Replayed]


class Present(BaseModel):
    """How the source has the contract now, as far as that can be read and seen."""

    known: Literal["found", "absent", "unreadable", "no source"]
    business_unit: str | None
    status: str | None
    deadline: datetime | None
    words: str | None


class RaisedDeadline(BaseModel):
    """A deadline that passed and raised an event."""

    deadline: datetime
    subject: str | None
    event_id: int | None
    raised_at: datetime | None


class NotCaptured(BaseModel):
    """A change that could not be captured; only for tokens that aren't limited."""

    capture_error_id: int
    occurred_at: datetime
    rule: str
    table_name: str | None
    operation: str | None
    sqlstate: str
    message: str
    recaptured_at: datetime | None
    event_ids: list[int] | None


class Erased(BaseModel):
    """That content was erased; only for tokens that aren't limited."""

    erased_at: datetime
    erased_by: str
    reason: str
    events: int
    deliveries: int
    attempts: int


class Story(BaseModel):
    """All that is known of a contract; its events newest first."""

    contract_id: str
    present: Present
    events: list[StoryEvent]
    deadlines: list[RaisedDeadline]
    not_captured: list[NotCaptured]
    erasures: list[Erased]
    next: Annotated[str | None, Field(description=NEXT_WORDS)]


@router.get(
    "/{contract_id:path}",
    response_model=Story,
    responses={200: {"description": "A page of its story.", "headers": link_header()}, **answers(404)},
)
def get_contract(
    request: Request,
    caller: Looking,
    contract_id: Annotated[str, Path(min_length=1, description="Id of the contract.", examples=["1"])],
    asked: Annotated[Going, Query()],
) -> Response:
    """The contract's whole story, its events newest first; that it was read is put on record."""
    after, within = read(asked.cursor, int), caller.access.within
    with caller.site.reading() as connection:
        before = None if after is None else after[0]
        found = contracts.events(connection, contract_id, within=within, before=before, most=PAGE + 1)
        beside = contracts.beside(connection, contract_id, within=within)
        present = contracts.present(connection, contract_id, within=within)
        told = _told(connection, caller, found[:PAGE])
    known = found or beside.deadlines or beside.failures or beside.erasures or present.known == "found"
    if not known and after is None:
        raise NotFoundError("there is no such contract")
    units = {one.business_unit for one in found if one.business_unit is not None}
    with caller.site.writing() as connection:
        caller.record(connection, "looked", f"contract {contract_id!r}", sorted(units))
    return page_of(
        request,
        "events",
        told,
        [found[PAGE - 1].event_id] if len(found) > PAGE else None,
        contract_id=contract_id,
        present=asdict(present),
        deadlines=beside.deadlines,
        not_captured=beside.failures,
        erasures=beside.erasures,
    )


def _told(connection: Connection, caller: Caller, events: list[ContractEvent]) -> list[dict[str, Any]]:
    ids, within = [one.event_id for one in events], caller.access.within
    decided = contracts.outcomes(connection, ids, within=within, most=ALL_OUTCOMES)
    replayed = contracts.replays(connection, ids, within=within)
    return [
        {
            "event_id": one.event_id,
            "occurred_at": one.occurred_at,
            "trigger": one.trigger,
            "business_unit": one.business_unit,
            "status": one.status,
            "changes": [asdict(change) for change in one.changes],
            "detail": one.detail,
            "too_long": one.too_long,
            "awaits_routing": one.awaits_routing,
            "erased_at": one.erased_at,
            "decisions": [decision_of(decision) for decision in decided[one.event_id]],
            "replays": [{name: row[name] for name in Replayed.model_fields} for row in replayed[one.event_id]],
        }
        for one in events
    ]


def decision_of(outcome: contracts.Outcome) -> dict[str, Any]:
    """As Decision says."""
    return {name: getattr(outcome, name) for name in Decision.model_fields}
