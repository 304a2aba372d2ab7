"""Answers what a connector would have sent: routing and reports, the real ones, over the recorded events."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row

from outbox import present
from outbox.connectors import standing_connectors
from outbox.errors import ConfigurationError
from outbox.model import ALL_BUSINESS_UNITS, Connector, Event, Reason
from outbox.questions.declaration import WITHIN
from outbox.questions.reading import Answered, Asked, Rows
from outbox.questions.source import require_mapping
from outbox.report import build_report, company_ids
from outbox.resources import query
from outbox.routing import ConnectorIndex, Decision, route
from outbox.secret_box import SecretBox

BATCH = 500
_VERDICTS = {Reason.DELIVER: "send", Reason.CONTRACT_GONE: "no document"}
"""What the dry run calls otherwise: a document is missing too where it was erased."""
COLUMNS = (
    *("event_id", "occurred_at", "trigger", "contract_id", "business_unit", "verdict", "in_fact", "bytes", "error"),
    "body",
)


def answer(asked: Asked) -> Rows:
    """One row an event, by id; ConfigurationError for a removed connector, RefusedError without a mapping."""
    require_mapping(asked.connection)
    ids: Sequence[int] = asked.values["connector"]
    # No key is needed: what is built here is not sent, and a secret is no part of a report.
    found = {one.id: one for one in standing_connectors(asked.connection, SecretBox(()))}
    if ids[0] not in found:
        raise ConfigurationError("--connector: expected a connector that stands, got one that was removed")
    rows = _rows(asked, found[ids[0]].connector())
    return Rows(COLUMNS, rows, only_exported=frozenset({"body"}))


def _rows(asked: Asked, connector: Connector) -> Iterator[Answered]:
    stretch = asked.row()
    if stretch["first"] is None:
        return
    after = stretch["first"] - 1
    while rows := _page(asked, connector, after=after, last=stretch["last"]):
        after = max(row.id for row in rows if row.asked)
        yield from _answered(asked, rows, connector)


def _page(asked: Asked, connector: Connector, *, after: int, last: int) -> Sequence[Row[Any]]:
    given = {name: asked.values[name] for name in ("since", "until", "contract")}
    every = ALL_BUSINESS_UNITS in connector.business_units
    within = asked.values[WITHIN]
    units = {
        "all_units": every and within is None,
        "business_units": [one for one in within if every or one in connector.business_units]
        if within is not None
        else list(connector.business_units),
    }
    bounds = {"after": after, "last": last, "most": BATCH}
    return asked.connection.execute(query("ask_history"), {**given, **units, **bounds}).all()


def _answered(asked: Asked, rows: Sequence[Row[Any]], connector: Connector) -> Iterator[Answered]:
    page = {row.id for row in rows if row.asked}
    events = [present.event_of(row) for row in rows]
    routed = route(events, ConnectorIndex((connector,)))
    planned = {one.event.id: one.event for one in routed.deliveries}
    companies = present.read_companies(
        asked.connection, {one for event in planned.values() for one in company_ids(event)}
    )
    decided = [
        one for one in routed.decisions if one.event_id in page and (asked.values["all"] or one.event_id in planned)
    ]
    facts = _in_fact(asked.connection, [one.event_id for one in decided], connector)
    by_id = {event.id: event for event in events}
    for one in decided:
        row = _described(by_id[one.event_id], one) | {"in_fact": facts[one.event_id]}
        if one.event_id in planned:
            report = build_report(planned[one.event_id], connector, companies=companies, max_bytes=asked.max_bytes)
            row |= {"bytes": report.body and len(report.body), "error": report.error, "body": report.body}
        yield {name: row.get(name) for name in COLUMNS}


def _described(event: Event, decision: Decision) -> Answered:
    """The event, and what routing would decide: `send`, else the reason, which for a coalesced one names the other."""
    verdict = _VERDICTS.get(decision.reason, decision.reason.value)
    into = f" into {decision.into_event_id}" if decision.into_event_id is not None else ""
    return {
        "event_id": event.id,
        "occurred_at": event.occurred_at,
        "trigger": event.trigger.value,
        "contract_id": event.contract_id,
        "business_unit": event.business_unit,
        "verdict": verdict + into,
    }


def _in_fact(connection: Connection, event_ids: Sequence[int], connector: Connector) -> dict[int, str]:
    rows = connection.execute(query("ask_in_fact"), {"event_ids": list(event_ids), "connector_id": connector.id})
    return {row.event_id: _fact(row) for row in rows}


def _fact(row: Row[Any]) -> str:
    if row.state is not None:
        return str(row.state)
    if row.decided is not None:
        return str(row.decided)
    return "nothing was decided for it" if row.routed else "not routed yet"
