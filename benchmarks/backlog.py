"""A backlog of captured events, committed at once in front of workers that are up; how long it lasts."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.ground import Database, say, statement
from benchmarks.usage import cpu_seconds
from outbox.errors import OutboxError

EVENTS_PER_CONTRACT = 4
HOT = ("inbox", "queue")
FACTS = ("event", "decision", "delivery", "attempt")
_LOOK_SECONDS = 0.05
_PATIENCE_SECONDS = 900.0
_LEFT = "SELECT EXISTS (SELECT FROM outbox.inbox) OR EXISTS (SELECT FROM outbox.queue)"
_DELIVERED = "SELECT count(*) FILTER (WHERE settled = 'delivered'), count(*) FROM outbox.attempt"
_SIZE = """
SELECT sum(pg_total_relation_size(coalesce(t.relid, CAST('outbox.' || n.name AS regclass))))
FROM unnest(CAST(%s AS text[])) AS n (name)
LEFT JOIN LATERAL pg_partition_tree(CAST('outbox.' || n.name AS regclass)) AS t ON t.isleaf"""


def contracts_of(events: int) -> int:
    """Over how many contracts so many events are spread."""
    return max(1, events // EVENTS_PER_CONTRACT)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast so many deliveries were made, and what they cost: CPU of the senders, and of PostgreSQL."""

    count: int
    seconds: float
    cpu_seconds: float
    server_cpu_seconds: float

    @property
    def rate(self) -> float:
        """Deliveries a second."""
        return self.count / self.seconds

    @property
    def cpu(self) -> float:
        """Seconds of CPU for each delivery, ours and PostgreSQL's."""
        return (self.cpu_seconds + self.server_cpu_seconds) / self.count

    def __str__(self) -> str:
        ours, servers = (used / self.count * 1e6 for used in (self.cpu_seconds, self.server_cpu_seconds))
        return f"{self.rate:,.0f}/s ({ours:,.0f} + {servers:,.0f} us CPU)"


class Backlog:
    """Events that are written and not committed yet; `drain` commits them, once."""

    def __init__(self, database: Database, events: int) -> None:
        self._database, self._events = database, events
        self._connection = database.connect()
        self._before = int(self._connection.execute(_DELIVERED).fetchall()[0][0])
        self._connection.execute("BEGIN")
        # What ANALYZE takes at the end, from the start: upkeep, which makes partitions, waits then and not half way.
        self._connection.execute("LOCK TABLE outbox.event IN SHARE UPDATE EXCLUSIVE MODE")
        self._connection.execute("SET LOCAL session_replication_role = replica")
        self._connection.execute(statement("backlog"), {"events": events, "contracts": contracts_of(events)})
        self._connection.execute("ANALYZE outbox.inbox, outbox.event")

    def drain(self) -> float:
        """Commits, and waits until every event is delivered; the seconds that took."""
        began = time.monotonic()
        self._connection.execute("NOTIFY outbox")
        self._connection.execute("COMMIT")
        while self._connection.execute(_LEFT).fetchall()[0][0]:
            if time.monotonic() - began > _PATIENCE_SECONDS:
                raise OutboxError(f"expected {self._events} events to be delivered in {_PATIENCE_SECONDS:.0f} s")
            time.sleep(_LOOK_SECONDS)
        seconds = time.monotonic() - began
        self._check()
        self._connection.close()
        return seconds

    def _check(self) -> None:
        """Raises where a figure would count what was not delivered."""
        delivered, attempts = self._connection.execute(_DELIVERED).fetchall()[0]
        if attempts != delivered or delivered - self._before != self._events:
            raise OutboxError(
                f"expected {self._events} deliveries, got {delivered - self._before}; {attempts} attempts"
            )


def drain_backlog(database: Database, events: int, pids: Sequence[int]) -> Pace:
    """From the events' commit to the last one's delivery by the workers with these process ids."""
    backlog = Backlog(database, events)
    began, server_began = cpu_seconds(pids), database.ground.cpu_seconds()
    seconds = backlog.drain()
    pace = Pace(events, seconds, cpu_seconds(pids) - began, database.ground.cpu_seconds() - server_began)
    say(f"  {pace}")
    return pace


def bytes_of(database: Database, tables: tuple[str, ...]) -> int:
    """What these tables of ours take on disk, partitions, indexes and all."""
    with database.connect() as connection:
        return int(connection.execute(_SIZE, [list(tables)]).fetchall()[0][0])
