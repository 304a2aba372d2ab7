"""The relay's statements: takes notes, writes decisions and deliveries, claims, settles, promotes. Batches only."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from outbox import canonical
from outbox.model import Attempt, Company, Connector, Event, Json, Kind, Leased, Report, Trigger
from outbox.resources import query
from outbox.routing import Decision
from outbox.storable import grouped, json_text, storable

BEFORE_ALL = 2**62
"""Taken from an event id, it gives a position before everything that is routed."""

TWICE = 2
"""Losses in a row after which a delivery is suspected of killing its worker."""


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A delivery to be written; `position` is its place in the lane, None for the next one."""

    event: Event
    connector: Connector
    report: Report
    kind: str = "auto"
    position: int | None = None


@dataclass(frozen=True, slots=True)
class ContractNow:
    """A contract's present row, by the installed mapping; `unreadable` as in Event."""

    business_unit: str | None
    status: str | None
    document: Mapping[str, Json]
    unreadable: str | None = None


@dataclass(frozen=True, slots=True)
class Want:
    """What a claim may take for one connector; `low`: no row that is due before it needs to be looked at."""

    connector_id: int
    take: int
    lease_seconds: float
    low: datetime | None


def candidates(connection: Connection, *, most: int, set_aside: Collection[str] = ()) -> list[str]:
    """The contracts of the `most` oldest notes, but for those that are set aside."""
    return list(connection.execute(query("route_candidates"), {"most": most, "set_aside": list(set_aside)}).scalars())


def hold_connectors(connection: Connection, ids: Collection[int]) -> dict[int, int]:
    """The versions of those of the connectors that are not removed, which none may change in this transaction."""
    rows = connection.execute(query("route_connectors"), {"ids": sorted(ids)})
    return {row.id: row.version for row in rows}


def try_lane_locks(connection: Connection, contract_ids: Collection[str]) -> list[str]:
    """Those of the contracts whose lanes this transaction now holds; never waits."""
    rows = connection.execute(query("route_lock"), {"contract_ids": sorted(contract_ids)})
    return [row.contract_id for row in rows]


def lane_locks(connection: Connection, contract_ids: Iterable[str]) -> None:
    """Waits for the lanes of these contracts and holds them to the end of the transaction."""
    connection.execute(query("lane_locks"), {"contract_ids": sorted(set(contract_ids))})


def take_notes(connection: Connection, contract_ids: Sequence[str]) -> list[Event]:
    """The events of every visible note of these contracts, in id order; the notes are gone from the inbox."""
    rows = connection.execute(query("route_take"), {"contract_ids": list(contract_ids)})
    return [event_of(row) for row in rows]


def event_of(row: Row[tuple[object, ...]]) -> Event:
    """An event from a row whose JSON columns are text, so that every number keeps its digits."""
    try:
        changed, detail, document, unreadable = _json(row.changed), _json(row.detail), _json(row.document), None
    except ValueError as fault:
        changed, detail, document, unreadable = None, None, None if row.document is None else {}, str(fault)
    return Event(
        id=row.id,
        occurred_at=row.occurred_at,
        xid=row.xid,
        snapshot=row.snapshot,
        trigger=Trigger(row.trigger),
        contract_id=row.contract_id,
        business_unit=row.business_unit,
        status=row.status,
        changed=changed,
        detail=detail,
        document=document,
        overlaps=row.overlaps,
        unreadable=unreadable,
    )


def _json(text: str | None) -> Json:
    return None if text is None else canonical.loads(text)


def read_contracts(connection: Connection, contract_ids: Collection[str]) -> dict[str, ContractNow]:
    """Each of these contracts that still is one, as it is now."""
    connection.execute(query("read_patience"))
    rows = connection.execute(query("read_contracts"), {"contract_ids": sorted(contract_ids)})
    return {row.contract_id: _contract_now(row) for row in rows}


def _contract_now(row: Row[tuple[object, ...]]) -> ContractNow:
    try:
        return ContractNow(row.business_unit, row.status, _json(row.document))
    except ValueError as fault:
        return ContractNow(row.business_unit, row.status, {}, str(fault))


def read_companies(connection: Connection, ids: Collection[str]) -> tuple[Company, ...]:
    """The companies of these ids that the source knows."""
    connection.execute(query("read_patience"))
    rows = connection.execute(query("read_companies"), {"ids": sorted(ids)})
    return tuple(
        Company(id=row.id, name=row.name, business_unit=row.business_unit, fields=_json(row.fields) or {})
        for row in rows
    )


def insert_decisions(connection: Connection, decisions: Sequence[Decision]) -> None:
    """Records why each event was, or was not, delivered."""
    connection.execute(
        query("insert_decisions"),
        {
            "event_ids": [one.event_id for one in decisions],
            "connector_ids": [one.connector_id for one in decisions],
            "connector_versions": [one.connector_version for one in decisions],
            "reasons": [one.reason.value for one in decisions],
            "into_event_ids": [one.into_event_id for one in decisions],
            "rereads": [one.reread for one in decisions],
        },
    )


def insert_deliveries(connection: Connection, deliveries: Sequence[NewDelivery], *, worker: str) -> int:
    """Writes and queues deliveries, under the lane locks of their contracts; returns how many were new."""
    rows = connection.execute(
        query("insert_deliveries"),
        {
            "worker": worker,
            "event_ids": [one.event.id for one in deliveries],
            "connector_ids": [one.connector.id for one in deliveries],
            "connector_versions": [one.connector.version for one in deliveries],
            "kinds": [one.kind for one in deliveries],
            "triggers": [one.event.trigger.value for one in deliveries],
            "contract_ids": [one.event.contract_id for one in deliveries],
            "business_units": [one.event.business_unit for one in deliveries],
            "content_types": [one.report.content_type for one in deliveries],
            "bodies": [one.report.body for one in deliveries],
            "errors": [one.report.error for one in deliveries],
            "ordered": [one.connector.order == "contract" for one in deliveries],
            "positions": [one.position for one in deliveries],
        },
    )
    return len(rows.all())


