"""Daemons as processes of their own, load for them, and what must be whole at the end."""

import contextlib
import json
import random
import signal
import subprocess
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from sqlalchemy import create_engine

from outbox.migrations import migrate
from tests.conftest import Database
from tests.factories import Connection, connect, insert_note
from tests.postgres import Server
from tests.program import Program
from tests.receiver import Receiver
from tests.relays import PATIENCE, numbers, wait_for

HURRY = {"RELAY_POLL_SECONDS": "0.2", "RELAY_LEASE_MARGIN_SECONDS": "1", "RELAY_HEARTBEAT_SECONDS": "0.2"}
"""Leases of two seconds at connectors that time out after one, and shares that hold a second."""

GONE = psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction
"""What an application meets while its database is away; then it tries again."""


def workers(sql: Connection) -> object:
    """How many have said that they live."""
    return sql.execute("SELECT count(*) FROM outbox.worker").fetchall()[0][0]


@contextmanager
def daemon(outbox: Program, sql: Connection) -> Iterator["subprocess.Popen[str]"]:
    """A daemon that is up; killed at the end if it still runs."""
    before = workers(sql)
    process = outbox.start("run")
    try:
        wait_for(lambda: workers(sql) != before, seconds=20)
        yield process
    finally:
        process.kill()
        process.wait()


def ends_well(process: "subprocess.Popen[str]", *, seconds: float) -> None:
    """Told to end it does, in time and with exit code 0."""
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=PATIENCE * seconds) == 0


def open_deliveries(sql: Connection) -> object:
    """Notes and queue rows that are left."""
    return sql.execute("SELECT (SELECT count(*) FROM outbox.inbox) + (SELECT count(*) FROM outbox.queue)").fetchall()[
        0
    ][0]


def check_whole(sql: Connection, crm: Receiver, connector: int, events: list[int]) -> Counter[str]:
    """Every event delivered, once settled so, numbers without gap; how often each report came to the receiver."""
    rows = sql.execute(
        "SELECT event_id, count(*) FILTER (WHERE settled = 'delivered'), count(*) FILTER (WHERE NOT late), max(number)"
        " FROM outbox.attempt GROUP BY event_id ORDER BY event_id"
    ).fetchall()
    assert [row[0] for row in rows] == sorted(events)
    assert [row for row in rows if row[1] != 1 or row[2] != row[3]] == []
    came = Counter(name for name, _ in numbers(crm))
    assert set(came) == {f"dlv_{event}_{connector}" for event in events}
    return came


def check_order(crm: Receiver) -> None:
    """The reports of each contract came in the order of its events, none again after a later one."""
    came: dict[str, list[int]] = defaultdict(list)
    for got in list(crm.received):
        report = json.loads(got.body)
        came[report["contract_id"]].append(report["id"])
    assert {contract: ids for contract, ids in came.items() if ids != sorted(ids)} == {}


def keep_writing(database: Database, until: threading.Event, written: list[int]) -> None:
    """Commits an event on one of twenty contracts every few milliseconds, and comes back when the server does."""
    while not until.is_set():
        with (
            contextlib.suppress(psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction),
            database.connect() as connection,
        ):
            while not until.is_set():
                event = insert_note(connection, f"k{random.randrange(20)}")
                connection.commit()
                written.append(event)
                time.sleep(0.01)
        time.sleep(0.05)


@contextmanager
def load(database: Database) -> Iterator[list[int]]:
    """Events that were committed while the block ran."""
    written: list[int] = []
    until = threading.Event()
    writer = threading.Thread(target=keep_writing, args=(database, until, written))
    writer.start()
    try:
        yield written
    finally:
        until.set()
        writer.join(timeout=20)


@contextmanager
def own_server() -> Iterator[Database]:
    """A server that a test may break; settles are durable, as in production."""
    with Server(options="-c synchronous_commit=on") as server:
        database = Database(server, "test")
        engine = create_engine(database.url)
        migrate(engine)
        engine.dispose()
        yield database
        database.dispose()


@dataclass
class Leases:
    """What a watch over the leases saw: the longest, and the longest that one stood after its end; in seconds."""

    longest: float = 0.0
    overdue: float = 0.0


@contextmanager
def watched_leases(database: Database) -> Iterator[Leases]:
    """Looks at every lease ten times a second."""
    seen, until = Leases(), threading.Event()

    def look() -> None:
        with connect(database) as connection:
            while not until.wait(0.1):
                longest, overdue = connection.execute(
                    "SELECT coalesce(extract(epoch FROM max(due_at - leased_at)), 0),"
                    " coalesce(extract(epoch FROM max(clock_timestamp() - due_at)), 0)"
                    " FROM outbox.queue WHERE lease_token IS NOT NULL"
                ).fetchall()[0]
                seen.longest = max(seen.longest, float(str(longest)))
                seen.overdue = max(seen.overdue, float(str(overdue)))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        until.set()
        watcher.join(timeout=10)
