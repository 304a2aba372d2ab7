"""The relay's statements: takes notes, writes decisions and deliveries, claims, settles, promotes. Batches only."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from outbox.attempt_columns import attempt_columns
from outbox.model import Attempt, Connector, Event, Kind, Leased, Report, Trigger
from outbox.present import event_of
from outbox.resources import query
from outbox.routing import Decision

BEFORE_ALL = 2**62
"""Taken from an event id, it gives a position before everything that is routed."""

TWICE = 2
"""Losses in a row after which a delivery is suspected of killing its worker."""


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A delivery to be written; `position` is its place in the lane, None for the next one.

    With `lease_seconds` it is born leased where it is ready: this worker sends it at once.
    """

    event: Event
    connector: Connector
    report: Report
    kind: str = "auto"
    position: int | None = None
    lease_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """What was written: how many deliveries were new, and those of them that this worker has leased."""

    new: int
    leased: tuple[Leased, ...] = ()


@dataclass(frozen=True, slots=True)
class Claimed:
    """What was leased, and the database's time: now, and at the start of the claim's transaction.

    `lost` is how many of the leases before had run out.
    """

    leased: list[Leased]
    now: datetime
    transaction_start: datetime
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """What a settled batch came to: (connector, event) of what came late, and connectors with a new head to send."""

    late: frozenset[tuple[int, int]]
    promoted: frozenset[int]


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


def insert_deliveries(
    connection: Connection, deliveries: Sequence[NewDelivery], *, worker: str, token: int = 0
) -> Made:
    """Writes and queues deliveries, under the lane locks of their contracts; `token` is that of their leases."""
    rows = connection.execute(
        query("insert_deliveries"),
        {
            "worker": worker,
            "token": token,
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
            "lease_seconds": [one.lease_seconds for one in deliveries],
        },
    ).all()
    leased = {(row.event_id, row.connector_id) for row in rows if row.leased}
    born = [one for one in deliveries if (one.event.id, one.connector.id) in leased]
    return Made(len(rows), tuple(_born_leased(one, token=token) for one in born))


def _born_leased(one: NewDelivery, *, token: int) -> Leased:
    return Leased(
        event_id=one.event.id,
        connector_id=one.connector.id,
        contract_id=one.event.contract_id,
        trigger=one.event.trigger,
        attempt=1,
        tries=1,
        kind=Kind.AUTO,
        token=token,
        body=one.report.body,
        content_type=one.report.content_type,
    )


def clock(connection: Connection) -> tuple[datetime, datetime]:
    """The database's time now, and at the start of this transaction."""
    row = connection.execute(query("clock")).one()
    return row.now, row.transaction_start


def claim(connection: Connection, wants: Sequence[Want], *, most: int, token: int, worker: str) -> Claimed:
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
    leased = [
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
    now, transaction_start = (rows[0].now, rows[0].transaction_start) if rows else clock(connection)
    return Claimed(leased, now, transaction_start, sum(row.lost for row in rows))


def _put_apart(connection: Connection, lost: Sequence[Row[Any]], *, token: int) -> set[tuple[int, int]]:
    """Gives back those that were lost twice running: connector and event of each."""
    if not lost:
        return set()
    keys = {"event_ids": [row.event_id for row in lost], "connector_ids": [row.connector_id for row in lost]}
    return {
        (row.connector_id, row.event_id) for row in connection.execute(query("put_apart"), {**keys, "token": token})
    }


def settle(connection: Connection, attempts: Sequence[Attempt], *, worker: str) -> Written:
    """Writes attempts and outcomes and promotes the lanes whose head is gone."""
    ordered = sorted(attempts, key=lambda one: (one.leased.connector_id, one.leased.event_id))
    lane_locks(connection, (one.leased.contract_id for one in ordered))
    rows = connection.execute(query("settle"), {**attempt_columns(ordered), "worker": worker}).all()
    lanes = [(row.connector_id, row.closed_contract_id) for row in rows if row.closed_contract_id is not None]
    late = frozenset((row.connector_id, row.event_id) for row in rows if not row.applied)
    return Written(late, promote(connection, lanes))


def promote(connection: Connection, lanes: Sequence[tuple[int, str]]) -> frozenset[int]:
    """Makes the first open row of each lane (connector, contract) ready, under their lane locks; says where."""
    if not lanes:
        return frozenset()
    rows = connection.execute(
        query("promote"),
        {"connector_ids": [lane[0] for lane in lanes], "contract_ids": [lane[1] for lane in lanes]},
    )
    return frozenset(rows.scalars())


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


def due_left(connection: Connection, connectors: Iterable[Connector]) -> tuple[int, int]:
    """How many notes wait to be routed, and how many deliveries are due now at connectors that send."""
    ids = [one.id for one in connectors if one.sends]
    row = connection.execute(query("due_left"), {"connector_ids": ids}).one()
    return row.unrouted, row.due
