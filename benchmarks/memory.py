"""What a worker's memory is with a million deliveries waiting at a dead receiver, and a healthy one beside."""

import time
from collections.abc import Iterator

from benchmarks.application import Application
from benchmarks.ground import UNITS, Ground, say, statement
from benchmarks.isolation import FAR
from benchmarks.receiver import free_port, recorder
from benchmarks.table import Row, size
from benchmarks.usage import resident_bytes
from benchmarks.workers import workers

WAITING = 1_000_000
CHUNK = 100_000
BODY = "x" * 1_500
SECONDS = 40
RATE = 50.0


def memory(ground: Ground) -> Iterator[Row]:
    """Resident memory at the start, at most, and at the end."""
    waiting = ground.scaled(WAITING)
    say(f"memory: {waiting:,} deliveries wait")
    with recorder(ground.folder, "memory") as arrivals, ground.database("memory") as database:
        dead, _ = database.add_connectors([f"http://127.0.0.1:{free_port()}/dead", arrivals.url])
        with database.connect() as connection:
            for first in range(FAR, FAR + waiting, CHUNK):
                last = min(FAR + waiting, first + CHUNK)
                connection.execute(
                    statement("waiting_at"), {"connector": dead, "first": first + 1, "last": last, "body": BODY}
                )
            connection.execute("VACUUM ANALYZE outbox.queue, outbox.delivery")
        with workers(database, 1) as pids:
            seen = [resident_bytes(pids[0])]
            application = Application(database, rate=RATE, count=round(RATE), first=2, step=UNITS)
            began = time.monotonic()
            while time.monotonic() - began < SECONDS:
                application.run()
                seen.append(resident_bytes(pids[0]))
        with database.connect() as connection:
            tried = connection.execute("SELECT count(*) FROM outbox.attempt WHERE connector_id = %s", [dead])
            attempts = tried.fetchall()[0][0]
    yield Row(
        "memory",
        f"a worker, {waiting:,} waiting at a dead receiver, {RATE:.0f} events/s at a healthy one, {SECONDS} s",
        f"at most {size(max(seen))}",
        f"start {size(seen[0])}, end {size(seen[-1])}; {attempts:,} attempts at the dead one",
        f"{seen[-1] / seen[0]:.2f} x the start",
        "flat, < 150 MiB",
    )
