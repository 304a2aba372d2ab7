"""What is done to a connector beside changing it: enabled, disabled, tried out; and its versions."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from outbox import connector_edits
from outbox.connector_acts import Emptied, discard, probe_now
from outbox.connectors import UNOPENED, StandingConnector
from outbox.errors import RefusedError
from outbox.insight.connector_versions import SHOWN, versions
from outbox.model import Response as Received
from outbox.request import redacted_headers
from outbox.trial import Trial, prepare_trial, record_trial, run_trial
from outbox.web.api.bodies import reading, takes
from outbox.web.api.caller import Looking, Operating
from outbox.web.api.connector_answers import NO_CONNECTOR, connector_answer, found
from outbox.web.api.connector_bodies import ConnectorAnswer, Disabled, Disabling, Probed, Tried, VersionList
from outbox.web.api.connector_changes import require_own
from outbox.web.api.connectors import CHANGED, ConnectorId
from outbox.web.api.exact import ExactResponse
from outbox.web.api.pages import Going, link_header, page_of, read
from outbox.web.api.problems import answers
from outbox.web.errors import NotFoundError

router = APIRouter(prefix="/connectors/{connector_id}", tags=["connectors"])


@router.post("/enable", response_model=ConnectorAnswer, responses=CHANGED | answers(404))
def enable_connector(caller: Operating, connector_id: ConnectorId) -> Response:
    """Lets what waits for it go out, held or disabled; it may be so already."""
    with caller.site.writing() as connection:
        standing = found(connection, caller, connector_id)
        require_own(caller.access, standing)
        if connector_edits.enable_connector(connection, standing.id, author=caller.author):
            caller.record(connection, "enabled", *_named(standing), id=standing.id)
        standing = found(connection, caller, connector_id)
    return connector_answer(standing, caller.access)


@router.post(
    "/disable",
    response_model=Disabled,
    responses=CHANGED | answers(400, 404, 413, 415),
    openapi_extra=takes(Disabling, optional=True),
)
def disable_connector(
    caller: Operating,
    connector_id: ConnectorId,
    body: Annotated[Disabling, Depends(reading(Disabling, optional=True))],
) -> Response:
    """Stops its deliveries: they wait, or with `discard` are cancelled; it may be so already."""
    reason, site = body.reason or f"disabled by {caller.access.who}", caller.site
    with site.writing() as connection:
        standing = found(connection, caller, connector_id)
        require_own(caller.access, standing)
        emptied, done = Emptied(0, left=False), False
        if not body.discard:
            stopped = connector_edits.disable_connector(connection, standing.id, reason=reason, author=caller.author)
            done = stopped is not None
    if body.discard and (dropped := discard(site.engine, standing.id, reason=reason, author=caller.author)):
        emptied, done = dropped, True
    with site.writing() as connection:
        if done:
            named, units = _named(standing)
            caller.record(
                connection, "disabled", named, units, id=standing.id, reason=reason, cancelled=emptied.cancelled
            )
        standing = found(connection, caller, connector_id)
    return connector_answer(standing, caller.access, cancelled=emptied.cancelled, left=emptied.left)


@router.post("/probe", response_model=Probed, responses={200: {"description": "Whether it will be."}, **answers(404)})
def probe_connector(caller: Operating, connector_id: ConnectorId) -> Response:
    """Lets a held one be tried at once, with one delivery, instead of at its time."""
    with caller.site.writing() as connection:
        standing = found(connection, caller, connector_id)
        require_own(caller.access, standing)
        due = probe_now(connection, standing.id)
        if due:
            caller.record(connection, "asked for a probe", *_named(standing), id=standing.id)
    return ExactResponse({"due": due})


@router.post(
    "/test", response_model=Tried, responses={200: {"description": "What was sent and answered."}, **answers(404, 409)}
)
def test_connector(caller: Operating, connector_id: ConnectorId) -> Response:
    """Sends one report through the real sender, of the newest event that fits or a made-up one, on record as a test."""
    site = caller.site
    with site.writing() as connection:
        standing = found(connection, caller, connector_id)
        require_own(caller.access, standing)
        if standing.unopened:
            raise RefusedError(f"connector {standing.spec.name!r}: {UNOPENED}; add the key, or set the secret again")
        trial = prepare_trial(connection, standing.connector(), max_bytes=site.settings.report.max_bytes)
    received = run_trial(trial, site.transport)
    with site.writing() as connection:
        record_trial(connection, trial, received, worker=caller.access.who)
        caller.record(connection, "tested", *_named(standing), id=standing.id, event=trial.leased.event_id)
    return ExactResponse(_tried(trial, received))


@router.get(
    "/versions",
    response_model=VersionList,
    responses={200: {"description": "A page of its versions.", "headers": link_header()}, **answers(404)},
)
def list_connector_versions(
    request: Request, caller: Looking, connector_id: ConnectorId, asked: Annotated[Going, Query()]
) -> Response:
    """Who changed it, when, from where, and what it was then: newest first, of a removed one too."""
    after = read(asked.cursor, int)
    with caller.site.reading() as connection:
        below = None if after is None else after[0]
        kept = versions(connection, connector_id, within=caller.access.within, names={}, below=below)
    if not kept and after is None:
        raise NotFoundError(NO_CONNECTOR)
    entries = [
        {
            "version": one.number,
            "action": one.action,
            "changed_at": one.changed_at,
            "changed_by": one.changed_by,
            "origin": one.origin,
            "changes": [
                {"field": change.key, "before": change.before, "after": change.after} for change in one.changes
            ],
            "connector": one.kept,
        }
        for one in kept
    ]
    more = len(kept) == SHOWN and kept[-1].number > 1
    return page_of(request, "versions", entries, [kept[-1].number] if more else None)


def _named(standing: StandingConnector) -> tuple[str, tuple[str, ...]]:
    return f"connector {standing.spec.name!r}", standing.spec.business_units


def _tried(trial: Trial, received: Received) -> dict[str, Any]:
    return {
        "event_id": trial.leased.event_id,
        "taken_from": trial.taken_from,
        "request": {
            "url": trial.request.url,
            "headers": redacted_headers(trial.request),
            "body": trial.request.body,
        },
        "outcome": received.outcome,
        "status_code": received.status,
        "duration_ms": received.duration_ms,
        "timings": received.timings,
        "error_code": received.error_code,
        "error": received.error,
        "response": {
            "headers": [{"name": name, "value": value} for name, value in received.headers],
            "body": received.body,
            "cut": received.cut,
        },
    }
