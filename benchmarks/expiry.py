"""The scan for passed deadlines: among ten million contracts, and when a hundred thousand pass at once."""

import time
from collections.abc import Iterator

from benchmarks.application import Application
from benchmarks.drain import add_twenty
from benchmarks.ground import CONTRACTS as CONTRACTS_PREPARED
from benchmarks.ground import UNITS, Connection, Database, Ground, say, statement
from benchmarks.latency import delays
from benchmarks.receiver import recorder
from benchmarks.table import Row, milliseconds, percentile
from benchmarks.workers import workers
from outbox.expiry import Scanner
from outbox.settings import Expiry

CONTRACTS, AT_ONCE = 10_000_000, 100_000
CHUNK = 500_000
SCANS = 50
BESIDE, BESIDE_RATE = 1_000, 50


def expiry(ground: Ground) -> Iterator[Row]:
    """Scans that find nothing, with an index on the deadline and without; the daily look at all; a hundred thousand."""
    count = ground.scaled(CONTRACTS)
    with ground.database("expiry") as database, database.connect() as connection:
        _fill(connection, count)
        many = f"{count:,} contracts, {count // 2:,} of them past and raised"
        scanner = Scanner(database.engine, Expiry(), by="benchmark")
        yield _scans(database, scanner, many)
        yield Row("expiry", "the daily look at all of them", _timed(scanner, sweep=True))
        yield _at_once(database, connection, scanner, ground.scaled(AT_ONCE))
        connection.execute("DROP INDEX contract_expires_at")
        yield Row("expiry", "a scan without an index on the deadline", _timed(scanner))
    yield _beside(ground)


def _fill(connection: Connection, count: int) -> None:
    connection.execute("SET session_replication_role = replica")
    for first in range(0, count, CHUNK):
        say(f"expiry: contracts from {first:,} on")
        window = {"first": first + 1, "last": min(count, first + CHUNK), "count": count, "units": UNITS}
        connection.execute(statement("expiring_contracts"), window)
    connection.execute("RESET session_replication_role")
    say("expiry: what was raised")
    connection.execute(statement("raised_deadlines"))
    connection.execute("VACUUM ANALYZE contract, outbox.expiry")
    connection.execute(
        "UPDATE outbox.expiry_scan SET since = now() - interval '3 years', scanned_to = now(), swept_at = now()"
    )
    connection.execute("CHECKPOINT")


def _scans(database: Database, scanner: Scanner, many: str) -> Row:
    say("expiry: scans")
    took = []
    cpu, own = database.ground.cpu_seconds(), time.process_time()
    for _ in range(SCANS):
        began = time.monotonic()
        scanner.scan(asked=True)
        took.append(time.monotonic() - began)
    cpu, own = database.ground.cpu_seconds() - cpu, time.process_time() - own
    return Row(
        "expiry",
        f"a scan that finds nothing, p50 of {SCANS}: {many}",
        f"{milliseconds(percentile(took, 50))}, p99 {milliseconds(percentile(took, 99))}",
        f"CPU {milliseconds(own / SCANS)} + {milliseconds(cpu / SCANS)}",
        target="< 100 ms",
    )


def _beside(ground: Ground) -> Row:
    """What other changes feel while one worker raises and reports many deadlines that passed at once."""
    say("expiry: other changes beside many deadlines")
    with recorder(ground.folder, "expiry") as arrivals, ground.database("beside") as database:
        add_twenty(database, arrivals.url)
        with database.connect() as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute("UPDATE contract SET expires_at = now() WHERE id > %s", [BESIDE])
            connection.execute("UPDATE outbox.expiry_scan SET since = now() - interval '1 day'")
            connection.execute("VACUUM ANALYZE contract")
            with workers(database, 1):
                application = Application(database, rate=BESIDE_RATE, count=BESIDE)
                application.run()
                took, missing = delays(application.committed, arrivals, patience_seconds=60)
                raised = connection.execute("SELECT count(*) FROM outbox.expiry").fetchall()[0][0]
    return Row(
        "expiry",
        f"commit to receiver, {BESIDE_RATE} changes/s, while {CONTRACTS_PREPARED - BESIDE:,} deadlines passed at once"
        + (f", {missing} missing" if missing else ""),
        f"p50 {milliseconds(percentile(took, 50))}, p99 {milliseconds(percentile(took, 99))}",
        f"{raised:,} raised by its end",
    )


def _timed(scanner: Scanner, *, sweep: bool = False) -> str:
    began = time.monotonic()
    scanner.scan(asked=True, sweep=sweep)
    return milliseconds(time.monotonic() - began)


def _at_once(database: Database, connection: Connection, scanner: Scanner, count: int) -> Row:
    say(f"expiry: {count:,} at once")
    connection.execute("SET session_replication_role = replica")
    connection.execute(
        "UPDATE contract SET expires_at = now() - interval '1 minute'"
        " WHERE id IN (SELECT id FROM contract WHERE expires_at > now() ORDER BY expires_at LIMIT %s)",
        [count],
    )
    connection.execute("RESET session_replication_role")
    connection.execute("ANALYZE contract")
    began, used = time.monotonic(), database.ground.cpu_seconds()
    raised = scanner.scan(asked=True).raised or 0
    took, cpu = time.monotonic() - began, database.ground.cpu_seconds() - used
    return Row(
        "expiry",
        f"{raised:,} deadlines that pass at once, raised with nobody to wait for",
        f"{took:.1f} s, {raised / took:,.0f} a second",
        f"{cpu / max(1, raised) * 1e6:,.0f} us of PostgreSQL each",
    )
