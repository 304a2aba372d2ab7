"""Tries a connector: one report through the real sender, recorded as a test."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from outbox import present, store
from outbox.attempt_columns import attempt_columns
from outbox.errors import RefusedError
from outbox.model import (
    ALL_BUSINESS_UNITS,
    Attempt,
    Connector,
    Event,
    Kind,
    Leased,
    Report,
    Request,
    Response,
    Trigger,
)
from outbox.report import build_report, company_ids
from outbox.request import build_request, redacted_headers
from outbox.resources import query
from outbox.sender import Transport

SAMPLE = "sample"


@dataclass(frozen=True, slots=True)
class Trial:
    """What is about to be sent: `taken_from` is the event that it repeats, None for a made-up one."""

    event: Event
    taken_from: int | None
    connector: Connector
    leased: Leased
    request: Request
    started_at: datetime


def prepare_trial(
    connection: Connection, connector: Connector, *, max_bytes: int, chosen: Event | None = None
) -> Trial:
    """A report of the event that was chosen, else of the newest that the connector would get, else a made-up one.

    It goes under an id of its own. Raises RefusedError where the report can't be built.
    """
    now, _ = store.clock(connection)
    fresh = int(connection.execute(query("trial_id")).scalar_one())
    repeated = chosen or _newest_event(connection, connector)
    event = replace(repeated, id=fresh) if repeated else sample_event(connector, fresh, now)
    report = report_of(connection, event, connector, max_bytes=max_bytes)
    if report.body is None:
        raise RefusedError(f"the report of event {event.id} can't be built: {report.error}")
    leased = leased_trial(event, connector, report)
    request = build_request(leased, connector, now=now)
    return Trial(event, repeated.id if repeated else None, connector, leased, request, now)


def leased_trial(event: Event, connector: Connector, report: Report) -> Leased:
    """The report as a first attempt that was never queued."""
    return Leased(
        event_id=event.id,
        connector_id=connector.id,
        contract_id=event.contract_id,
        trigger=event.trigger,
        attempt=1,
        tries=1,
        kind=Kind.TEST,
        token=0,
        body=report.body,
        content_type=report.content_type,
    )


def run_trial(trial: Trial, transport: Transport) -> Response:
    """Sends it, once; the transport takes secrets that the receiver echoes out of the response."""
    return transport.send(trial.request)


def record_trial(connection: Connection, trial: Trial, response: Response, *, worker: str) -> None:
    """Writes the test's delivery and attempt; without content where its contract was erased since it was read."""
    store.lane_locks(connection, [trial.leased.contract_id])
    attempt = Attempt(
        leased=trial.leased,
        connector_version=trial.connector.version,
        started_at=trial.started_at,
        response=response,
        url=trial.request.url,
        request_headers=redacted_headers(trial.request),
        settled=None,
    )
    connection.execute(
        query("trial_record"),
        attempt_columns([attempt])
        | {
            "event_id": trial.leased.event_id,
            "connector_id": trial.connector.id,
            "connector_version": trial.connector.version,
            "trigger": trial.event.trigger.value,
            "contract_id": trial.event.contract_id,
            "business_unit": trial.event.business_unit,
            "content_type": trial.leased.content_type,
            "body": trial.leased.body,
            "worker": worker,
        },
    )


def _newest_event(connection: Connection, connector: Connector) -> Event | None:
    row = connection.execute(
        query("trial_event"),
        {
            "triggers": _words(connector.triggers),
            "all_units": ALL_BUSINESS_UNITS in connector.business_units,
            "business_units": list(connector.business_units),
        },
    ).one_or_none()
    return None if row is None else present.event_of(row)


def _words(triggers: frozenset[Trigger]) -> list[str]:
    return sorted(trigger.value for trigger in triggers)


def sample_event(connector: Connector, fresh: int, now: datetime, trigger: Trigger | None = None) -> Event:
    """An event that nobody can take for a real one."""
    unit = next((unit for unit in connector.business_units if unit != ALL_BUSINESS_UNITS), SAMPLE)
    fields = {line.field: None for line in connector.field_mapping}
    return Event(
        id=fresh,
        occurred_at=now,
        xid=0,
        snapshot="1:1:",
        trigger=trigger or Trigger(_words(connector.triggers)[0]),
        contract_id=SAMPLE,
        business_unit=unit,
        status=SAMPLE,
        document={**fields, "title": "A sample, sent to test this connector; no such contract exists"},
    )


def report_of(connection: Connection, event: Event, connector: Connector, *, max_bytes: int) -> Report:
    """The event's report for this connector, with its companies as they are now."""
    ids: Sequence[str] = company_ids(event)
    companies = present.read_companies(connection, ids) if ids else ()
    return build_report(event, connector, companies=companies, max_bytes=max_bytes)
