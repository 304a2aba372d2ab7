"""Hop 2: takes notes, reads again what overlapped, decides, builds reports, writes it all in one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from outbox import routing, store
from outbox.model import Company, DataChoice, Event
from outbox.report import build_report, company_ids
from outbox.routing import ConnectorIndex, Planned


def route_batch(connection: Connection, connectors: ConnectorIndex, *, most: int, max_bytes: int, worker: str) -> int:
    """Routes the contracts of the `most` oldest notes, whole; returns how many events were decided.

    Runs in the caller's transaction: notes are deleted in the same commit that writes what became of them.
    """
    contract_ids = store.candidates(connection, most=most)
    if not contract_ids:
        return 0
    locked = store.try_lane_locks(connection, contract_ids)
    events = store.take_notes(connection, locked) if locked else []
    if not events:
        return 0
    routed = routing.route(reread(connection, events), connectors)
    store.insert_decisions(connection, routed.decisions)
    if routed.deliveries:
        write_deliveries(connection, routed.deliveries, max_bytes=max_bytes, worker=worker)
    return len(events)


def reread(connection: Connection, events: Sequence[Event]) -> list[Event]:
    """Gives events that overlapped the contract as it is now: neither of their own documents has both changes."""
    overlapping = {event.contract_id for event in events if event.overlaps}
    if not overlapping:
        return list(events)
    present = store.read_contracts(connection, overlapping)
    return [_as_now(event, present) if event.overlaps else event for event in events]


def _as_now(event: Event, present: dict[str, store.ContractNow]) -> Event:
    now = present.get(event.contract_id)
    if now is None:
        return replace(event, overlaps=False)
    return replace(event, business_unit=now.business_unit, status=now.status, document=now.document)


def write_deliveries(
    connection: Connection,
    planned: Sequence[Planned],
    *,
    max_bytes: int,
    worker: str,
    kind: str = "auto",
    first_in_lane: bool = False,
) -> int:
    """Builds the reports and writes the deliveries, in their order; returns how many were new.

    `first_in_lane`: recorded events that come before whatever waits in their lanes, by event id.
    """
    companies = _companies(connection, planned)
    new = [
        store.NewDelivery(
            event=one.event,
            connector=one.connector,
            report=build_report(one.event, one.connector, companies=companies, max_bytes=max_bytes),
            kind=kind,
            position=one.event.id - store.BEFORE_ALL if first_in_lane else None,
        )
        for one in planned
    ]
    return store.insert_deliveries(connection, new, worker=worker)


def _companies(connection: Connection, planned: Iterable[Planned]) -> tuple[Company, ...]:
    """The companies that these reports tell of; none are read where only the status is sent."""
    telling = (one.event for one in planned if one.connector.data is DataChoice.EVERYTHING)
    ids = {company_id for event in telling for company_id in company_ids(event)}
    return store.read_companies(connection, ids) if ids else ()
