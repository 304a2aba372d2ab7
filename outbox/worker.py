"""A worker's own rows: that it lives, and which of all workers runs a periodic job."""

from sqlalchemy import Connection

from outbox.resources import query


def heartbeat(connection: Connection, *, name: str, host: str, pid: int, version: str, transport: str) -> None:
    """Says that this worker lives."""
    connection.execute(
        query("heartbeat"), {"name": name, "host": host, "pid": pid, "version": version, "transport": transport}
    )


def worker_stopped(connection: Connection, name: str) -> None:
    """Says that this worker left in good order."""
    connection.execute(query("worker_stopped"), {"name": name})


def tick(connection: Connection, name: str, *, seconds: float) -> bool:
    """Whether this worker is the one, of all on all hosts, that runs the job `name` in this slot."""
    return connection.execute(query("periodic_tick"), {"name": name, "seconds": seconds}).one_or_none() is not None
