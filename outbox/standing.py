"""How the outbox stands as a whole, read for machines: ages and states by index, and counts apart, which cost more."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from outbox.resources import query

MISSED_HEARTBEATS = 10
LOOK_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class ConnectorStanding:
    """A connector's state (`given_up`: disabled by the relay), why, and how long its oldest delivery has been due."""

    name: str
    state: str
    reason: str | None
    overdue_seconds: float


@dataclass(frozen=True, slots=True)
class Standing:
    """What an index tells: `room` is events before the last range ends, `strays` the default partitions with rows."""

    unrouted_seconds: float
    workers: int
    connectors: tuple[ConnectorStanding, ...]
    room: int
    range_size: int
    strays: tuple[str, ...]
    chores: Mapping[str, float]

    @property
    def lag_seconds(self) -> float:
        """The longest that anything has waited which nothing but time and workers keeps: to be routed, or sent."""
        return max(self.unrouted_seconds, *(one.overdue_seconds for one in self.connectors), 0.0)


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits, counted: open deliveries by connector and state."""

    unrouted: int
    capture_errors: int
    deliveries: Mapping[tuple[str, str], int]


def limit(connection: Connection, *, seconds: float = LOOK_SECONDS) -> None:
    """For the rest of the transaction: what takes longer than so many seconds is given up."""
    connection.execute(query("standing_limits"), {"milliseconds": str(round(seconds * 1000))})


def read_standing(connection: Connection, *, heartbeat_seconds: float) -> Standing:
    """How it stands now; a worker lives that has given a sign within ten heartbeats."""
    row = connection.execute(query("standing"), {"alive_seconds": MISSED_HEARTBEATS * heartbeat_seconds}).one()
    partitions = connection.execute(query("doctor_partitions")).one()
    return Standing(
        unrouted_seconds=row.unrouted_age,
        workers=row.workers,
        connectors=tuple(
            ConnectorStanding(one.connector, one.state, one.reason, one.overdue_age)
            for one in connection.execute(query("standing_connectors"))
        ),
        room=max(partitions.room or 0, 0),
        range_size=partitions.size or 0,
        strays=tuple(partitions.strays.split(", ")) if partitions.strays else (),
        chores={one.name: one.last_run for one in connection.execute(query("standing_chores"))},
    )


def read_backlog(connection: Connection) -> Backlog:
    """Counts all that waits."""
    row = connection.execute(query("standing_counts")).one()
    waiting = connection.execute(query("standing_backlog"))
    return Backlog(
        row.unrouted, row.capture_errors, {(one.connector, one.state): int(one.deliveries) for one in waiting}
    )
