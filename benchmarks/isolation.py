"""Whether receivers that hang slow a healthy one."""

from collections.abc import Iterator

from benchmarks.application import Application
from benchmarks.ground import UNITS, Ground, say, statement
from benchmarks.latency import delays
from benchmarks.receiver import HANG, recorder
from benchmarks.table import Row, milliseconds, percentile
from benchmarks.workers import workers

HANGING = (0, 1, 50)
WAITING = 10_000
RATE = 50.0
SECONDS = 40
PATIENCE_SECONDS = 60.0
FAR = 1_000_000
"""Event ids from here on are those of what waits: further than the sequence gets."""

BODY = '{"contract_id":"w"}'


def isolation(ground: Ground) -> Iterator[Row]:
    """The healthy connector's latency alone, beside one that hangs, and beside fifty."""
    alone = 0.0
    for hanging in HANGING:
        took, missing = _measure(ground, hanging)
        p99 = percentile(took, 99)
        alone = alone or p99
        yield Row(
            "isolation",
            f"a healthy receiver beside {hanging} hanging, {ground.scaled(WAITING):,} waiting each, one worker"
            if hanging
            else f"a healthy receiver alone, {RATE:.0f} events/s for {SECONDS} s, one worker",
            f"p50 {milliseconds(percentile(took, 50))}, p99 {milliseconds(p99)}",
            f"{missing:,} of {len(took):,} had not come {PATIENCE_SECONDS:.0f} s later" if missing else "",
            f"{'> ' if missing else ''}{p99 / alone:.2f} x alone" if hanging else "",
            "<= 1.5 x" if hanging else "",
        )


def _measure(ground: Ground, hanging: int) -> tuple[list[float], int]:
    say(f"isolation: {hanging} hanging")
    waiting = ground.scaled(WAITING)
    with recorder(ground.folder, f"isolation{hanging}") as arrivals, ground.database("isolation") as database:
        # The healthy one is the only connector of its business unit; the others have their own backlog only.
        database.add_connectors([f"{arrivals.url}/healthy"])
        stuck = database.add_connectors([f"{arrivals.url}{HANG}/{place}" for place in range(hanging)], unit=UNITS)
        with database.connect() as connection:
            for place, connector in enumerate(stuck):
                first = FAR + place * waiting
                window = {"connector": connector, "first": first + 1, "last": first + waiting}
                connection.execute(statement("waiting_at"), {**window, "body": BODY})
            connection.execute("VACUUM ANALYZE outbox.queue, outbox.delivery")
        with workers(database, 1):
            application = Application(database, rate=RATE, count=round(RATE * SECONDS), step=UNITS)
            application.run()
            return delays(application.committed, arrivals, patience_seconds=PATIENCE_SECONDS)
