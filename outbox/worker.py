"""A worker's own rows: that it lives, its shares of the limits, and which of all workers runs a periodic job."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from outbox.resources import query
from outbox.shares import Standing


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that sends, as others see it; its shares hold `share_seconds` beyond its last sign of life."""

    name: str
    host: str
    pid: int
    version: str
    transport: str
    share_seconds: float


@dataclass(frozen=True, slots=True)
class Crew:
    """The workers that share the limits now, and a text that differs as soon as any limit or rate does."""

    workers: tuple[str, ...]
    limits: str


def heartbeat(connection: Connection, worker: Worker, *, unopened: Sequence[int] = ()) -> Crew:
    """Says that this worker lives, and which connectors wait since its keys don't open their secrets; who else does."""
    connection.execute(
        query("heartbeat"),
        {
            "name": worker.name,
            "host": worker.host,
            "pid": worker.pid,
            "version": worker.version,
            "transport": worker.transport,
            "share_seconds": worker.share_seconds,
            "unopened": list(unopened),
            "clock": time.time(),
        },
    )
    row = connection.execute(query("share_crew")).one()
    return Crew(tuple(row.workers), row.limits)


def standing_shares(connection: Connection, name: str) -> list[Standing]:
    """What there is to share of every connector; nobody else changes any share before this transaction ends."""
    connection.execute(query("share_lock"))
    connection.execute(query("share_end"))
    rows = connection.execute(query("share_read"), {"worker": name})
    return [
        Standing(row.connector_id, row.max_in_flight, row.rate_per_second, row.own, row.others, tuple(row.unable))
        for row in rows
    ]


def write_shares(connection: Connection, name: str, slots: Mapping[int, int]) -> None:
    """Writes those of this worker's shares that changed."""
    if slots:
        values = {"worker": name, "connector_ids": list(slots), "slots": list(slots.values())}
        connection.execute(query("share_write"), values)


def worker_stopped(connection: Connection, name: str) -> None:
    """Says that this worker left in good order; its shares are free."""
    connection.execute(query("worker_stopped"), {"name": name})


def forget_worker(connection: Connection, name: str) -> None:
    """Takes the row of a worker that ran once and left in good order; its shares are free."""
    connection.execute(query("worker_forget"), {"name": name})


def be_patient(connection: Connection) -> None:
    """For the rest of the transaction: gives up what would wait for a lock longer than a process may take to end."""
    connection.execute(query("job_patience"))


def tick(connection: Connection, name: str, *, seconds: float) -> bool:
    """Whether this worker is the one, of all on all hosts, that runs the job `name` in this slot.

    The job goes on in this transaction, or in another that is as patient.
    """
    be_patient(connection)
    return connection.execute(query("periodic_tick"), {"name": name, "seconds": seconds}).one_or_none() is not None
