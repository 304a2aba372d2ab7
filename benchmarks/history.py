"""Claim and settle by the product's own statements: whether history, or another session's snapshot, slows them."""

import secrets
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import text

from benchmarks.backlog import Pace
from benchmarks.ground import UNITS, Database, Ground, say, statement
from benchmarks.table import Row, milliseconds, percentile, size
from outbox import store
from outbox.connectors import load_connectors
from outbox.model import Attempt, Connector, Leased, Outcome, Response
from outbox.room import WATERMARK_MARGIN, WATERMARK_SECONDS
from outbox.secret_box import SecretBox
from outbox.settlement import settlement

FEW, MANY = 10_000, 10_000_000
CHUNK = 500_000
PARTITION = 5_000_000
ROUNDS, ROUND_DELIVERIES = 3, 20_000
BATCH = 200
CLAIMS = 2_500
TENTH = 10
LEASE_SECONDS = 30.0


class Claims:
    """Claims and settles as the relay does, in one thread, without sending; `took` is seconds of each claim."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.engine.connect() as connection:
            self._connectors = {one.id: one for one in load_connectors(connection, SecretBox(()))}
        self._lows: dict[int, datetime] = {}
        self._lows_since = time.monotonic()
        self.took: list[float] = []

    def drain(self) -> int:
        """Until nothing is due; how many were settled."""
        settled = 0
        while claimed := self._claim():
            self._settle(claimed)
            settled += len(claimed)
        return settled

    def once(self) -> None:
        """One batch."""
        self._settle(self._claim())

    def _claim(self) -> list[Leased]:
        if time.monotonic() - self._lows_since > WATERMARK_SECONDS:
            self._lows.clear()
            self._lows_since = time.monotonic()
        take = BATCH // UNITS + 1
        wants = [store.Want(one, take, LEASE_SECONDS, self._lows.get(one)) for one in self._connectors]
        began = time.monotonic()
        with self._database.engine.begin() as connection:
            connection.execute(text("SET LOCAL synchronous_commit = off"))
            claimed = store.claim(connection, wants, most=2 * BATCH, token=secrets.randbits(63), worker="benchmark")
        self.took.append(time.monotonic() - began)
        taken = Counter(leased.connector_id for leased in claimed.leased)
        at = claimed.transaction_start
        self._lows |= {want.connector_id: at - WATERMARK_MARGIN for want in wants if taken[want.connector_id] < take}
        return claimed.leased

    def _settle(self, claimed: Sequence[Leased]) -> None:
        attempts = [_delivered(leased, self._connectors[leased.connector_id]) for leased in claimed]
        with self._database.engine.begin() as connection:
            store.settle(connection, attempts, worker="benchmark")


def _delivered(leased: Leased, connector: Connector) -> Attempt:
    response = Response(Outcome.OK, 5.0, status=204, headers=(("server", "nginx"),))
    started_at = datetime.now().astimezone()
    return settlement(
        leased, connector, request=None, response=response, started_at=started_at, schedule=(), jitter=0.0
    ).attempt


def history(ground: Ground) -> Iterator[Row]:
    """The rate with few and with many finished deliveries; claims under a held snapshot."""
    many = max(2 * FEW, ground.scaled(MANY))
    with ground.database("history") as database:
        database.add_connectors([f"http://127.0.0.1:9/{unit}" for unit in range(1, UNITS + 1)])
        _finish(database, 0, FEW)
        before = _pace(database, FEW)
        began = FEW + ROUNDS * ROUND_DELIVERIES
        _finish(database, began, many)
        after = _pace(database, many)
        with database.connect() as connection:
            bytes_of = connection.execute("SELECT pg_database_size(current_database())").fetchall()[0][0]
    yield Row(
        "history",
        f"claim and settle with {many:,} finished deliveries ({size(bytes_of)})",
        f"{after}",
        f"with {FEW:,}: {before}",
        f"{before.rate / after.rate:.2f} x the time, {after.cpu / before.cpu:.2f} x the CPU",
        "<= 1.2 x",
    )
    with ground.database("snapshot") as database:
        yield _under_snapshot(database, max(10 * TENTH, ground.scaled(CLAIMS)))


def _finish(database: Database, first: int, last: int) -> None:
    """Facts of deliveries that were made: what claims and settles meet of the past."""
    say(f"history: {last - first:,} finished deliveries")
    with database.connect() as connection:
        for start in range(0, last + PARTITION, PARTITION):
            connection.execute("SELECT outbox.make_partition(%s, %s)", [start, start + PARTITION])
        for start in range(first, last, CHUNK):
            window = {"first": start + 1, "last": min(last, start + CHUNK), "units": UNITS}
            connection.execute(statement("finished_deliveries"), window)
            connection.execute(statement("finished_attempts"), window)
        connection.execute("VACUUM ANALYZE outbox.delivery, outbox.attempt")
        connection.execute("CHECKPOINT")


def _wait_for_delivery(database: Database, first: int, count: int) -> None:
    with database.connect() as connection:
        window = {"first": first + 1, "last": first + count, "units": UNITS}
        connection.execute(statement("waiting"), {**window, "body": "{}"})


def _pace(database: Database, first: int) -> Pace:
    """How fast deliveries are claimed and settled; the middle one of a few rounds."""
    paces = []
    for number in range(ROUNDS):
        _wait_for_delivery(database, first + number * ROUND_DELIVERIES, ROUND_DELIVERIES)
        with database.connect() as connection:
            connection.execute("VACUUM ANALYZE outbox.queue")
        claims = Claims(database)
        began, used, server_used = time.monotonic(), time.process_time(), database.ground.cpu_seconds()
        settled = claims.drain()
        spent = (time.process_time() - used, database.ground.cpu_seconds() - server_used)
        paces.append(Pace(settled, time.monotonic() - began, *spent))
        say(f"  {paces[-1]}")
    return sorted(paces, key=lambda pace: pace.rate)[ROUNDS // 2]


def _under_snapshot(database: Database, count: int) -> Row:
    say(f"history: {count:,} claims under a held snapshot")
    database.add_connectors([f"http://127.0.0.1:9/{unit}" for unit in range(1, UNITS + 1)])
    claims = Claims(database)
    with database.connect() as holder:
        holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        holder.execute("SELECT count(*) FROM outbox.queue")
        for number in range(count):
            _wait_for_delivery(database, number * BATCH, BATCH)
            claims.once()
        holder.execute("ROLLBACK")
    tenth = count // TENTH
    start, end = percentile(claims.took[:tenth], 50), percentile(claims.took[-tenth:], 50)
    return Row(
        "history",
        f"claim of {BATCH}, p50 of the last tenth of {count:,}, a snapshot held throughout",
        milliseconds(end),
        f"first tenth {milliseconds(start)}",
        f"{end / start:.2f} x",
        "<= 3 x",
    )
