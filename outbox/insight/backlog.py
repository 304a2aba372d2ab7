"""How it stands now: connectors, what waits, what isn't routed or captured, what expires next."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from outbox import expiry_store
from outbox.access import Within
from outbox.insight.grid import Key, Line, Tally
from outbox.resources import query
from outbox.standing import MISSED_HEARTBEATS


@dataclass(frozen=True, slots=True)
class Waiting:
    """Deliveries of a connector and business unit that were routed in an hour and are open.

    `overdue` is how many of them have been due for longer than was asked for.
    """

    key: Key
    waiting: int
    leased: int
    blocked: int
    failing: int
    overdue: int
    due_at: datetime | None
    oldest_at: datetime

    @property
    def tally(self) -> Tally:
        """The same as a square has it."""
        return Tally(waiting=self.waiting, failing=self.failing)


@dataclass(frozen=True, slots=True)
class Standing:
    """A connector as it stands: why, since when; `given_up` where the relay disabled it, and no person."""

    line: Line
    reason: str | None
    since: datetime | None
    next_probe_at: datetime | None
    given_up: bool


@dataclass(frozen=True, slots=True)
class Unrouted:
    """Events that are captured and not routed yet."""

    events: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Service:
    """What concerns all business units."""

    capture_errors: int
    workers: int


@dataclass(frozen=True, slots=True)
class Dead:
    """Deliveries that went dead within a day and are dead still, and when the first of them was routed."""

    deliveries: int
    routed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Expiring:
    """Deadlines of the next 24 hours."""

    deadlines: int
    first_at: datetime | None


def read_waiting(connection: Connection, *, late: timedelta, within: Within) -> tuple[Waiting, ...]:
    """What waits, all of it; what has been due for longer than `late` is overdue."""
    values = {"late_seconds": late.total_seconds(), **_limits(within)}
    return tuple(
        Waiting(
            Key(row.connector_id, row.business_unit, row.at),
            row.waiting,
            row.leased,
            row.blocked,
            row.failing,
            row.overdue,
            row.due_at,
            row.oldest_at,
        )
        for row in connection.execute(query("dashboard_backlog"), values)
    )


def read_connectors(connection: Connection, *, within: Within) -> tuple[Standing, ...]:
    """Every connector that is not removed, by name."""
    return tuple(
        Standing(
            Line(row.connector_id, row.name, row.state, tuple(row.business_units)),
            row.state_reason,
            row.state_since,
            row.next_probe_at,
            row.given_up,
        )
        for row in connection.execute(query("dashboard_connectors"), _limits(within))
    )


def read_unrouted(connection: Connection, *, within: Within) -> Unrouted:
    """What waits to be routed."""
    row = connection.execute(query("dashboard_unrouted"), _limits(within)).one()
    return Unrouted(row.events, row.oldest_at)


def read_service(connection: Connection, *, heartbeat_seconds: float, within: Within) -> Service | None:
    """Capture and workers; None for somebody who is limited."""
    if within is not None:
        return None
    values = {"alive_seconds": MISSED_HEARTBEATS * heartbeat_seconds}
    row = connection.execute(query("dashboard_service"), values).one()
    return Service(row.capture_errors, row.workers)


def read_dead(connection: Connection, *, within: Within) -> Dead:
    """What went dead within a day."""
    row = connection.execute(query("dashboard_dead"), _limits(within)).one()
    return Dead(row.dead, row.routed_at)


def read_expiring(connection: Connection, *, within: Within) -> Expiring | None:
    """What expires within a day; None where no mapping with [expired] is installed."""
    if expiry_store.state(connection) is None:
        return None
    row = connection.execute(query("dashboard_expiring"), _limits(within)).one()
    return Expiring(row.deadlines, row.first_at)


def lag(waiting: Iterable[Waiting], connectors: Iterable[Standing], unrouted: Unrouted, now: datetime) -> timedelta:
    """The longest that anything has waited which nothing but time and workers keeps: to be routed, or sent."""
    sending = {one.line.connector_id for one in connectors if one.line.state == "enabled"}
    since = [one.due_at for one in waiting if one.due_at is not None and one.key.connector_id in sending]
    since += [unrouted.oldest_at] if unrouted.oldest_at is not None else []
    return max((now - one for one in since if one < now), default=timedelta(0))


def _limits(within: Within) -> dict[str, object]:
    return {"within": None if within is None else list(within)}
