"""How it stands: lag, what waits, connectors and their health; of the business units that the token is for."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from outbox.audit import clock
from outbox.insight import backlog
from outbox.insight.backlog import Standing, Waiting
from outbox.insight.connectors import Figures, figures
from outbox.model import Outcome
from outbox.web.api.caller import Looking
from outbox.web.api.connector_answers import own_units
from outbox.web.api.exact import ExactResponse
from outbox.web.api.problems import answers

router = APIRouter(prefix="/health", tags=["health"])


class ConnectorHealth(BaseModel):
    """How a connector does, as far as it concerns the token's business units."""

    id: int
    name: str
    business_units: list[str]
    state: str
    state_reason: Annotated[
        str | None, Field(description="Why it is held or disabled; not told where it is others' too.")
    ]
    state_since: datetime | None
    next_probe_at: datetime | None
    given_up: Annotated[bool, Field(description="Whether the service disabled it, and no person.")]
    waiting: Annotated[int, Field(description="Open deliveries.")]
    leased: Annotated[int, Field(description="Of these, being sent now.")]
    blocked: Annotated[int, Field(description="Of these, behind their lane's head.")]
    failing: Annotated[int, Field(description="Of these, after an attempt that failed.")]
    oldest_at: Annotated[datetime | None, Field(description="When the oldest open one was routed.")]
    attempts: Annotated[int, Field(description="In the last 24 hours.")]
    ok: Annotated[int, Field(description="Of these, answered 2xx.")]
    last_attempt_at: datetime | None
    last_outcome: Outcome | None
    last_status_code: int | None


class Health(BaseModel):
    """How it stands now."""

    at: datetime
    lag_seconds: Annotated[float, Field(description="The longest that anything has waited which only workers keep.")]
    unrouted: Annotated[int, Field(description="Captured, and not routed yet.")]
    unrouted_since: datetime | None
    waiting: Annotated[int, Field(description="Open deliveries.")]
    workers: Annotated[int | None, Field(description="That live; null for a token that is limited.")]
    capture_errors: Annotated[
        int | None, Field(description="Changes that could not be captured; null for a token that is limited.")
    ]
    connectors: Annotated[list[ConnectorHealth], Field(description="Those that are not removed, by name.")]


@router.get("", response_model=Health, responses=answers())
def get_health(caller: Looking) -> Response:
    """Lag, what waits, and how each connector does."""
    within, heartbeat = caller.access.within, caller.site.settings.relay.heartbeat_seconds
    late = timedelta(seconds=caller.site.settings.alerts.lag_seconds)
    with caller.site.reading() as connection:
        now = clock(connection)
        waiting = backlog.read_waiting(connection, late=late, within=within)
        stand = backlog.read_connectors(connection, within=within)
        unrouted = backlog.read_unrouted(connection, within=within)
        service = backlog.read_service(connection, heartbeat_seconds=heartbeat, within=within)
        does = figures(connection, [one.line.connector_id for one in stand], within=within)
    by_connector = defaultdict(list)
    for one in waiting:
        by_connector[one.key.connector_id].append(one)
    return ExactResponse(
        {
            "at": now,
            "lag_seconds": backlog.lag(waiting, stand, unrouted, now).total_seconds(),
            "unrouted": unrouted.events,
            "unrouted_since": unrouted.oldest_at,
            "waiting": sum(one.waiting for one in waiting),
            "workers": None if service is None else service.workers,
            "capture_errors": None if service is None else service.capture_errors,
            "connectors": [
                _told(one, by_connector[one.line.connector_id], does[one.line.connector_id], caller) for one in stand
            ],
        }
    )


def _told(one: Standing, waiting: Iterable[Waiting], does: Figures, caller: Looking) -> dict[str, Any]:
    line, its = one.line, list(waiting)
    mine = caller.access.owns(line.business_units)
    return {
        "id": line.connector_id,
        "name": line.name,
        "business_units": own_units(line.business_units, caller.access),
        "state": line.state,
        "state_reason": one.reason if mine or line.state == "disabled" else None,
        "state_since": one.since,
        "next_probe_at": one.next_probe_at,
        "given_up": one.given_up,
        "waiting": sum(part.waiting for part in its),
        "leased": sum(part.leased for part in its),
        "blocked": sum(part.blocked for part in its),
        "failing": sum(part.failing for part in its),
        "oldest_at": min((part.oldest_at for part in its), default=None),
        "attempts": does.attempts,
        "ok": does.ok,
        "last_attempt_at": does.last_at,
        "last_outcome": does.last_outcome,
        "last_status_code": does.last_status,
    }
