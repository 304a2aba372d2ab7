"""How long after the application's commit a report reaches its receiver."""

import time
from collections.abc import Iterator, Mapping

from benchmarks.application import Application
from benchmarks.drain import add_twenty
from benchmarks.ground import CONTRACTS, Ground, say
from benchmarks.receiver import Arrivals, recorder
from benchmarks.table import Row, milliseconds, percentile
from benchmarks.workers import workers

RATES = (50, 200)
SECONDS = 20
WARM_UP = 50
PATIENCE_SECONDS = 60.0


def latency(ground: Ground) -> Iterator[Row]:
    """p50 and p99 at each rate, one worker."""
    for rate in RATES:
        say(f"latency: {rate} events/s for {SECONDS} s")
        with recorder(ground.folder, f"latency{rate}") as arrivals, ground.database("latency") as database:
            add_twenty(database, arrivals.url)
            with workers(database, 1):
                Application(database, rate=rate, count=WARM_UP, first=CONTRACTS - WARM_UP + 1).run()
                application = Application(database, rate=rate, count=rate * SECONDS)
                application.run()
                took, missing = delays(application.committed, arrivals, patience_seconds=PATIENCE_SECONDS)
        yield Row(
            "latency",
            f"commit to receiver, {rate} events/s, {len(took):,} events" + (f", {missing} missing" if missing else ""),
            f"p50 {milliseconds(percentile(took, 50))}, p99 {milliseconds(percentile(took, 99))}",
            f"longest {milliseconds(max(took))}",
            target="p50 5 ms, p99 25 ms",
        )


def delays(committed: Mapping[str, float], arrivals: Arrivals, *, patience_seconds: float) -> tuple[list[float], int]:
    """How long each report took, those that never came by the time that they had; and how many those are."""
    deadline = time.monotonic() + patience_seconds
    while True:
        came = {contract_id: at for (_, contract_id), at in arrivals.read().items()}
        missing = committed.keys() - came.keys()
        if not missing or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    now = time.monotonic()
    return [came.get(contract_id, now) - at for contract_id, at in committed.items()], len(missing)