def clock(connection: Connection) -> tuple[datetime, datetime]:
    """The database's time now, and at the start of this transaction."""
    row = connection.execute(query("clock")).one()
    return row.now, row.transaction_start


def claim(connection: Connection, wants: Sequence[Want], *, most: int, token: int, worker: str) -> list[Leased]:
    """Leases due deliveries, at most `most`, looking at the wanted connectors only, in their order."""
    rows = connection.execute(
        query("claim"),
        {
            "connector_ids": [want.connector_id for want in wants],
            "takes": [want.take for want in wants],
            "lease_seconds": [want.lease_seconds for want in wants],
            "lows": ["-infinity" if want.low is None else want.low.isoformat() for want in wants],
            "most": most,
            "token": token,
            "worker": worker,
        },
    ).all()
    apart = _put_apart(connection, [row for row in rows if row.lost and row.tries > TWICE], token=token)
    return [
        Leased(
            event_id=row.event_id,
            connector_id=row.connector_id,
            contract_id=row.contract_id,
            trigger=Trigger(row.trigger),
            attempt=row.attempt,
            tries=row.tries,
            kind=Kind(row.kind),
            token=token,
            body=row.body,
            content_type=row.content_type,
        )
        for row in rows
        if (row.connector_id, row.event_id) not in apart
    ]


def _put_apart(connection: Connection, lost: Sequence[Row[Any]], *, token: int) -> set[tuple[int, int]]:
    """Gives back those that were lost twice running: connector and event of each."""
    if not lost:
        return set()
    keys = {"event_ids": [row.event_id for row in lost], "connector_ids": [row.connector_id for row in lost]}
    return {
        (row.connector_id, row.event_id) for row in connection.execute(query("put_apart"), {**keys, "token": token})
    }


def settle(connection: Connection, attempts: Sequence[Attempt], *, worker: str) -> int:
    """Writes attempts and outcomes and promotes the lanes whose head is gone; returns how many came late."""
    ordered = sorted(attempts, key=lambda one: (one.leased.connector_id, one.leased.event_id))
    lane_locks(connection, (one.leased.contract_id for one in ordered))
    rows = connection.execute(query("settle"), {**attempt_columns(ordered), "worker": worker}).all()
    promote(
        connection, [(row.connector_id, row.closed_contract_id) for row in rows if row.closed_contract_id is not None]
    )
    return sum(not row.applied for row in rows)


def attempt_columns(attempts: Sequence[Attempt]) -> dict[str, list[object]]:
    """Each column of the attempts as an array, for statements that unnest them."""
    leased = [one.leased for one in attempts]
    responses = [one.response for one in attempts]
    return {
        "event_ids": [one.event_id for one in leased],
        "connector_ids": [one.connector_id for one in leased],
        "tokens": [one.token for one in leased],
        "numbers": [one.attempt for one in leased],
        "kinds": [one.kind.value for one in leased],
        "connector_versions": [one.connector_version for one in attempts],
        "started_at": [one.started_at for one in attempts],
        "durations": [one.duration_ms for one in responses],
        "timings": [json.dumps(dict(one.timings)) if one.timings else None for one in responses],
        "urls": [one.url for one in attempts],
        "request_headers": [json_text(one.request_headers) for one in attempts],
        "status_codes": [one.status for one in responses],
        "response_headers": [json_text(grouped(one.headers)) for one in responses],
        "response_bodies": [None if one.status is None else one.body for one in responses],
        "cuts": [one.cut for one in responses],
        "outcomes": [one.outcome.value for one in responses],
        "error_codes": [one.error_code for one in responses],
        "errors": [storable(one.error) for one in responses],
        "settled": [None if one.settled is None else one.settled.value for one in attempts],
        "delays": [one.delay_seconds for one in attempts],
        "counted": [one.counted for one in attempts],
    }


def promote(connection: Connection, lanes: Sequence[tuple[int, str]]) -> None:
    """Makes the first open row of each lane (connector, contract) ready; under their lane locks."""
    if lanes:
        connection.execute(
            query("promote"),
            {"connector_ids": [lane[0] for lane in lanes], "contract_ids": [lane[1] for lane in lanes]},
        )


def release(connection: Connection, leased: Sequence[Leased]) -> None:
    """Hands back what was not sent; the attempt is not counted."""
    ordered = sorted(leased, key=lambda one: (one.connector_id, one.event_id))
    connection.execute(
        query("release"),
        {
            "event_ids": [one.event_id for one in ordered],
            "connector_ids": [one.connector_id for one in ordered],
            "tokens": [one.token for one in ordered],
        },
    )


def mend_lanes(connection: Connection) -> int:
    """Promotes every lane that has open rows and none ready; returns how many there were: a fault, if any."""
    lanes = [(row.connector_id, row.contract_id) for row in connection.execute(query("stuck_lanes"))]
    if lanes:
        lane_locks(connection, (lane[1] for lane in lanes))
        promote(connection, lanes)
    return len(lanes)


def due_left(connection: Connection, connectors: Iterable[Connector]) -> tuple[int, int]:
    """How many notes wait to be routed, and how many deliveries are due now at connectors that send."""
    ids = [one.id for one in connectors if one.sends]
    row = connection.execute(query("due_left"), {"connector_ids": ids}).one()
    return row.unrouted, row.due
