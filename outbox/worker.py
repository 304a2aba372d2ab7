"""A worker's own rows: that it lives, and which of all workers runs a periodic job."""

from collections.abc import Sequence

from sqlalchemy import Connection

from outbox.resources import query


def heartbeat(
    connection: Connection,
    *,
    name: str,
    host: str,
    pid: int,
    version: str,
    transport: str,
    unopened: Sequence[int] = (),
) -> None:
    """Says that this worker lives, and which connectors wait since its keys don't open their secrets."""
    columns: dict[str, object] = {"name": name, "host": host, "pid": pid, "version": version, "transport": transport}
    connection.execute(query("heartbeat"), columns | {"unopened": list(unopened)})


def worker_stopped(connection: Connection, name: str) -> None:
    """Says that this worker left in good order."""
    connection.execute(query("worker_stopped"), {"name": name})


def be_patient(connection: Connection) -> None:
    """For the rest of the transaction: gives up what would wait for a lock longer than a process may take to end."""
    connection.execute(query("job_patience"))


def tick(connection: Connection, name: str, *, seconds: float) -> bool:
    """Whether this worker is the one, of all on all hosts, that runs the job `name` in this slot.

    The job goes on in this transaction, or in another that is as patient.
    """
    be_patient(connection)
    return connection.execute(query("periodic_tick"), {"name": name, "seconds": seconds}).one_or_none() is not None
